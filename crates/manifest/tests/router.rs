//! The router against the one that Spin uses, over every small set of routes and every small path.

#![expect(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

use std::path::Path;

use manifest::{Manifest, Router};

/// Routes for which both routers promise the same.
const ROUTES: [&str; 19] = [
    "/",
    "/...",
    "/a",
    "/a/...",
    "/a/*",
    "/a/b",
    "/a/b/...",
    "/a/:x",
    "/a/:x/...",
    "/:x",
    "/:x/...",
    "/:x/b",
    "/:x/:y",
    "/:x.:y",
    "/:x.b",
    "/a.:y",
    "/a.b",
    "/a.b/...",
    "/:x.b/...",
];

fn parse(routes: &[&str]) -> Result<Manifest, String> {
    let triggers: Vec<String> = routes
        .iter()
        .map(|route| format!("[[trigger.http]]\nroute = {route:?}\nstatic_response = {{}}\n"))
        .collect();
    let head = "spin_manifest_version = 2\napplication.name = \"x\"\n";
    let text = format!("{head}{}", triggers.concat());
    Manifest::parse(Path::new("spin.toml"), &text).map_err(|error| error.to_string())
}

fn router(routes: &[&str]) -> Router {
    Router::new(&parse(routes).unwrap()).unwrap()
}

fn oracle<'r>(routes: &[&'r str]) -> routefinder::Router<&'r str> {
    let mut router = routefinder::Router::new();
    for route in routes {
        let translated = match route.strip_suffix("/...") {
            Some(prefix) => format!("{prefix}/*"),
            None => (*route).to_owned(),
        };
        router.add(translated.as_str(), *route).unwrap();
    }
    router
}

/// Every path of up to `length` characters that matter to a router, with a leading slash.
fn paths(length: usize) -> Vec<String> {
    let mut paths = vec!["/".to_owned()];
    let mut last = paths.clone();
    for _ in 0..length {
        last = last
            .iter()
            .flat_map(|path| ['/', '.', 'a', 'b'].map(|c| format!("{path}{c}")))
            .collect();
        paths.extend(last.clone());
    }
    paths
}

fn assert_same(routes: &[&str], paths: &[String]) {
    let (ours, theirs) = (router(routes), oracle(routes));
    for path in paths {
        let ours = ours.route(path);
        let theirs = theirs.best_match(path);
        let mine = ours.as_ref().map(|found| (found.raw_route, found.parameters.clone()));
        let captures = theirs.as_ref().map(routefinder::Match::captures);
        let other = theirs.as_ref().zip(captures.as_ref()).map(|(found, captures)| {
            let pairs = captures.params().iter().map(|capture| (capture.name(), capture.value()));
            (*found.handler(), pairs.collect::<Vec<_>>())
        });
        assert_eq!(mine, other, "routes {routes:?}, path {path}");
        let rest = captures.as_ref().and_then(|captures| captures.wildcard());
        let info = ours.as_ref().map_or("", |found| &found.path_info);
        assert_eq!(
            info.trim_start_matches('/').trim_end_matches('/'),
            rest.unwrap_or_default().trim_matches('/')
        );
    }
}

#[test]
fn every_single_route_matches_what_it_matches_in_spin() {
    let paths = paths(6);
    for route in ROUTES {
        assert_same(&[route], &paths);
    }
}

#[test]
fn every_pair_of_routes_has_the_precedence_that_it_has_in_spin() {
    let paths = paths(5);
    let mut pairs = 0;
    for first in ROUTES {
        for second in ROUTES {
            if parse(&[first, second]).is_ok() {
                assert_same(&[first, second], &paths);
                pairs += 1;
            }
        }
    }
    // All ordered pairs of different routes but `/a/...` with `/a/*` are distinct.
    assert_eq!(pairs, 19 * 18 - 2);
}

#[test]
fn all_routes_together_have_the_precedence_that_they_have_in_spin() {
    // Without parameters before dots, for which the answer of Spin depends on the order of declaration.
    let mut routes: Vec<&str> =
        ROUTES.into_iter().filter(|route| *route != "/a/*" && !route.contains(":x.")).collect();
    assert_eq!(routes.len(), 15);
    let paths = paths(6);
    for _ in 0..routes.len() {
        assert_same(&routes, &paths);
        routes.rotate_left(1);
    }
    routes.reverse();
    assert_same(&routes, &paths);
}

#[test]
fn the_more_specific_route_wins_whatever_the_order() {
    let mut routes = ["/...", "/a/...", "/a/b/...", "/a/:x", "/a/b", "/:x", "/"];
    for _ in 0..routes.len() {
        let router = router(&routes);
        for (path, route) in [
            ("/", "/"),
            ("/z", "/:x"),
            ("/z/z", "/..."),
            ("/a", "/a/..."),
            ("/a/z", "/a/:x"),
            ("/a/z/z", "/a/..."),
            ("/a/b", "/a/b"),
            ("/a/b/z", "/a/b/..."),
        ] {
            assert_eq!(router.route(path).unwrap().raw_route, route, "{path} in {routes:?}");
        }
        routes.rotate_left(1);
    }
}

