//! The router, and the overlaps that a manifest may have.

#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a failed expectation is a failed test, and a random test says what it does"
)]

use std::path::Path;

use manifest::{Manifest, Router};

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

/// A manifest in which each route has a component of its own, called `c` and the number of the route.
fn parse_apart(routes: &[&str]) -> Result<Manifest, String> {
    let triggers = routes.iter().enumerate().map(|(n, route)| {
        format!("[[trigger.http]]\nroute = {route:?}\ncomponent = \"c{n}\"\n[component.c{n}]\nsource = \"c.wasm\"\n")
    });
    let head = "spin_manifest_version = 2\napplication.name = \"x\"\n";
    let text = format!("{head}{}", triggers.collect::<String>());
    Manifest::parse(Path::new("spin.toml"), &text).map_err(|error| error.to_string())
}

/// The router of `routes` on its own, without any check.
fn bare_router(routes: &[&str]) -> routefinder::Router<String> {
    let mut router = routefinder::Router::new();
    for route in routes {
        router.add(route.replace("...", "*"), (*route).to_owned()).unwrap();
    }
    router
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

/// The reason for the rules about dots.
#[test]
fn a_dotted_route_that_is_declared_early_turns_the_order_around() {
    let literals: Vec<String> = (0..10).map(|n| format!("/a{n}")).collect();
    let mut routes: Vec<&str> = literals.iter().map(String::as_str).collect();
    routes.extend(["/.well-known/jwks.json", "/...", "/static"]);
    assert_eq!(bare_router(&routes).best_match("/static").unwrap().handler(), "/...");
    let refusal = parse_apart(&routes).unwrap_err();
    assert!(refusal.contains("move the trigger of that route to the end"), "{refusal}");
    routes.remove(10);
    routes.push("/.well-known/jwks.json");
    let manifest = parse_apart(&routes).unwrap();
    let router = Router::new(&manifest).unwrap();
    for path in ["/static", "/.well-known/jwks.json", "/a7"] {
        assert_eq!(router.route(path).unwrap().raw_route, path);
    }
    assert_eq!(router.route("/.well-known/other").unwrap().raw_route, "/...");
}

#[test]
fn routes_of_one_target_may_overlap_in_any_way() {
    assert!(parse(&["/.a/:x", "/...", "/a/...", "/a/:x", "/a/b", "/:x.b"]).is_ok());
}

#[test]
fn harmless_overlaps_of_different_components_are_accepted() {
    for routes in [
        &["/...", "/", "/a", "/:x", "/:x/:y", "/a/b/c/..."] as &[_],
        &["/a/:x", "/a/b", "/:x/b/c", "/a/:x/c"],
        &["/:x", "/.a"],
        &["/...", "/.well-known/jwks.json", "/:x.b"],
        &["/a/:x/b", "/a/:x/c", "/b/..."],
    ] {
        assert!(parse_apart(routes).is_ok(), "{routes:?}: {:?}", parse_apart(routes));
    }
}

#[test]
fn other_overlaps_of_different_components_are_refused() {
    for (routes, remedy) in [
        (
            ["/a/...", "/a/:x/b"],
            "of component `c1` and the route `/a/...` of component `c0` both match `/a/x/b`; write the routes of component `c0` out one by one instead of `/a/...`",
        ),
        (["/a/b", "/a/..."], "write the routes of component `c1` out one by one"),
        (["/a/...", "/a/b/..."], "write the routes of component `c0` out one by one"),
        (["/:x/...", "/a"], "write the routes of component `c0` out one by one"),
        (["/:x", "/:x.b"], "change one of them so that no path matches both"),
        (["/.a/:x", "/.a/b"], "change one of them so that no path matches both"),
        (["/.a", "/..."], "move the trigger of that route to the end"),
    ] {
        let refusal = parse_apart(&routes).unwrap_err();
        assert!(refusal.contains(remedy), "{refusal}");
        assert!(routes.iter().all(|route| refusal.contains(&format!("`{route}`"))), "{refusal}");
        assert!(refusal.contains(": trigger.http[1].route: the route"), "{refusal}");
    }
}

#[test]
fn static_responses_and_middleware_make_targets_different() {
    let refusal = |triggers: &str| {
        let text = format!(
            "spin_manifest_version = 2\napplication.name = \"x\"\ncomponent.c.source = \"c.wasm\"\ncomponent.m.source = \"m.wasm\"\ntrigger.http = [{triggers}]"
        );
        Manifest::parse(Path::new("spin.toml"), &text).err().map(|error| error.problem)
    };
    let plain = "{ route = \"/a/...\", component = \"c\" }";
    let answer = refusal(&format!("{plain}, {{ route = \"/a/b\", static_response = {{}} }}"));
    assert!(answer.unwrap().contains("the route `/a/b` of a static response"));
    let guarded = "component = \"c\", dependencies.middleware = [{ component = \"m\" }]";
    let answer = refusal(&format!("{plain}, {{ route = \"/a/b\", {guarded} }}"));
    assert!(answer.unwrap().contains("the route `/a/b` of component `c` with middleware"));
    let two = format!("{{ route = \"/a/...\", {guarded} }}, {{ route = \"/a/b\", {guarded} }}");
    assert_eq!(refusal(&two), None);
    assert_eq!(
        refusal(&format!("{plain}, {{ route = {{ private = true }}, component = \"m\" }}")),
        None
    );
}

/// Numbers that look random (`SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(bound).unwrap()).unwrap()
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end + 1));
        }
    }

    /// A route of up to four segments.
    fn route(&mut self) -> String {
        let mut route = String::new();
        let length = self.below(4) + 1;
        for n in 0..length {
            let parameter = ["w", "x", "y", "z"][n];
            let segment = match self.below(if n == 0 { 9 } else { 8 }) {
                0..4 => ["a", "b", "c.b", "d"][self.below(4)].to_owned(),
                4..6 => format!(":{parameter}"),
                6 if n + 1 == length => "...".to_owned(),
                6 => "e".to_owned(),
                7 if n == 0 => format!(":{parameter}.b"),
                7 => "f".to_owned(),
                _ => ".a".to_owned(),
            };
            route = format!("{route}/{segment}");
        }
        route
    }

    /// A path that `route` matches.
    fn path(&mut self, route: &str) -> String {
        let segments = route.trim_start_matches('/').split('/').map(|segment| match segment {
            "..." => ["", "a", "b/c.b", "d/a/b/c"][self.below(4)].to_owned(),
            _ if segment.starts_with(':') && segment.contains(".b") => "a.b".to_owned(),
            _ if segment.starts_with(':') => ["a", "b", "c.b", ".a", "e"][self.below(5)].to_owned(),
            _ => segment.to_owned(),
        });
        format!("/{}", segments.collect::<Vec<_>>().join("/"))
    }
}

