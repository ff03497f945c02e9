//! Where a secret may stand in a request: where it belongs, and everywhere else.

use axum::body::Body;
use axum::http::request::Builder;
use axum::http::{Method, Request, header};
use routes::Declaration;
use serde_json::{Map, Value, json};

use crate::traces::all_escaped;
use crate::world::World;

/// Fields that hold secrets. All others are a person's own words, which are kept as they are.
const SECRET_FIELDS: [&str; 9] = [
    "password",
    "current_password",
    "new_password",
    "refresh_token",
    "token",
    "code",
    "totp",
    "login",
    "secret",
];

/// Segments of paths that are a person's own words.
const OWN_WORDS: [&str; 2] = ["{continuation_id}", "{key}"];

/// Routes that take a document of a person's own words, whatever is in it.
const OWN_DOCUMENTS: [&str; 5] = [
    "patch_settings",
    "patch_system_settings",
    "put_context",
    "put_settings",
    "put_system_settings",
];

type Placed = (&'static str, Request<Body>);

/// Requests to a route with this secret, each in another place. Those that are expensive for the route take turns from secret to secret.
pub fn requests(world: &World, route: &Declaration, secret: &str, turn: usize) -> Vec<Placed> {
    let path = world.fill(route.path);
    let mut placed = in_headers(world, route, &path, secret);
    placed.extend(in_the_url(world, route, &path, secret));
    let bodies = in_bodies(world, route, secret);
    // Routes that look at passwords take long for each.
    let is_slow = bodies.iter().any(|(place, _)| *place == "a field for secrets");
    for (n, (place, body)) in bodies.into_iter().enumerate() {
        let is_in_turn = n % 2 == turn % 2;
        if !is_slow || is_in_turn {
            placed.push((place, world.signed_in(json_request(route, &path)).body(body).unwrap()));
        }
    }
    placed
}

fn json_request(route: &Declaration, path: &str) -> Builder {
    let request = Request::builder().method(route.method.clone()).uri(path);
    request.header(header::CONTENT_TYPE, "application/json")
}

fn in_headers(world: &World, route: &Declaration, path: &str, secret: &str) -> Vec<Placed> {
    let empty = |request: Builder| request.body(Body::from("{}")).unwrap();
    let bare = || json_request(route, path);
    let mut placed = vec![
        ("authorization", empty(bare().header("authorization", format!("Bearer {secret}")))),
        ("authorization", empty(bare().header("authorization", format!("Basic {secret}")))),
        ("x-api-key", empty(bare().header("x-api-key", secret))),
    ];
    let cookie = format!("__Host-selvage_refresh={secret}; session={secret}");
    for (name, value) in [
        ("cookie", cookie.as_str()),
        ("idempotency-key", secret),
        ("if-match", secret),
        ("if-none-match", secret),
        ("referer", secret),
        ("origin", secret),
        ("x-selvage-client", secret),
        ("x-forwarded-for", secret),
        ("accept", secret),
        ("content-language", secret),
    ] {
        placed.push(("a header", empty(world.signed_in(bare()).header(name, value))));
    }
    // A browser whose cookie does not count.
    let browser = bare()
        .header("x-selvage-client", "browser")
        .header("origin", testing::ISSUER)
        .header("sec-fetch-site", "same-origin")
        .header("cookie", cookie);
    placed.push(("the cookie", browser.body(Body::empty()).unwrap()));
    placed
}

fn in_the_url(world: &World, route: &Declaration, path: &str, secret: &str) -> Vec<Placed> {
    let escaped = all_escaped(secret);
    let request =
        |path: String| world.signed_in(json_request(route, &path)).body(Body::from("{}")).unwrap();
    let mut placed: Vec<Placed> = ["access_token", "cursor", "limit", "before", "x"]
        .iter()
        .map(|name| ("the query", request(format!("{path}?{name}={escaped}"))))
        .collect();
    let segments: Vec<_> = route.path.split('/').collect();
    for (n, segment) in segments.iter().enumerate() {
        if segment.starts_with('{') && !OWN_WORDS.contains(segment) {
            let mut filled: Vec<_> = path.split('/').map(str::to_owned).collect();
            filled[n].clone_from(&escaped);
            placed.push(("the path", request(filled.join("/"))));
        }
    }
    placed.push(("the path", request(format!("{path}/{escaped}"))));
    placed
}

fn in_bodies(world: &World, route: &Declaration, secret: &str) -> Vec<(&'static str, Body)> {
    if route.method == Method::GET {
        return Vec::new();
    }
    let mut bodies = vec![
        ("a body that is no JSON", Body::from(format!("{{\"a\": {secret}"))),
        ("a body that is a string", Body::from(json!(secret).to_string())),
    ];
    if !OWN_DOCUMENTS.contains(&route.operation_id) {
        bodies.push(("an unknown field", Body::from(json!({"unknown": secret}).to_string())));
    }
    let example = route.request.map(|name| world.example(name)).unwrap_or_default();
    let Value::Object(example) = example else { return bodies };
    let with = |name: &str, value: Value| {
        let mut body: Map<_, _> = example.clone();
        body.insert(name.to_owned(), value);
        Body::from(Value::Object(body).to_string())
    };
    for name in example.keys() {
        if SECRET_FIELDS.contains(&name.as_str()) {
            bodies.push(("a field for secrets", with(name, json!(secret))));
        }
        bodies.push(("a field of the wrong type", with(name, json!([[{"x": secret}]]))));
    }
    if matches!(route.operation_id, "create_provider_key" | "update_provider_key") {
        bodies.push(("a field for secrets", with("value", json!(secret))));
    }
    if example.contains_key("password") {
        bodies.push(("a field for secrets", with("totp", json!(secret))));
    }
    bodies
}