#[test]
fn a_parameter_before_a_dot_wins_whatever_the_order() {
    let mut routes = ["/:x.:y/b", "/:x/b", "/:x", "/:x.:y", "/:x.json", "/:x/...", "/..."];
    for _ in 0..routes.len() {
        let router = router(&routes);
        for (path, route) in [
            ("/a.json", "/:x.json"),
            ("/a.b", "/:x.:y"),
            ("/a.b/b", "/:x.:y/b"),
            ("/a/b", "/:x/b"),
            ("/a", "/:x"),
            ("/a/c", "/:x/..."),
            ("/a.b/c", "/:x/..."),
            ("/", "/..."),
        ] {
            assert_eq!(router.route(path).unwrap().raw_route, route, "{path} in {routes:?}");
        }
        routes.rotate_left(1);
    }
}

#[test]
fn a_dotted_first_segment_is_a_literal_whatever_the_order() {
    for routes in [["/.well-known/jwks.json", "/..."], ["/...", "/.well-known/jwks.json"]] {
        let router = router(&routes);
        assert_eq!(
            router.route("/.well-known/jwks.json").unwrap().raw_route,
            "/.well-known/jwks.json"
        );
        assert_eq!(router.route("/.well-known/other").unwrap().raw_route, "/...");
    }
    // The rule for manifests that shall run on both hosts: `/...` first.
    assert_same(&["/...", "/.well-known/jwks.json"], &["/.well-known/jwks.json".to_owned()]);
}

#[test]
fn the_pieces_of_the_headers_are_those_of_spin() {
    let router = router(&["/", "/foo/:userid/...", "bare", "/files/*"]);
    let pieces = |path| {
        let found = router.route(path).unwrap();
        (
            found.raw_route,
            found.component_route,
            found.matched_route.into_owned(),
            found.path_info.into_owned(),
            found.parameters,
        )
    };
    let none = Vec::new;
    assert_eq!(pieces("/"), ("/", "/", String::new(), String::new(), none()));
    assert_eq!(pieces("/bare"), ("bare", "bare", "/bare".to_owned(), String::new(), none()));
    assert_eq!(
        pieces("/files/x"),
        ("/files/*", "/files/*", "/files/*".to_owned(), "/x".to_owned(), none())
    );
    for (path, info) in [
        ("/foo/42", ""),
        ("/foo/42/", "/"),
        ("/foo/42/bar", "/bar"),
        ("/foo/42/bar/", "/bar/"),
        ("/foo/42/bar/baz", "/bar/baz"),
    ] {
        let expected = ("/foo/:userid/...", "/foo/:userid", "/foo/:userid/...".to_owned());
        let (raw, component, matched, path_info, parameters) = pieces(path);
        assert_eq!((raw, component, matched), expected, "{path}");
        assert_eq!(path_info, info, "{path}");
        assert_eq!(parameters, [("userid", "42")], "{path}");
    }
}

#[test]
fn a_path_is_matched_as_it_was_sent() {
    let router = router(&["/admin/...", "/public/...", "/a/:x/b", "/a/b"]);
    let route =
        |path| router.route(path).map(|found| (found.raw_route, found.path_info.into_owned()));
    let found = |raw, info: &str| Some((raw, info.to_owned()));
    for (path, expected) in [
        ("//admin", found("/admin/...", "")),
        ("/admin//", found("/admin/...", "/")),
        ("/admin//x", found("/admin/...", "//x")),
        ("/adminx", None),
        ("/ADMIN/x", None),
        ("/admin%2fx", None),
        ("/%61dmin/x", None),
        ("/public/../admin/x", found("/public/...", "/../admin/x")),
        ("/public/%2e%2e/admin", found("/public/...", "/%2e%2e/admin")),
        ("/public/..%2fadmin", found("/public/...", "/..%2fadmin")),
        ("/./admin/x", None),
        ("/../admin/x", None),
        ("/admin;x/y", None),
        ("/public\\..\\admin", None),
        ("/a//b", found("/a/:x/b", "")),
        ("/a/%2f/b", found("/a/:x/b", "")),
        ("/a/x/b/c", None),
        ("", None),
        ("/é/ü", None),
        ("/public/é", found("/public/...", "/é")),
    ] {
        assert_eq!(route(path), expected, "{path}");
    }
    assert_eq!(router.route("/a//b").unwrap().parameters, [("x", "")]);
    assert_eq!(router.route("/a/%2f/b").unwrap().parameters, [("x", "%2f")]);
}

#[test]
fn private_triggers_have_no_route() {
    let text = "spin_manifest_version = 2
        application.name = \"x\"
        component.c.source = \"c.wasm\"
        trigger.http = [{ route = { private = true }, component = \"c\" }, { route = \"/x\", component = \"c\" }]";
    let manifest = Manifest::parse(Path::new("spin.toml"), text).unwrap();
    let router = Router::new(&manifest).unwrap();
    assert_eq!(router.route("/x").unwrap().trigger, 1);
    assert!(router.route("/").is_none());
    assert!(router.route("/c").is_none());
}

#[test]
fn routes_on_which_spin_would_stumble_are_refused() {
    for route in [
        "/a b",
        "/a?b",
        "/a#b",
        "/é",
        "/a//b",
        "//a",
        "/a/.../b",
        "/*/b",
        "/a*",
        "/a...",
        "/.../",
        "/a/...x",
        "/:",
        "/a/:/b",
        "/:a b",
        "/:a*",
        "/:x/:x",
        "/:x..:y",
        "/:x.",
        "/a/.b",
        "/..",
        "/a/../b",
        "/.",
        "/a/.",
        "/.well-known/spin/health",
        "/.well-known/spin/...",
        "/a\\b",
    ] {
        let accepted = parse(&[route]).is_ok();
        assert_eq!(accepted, route == "/.../", "{route}");
    }
}