/// Smaller wins: the rule in its own words, where there is one.
fn rank(route: &str) -> Vec<u8> {
    let segments = route.trim_start_matches('/').split('/');
    let ranks = segments.map(|segment| match segment {
        "..." => 3,
        _ if segment.starts_with(':') => 2,
        _ => 1,
    });
    ranks.chain([0]).collect()
}

/// Whatever else a manifest has, and in whatever order: once it is accepted, the more specific route answers.
#[test]
fn what_is_accepted_is_answered_by_the_more_specific_route() {
    use std::hash::{BuildHasher as _, Hasher as _};
    let seed = std::hash::RandomState::new().build_hasher().finish();
    println!("seed {seed}");
    let mut numbers = Numbers(seed);
    let mut overlaps = 0;
    for _ in 0..100 {
        let mut candidates: Vec<String> = (0..45).map(|_| numbers.route()).collect();
        candidates.extend(["/...".to_owned(), "/".to_owned()]);
        numbers.shuffle(&mut candidates);
        if numbers.below(4) > 0 {
            // What the rules ask for; in the others nearly every overlap is refused.
            candidates.sort_by_key(|route| {
                route.starts_with("/.a") || route.contains(".b") && route.starts_with("/:")
            });
        }
        let mut routes: Vec<&str> = Vec::new();
        for route in &candidates {
            routes.push(route);
            if parse_apart(&routes).is_err() {
                routes.pop();
            }
        }
        let router = Router::new(&parse_apart(&routes).unwrap()).unwrap();
        let paths: Vec<String> = routes
            .iter()
            .flat_map(|route| (0..8).map(|_| numbers.path(route)).collect::<Vec<_>>())
            .collect();
        for path in paths {
            let matching: Vec<&str> = routes
                .iter()
                .copied()
                .filter(|route| bare_router(&[route]).best_match(&path).is_some())
                .collect();
            let best = matching.iter().copied().min_by_key(|route| rank(route));
            overlaps += usize::from(matching.len() > 1);
            let answer = router.route(&path).map(|found| found.raw_route);
            assert_eq!(answer, best, "seed {seed}, path {path}, routes {routes:?}");
        }
    }
    assert!(overlaps > 1_000, "seed {seed}: only {overlaps} paths match several routes");
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
