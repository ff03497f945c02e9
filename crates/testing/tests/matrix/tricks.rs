//! Headers and spellings of paths that have opened doors elsewhere.

use axum::body::Body;
use axum::http::Request;
use routes::{Access, Declaration};
use tower::ServiceExt as _;

use crate::callers::CALLERS;
use crate::components;
use crate::world::World;

/// Headers from which some server or other has taken who is asking, or what is asked for (SECURITY R61).
const HEADERS: [&str; 62] = [
    "cf-access-authenticated-user-email",
    "cf-access-jwt-assertion",
    "client-ip",
    "cookie",
    "forwarded",
    "from",
    "impersonate-user",
    "openai-organization",
    "organization",
    "proxy-authorization",
    "remote-addr",
    "remote-user",
    "service-worker",
    "spin-base-path",
    "spin-client-addr",
    "spin-component-route",
    "spin-full-url",
    "spin-matched-route",
    "spin-path-info",
    "spin-raw-component-route",
    "ssl-client-verify",
    "true-client-ip",
    "via",
    "x-account",
    "x-account-id",
    "x-admin",
    "x-amzn-oidc-data",
    "x-amzn-oidc-identity",
    "x-api-version",
    "x-auth-request-email",
    "x-auth-request-user",
    "x-auth-token",
    "x-authenticated-user",
    "x-client-cert",
    "x-custom-ip-authorization",
    "x-debug",
    "x-email",
    "x-forwarded-email",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-user",
    "x-goog-authenticated-user-email",
    "x-goog-iap-jwt-assertion",
    "x-http-method",
    "x-http-method-override",
    "x-internal",
    "x-internal-request",
    "x-is-admin",
    "x-method-override",
    "x-ms-client-principal",
    "x-original-url",
    "x-organization-id",
    "x-real-ip",
    "x-remote-user",
    "x-request-from",
    "x-rewrite-url",
    "x-role",
    "x-tenant-id",
    "x-user",
    "x-user-id",
    "x-webauth-user",
];

/// The routes that are not for everyone, with the component and a path of the owner's own.
fn guarded(world: &World) -> Vec<(usize, Declaration, String)> {
    let owner = &CALLERS[CALLERS.len() - 1];
    let components = components().into_iter().enumerate();
    let routes = components.flat_map(|(component, (declarations, _))| {
        declarations.into_iter().map(move |route| (component, route))
    });
    routes
        .filter(|(_, route)| route.access != Access::Public)
        .map(|(component, route)| {
            let path = world.fill(route.path, owner);
            (component, route, path)
        })
        .collect()
}

#[tokio::test]
async fn no_header_but_the_credential_says_who_is_asking() {
    let world = World::new().await;
    let owner = &CALLERS[CALLERS.len() - 1];
    let token = world.credential(owner).unwrap();
    let values = ["admin", "127.0.0.1", token, "/api/health", "GET"];
    for (component, route, path) in guarded(&world) {
        for name in HEADERS {
            for value in values {
                let request = Request::builder().method(route.method.clone()).uri(&path);
                let request = request.header(name, value).body(Body::empty()).unwrap();
                let response = world.router(component).oneshot(request).await.unwrap();
                assert_eq!(response.status().as_u16(), 401, "{name}: {value} {path}");
            }
        }
    }
}

#[tokio::test]
async fn a_path_has_one_spelling() {
    let world = World::new().await;
    let owner = &CALLERS[CALLERS.len() - 1];
    let token = world.credential(owner).unwrap();
    for (component, route, path) in guarded(&world) {
        let (base, rest) = path[1..].split_once('/').unwrap();
        let upper = base.to_ascii_uppercase();
        let is_chosen =
            ["{continuation_id}", "{key}"].iter().any(|name| route.path.ends_with(name));
        let spellings = [
            format!("/{path}"),
            format!("/{base}//{rest}"),
            format!("/./{}", &path[1..]),
            format!("/{base}/./{rest}"),
            format!("/{base}/x/../{rest}"),
            format!("/{base}/%2e/{rest}"),
            format!("/{base}/x/%2e%2e/{rest}"),
            format!("/{base}%2f{rest}"),
            format!("/{upper}/{rest}"),
            format!("{path}/"),
            format!("{path};x"),
            format!("{path}%00"),
            format!("{path}%20"),
            format!("{path}/.."),
        ];
        for spelling in spellings {
            for credential in [None, Some(token)] {
                let mut request = Request::builder().method(route.method.clone()).uri(&spelling);
                if let Some(credential) = credential {
                    request = request.header("authorization", format!("Bearer {credential}"));
                }
                let request = request.body(Body::empty()).unwrap();
                let response = world.router(component).oneshot(request).await.unwrap();
                // What ends in an id may be read as another id, which names nothing; nobody gets further than to be told so.
                let status = response.status().as_u16();
                let expected: &[u16] = match credential {
                    None => &[401, 404, 405],
                    // Another name that the caller may give is a name like any other.
                    Some(_) if is_chosen => &[200, 201, 400, 403, 404, 405, 415, 422],
                    Some(_) => &[403, 404, 405],
                };
                assert!(expected.contains(&status), "{} {spelling}: {status}", route.method);
            }
        }
    }
}
