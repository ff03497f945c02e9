//! `spin.toml` against the route tables: every path reaches the component that declares it.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::Path;

use manifest::{Manifest, Route, Router, Target};
use routes::{Declaration, Part, openapi};

/// How many times each path is asked for, with other ids each time.
const IDS_PER_PATH: usize = 100;

/// Every component with its routes and the schemas of their bodies.
fn components() -> [(&'static str, Vec<Declaration>, &'static str); 5] {
    [
        ("auth", auth::declarations(), auth::schemas()),
        ("chat", chat::declarations(), chat::schemas()),
        ("config", config::declarations(), config::schemas()),
        ("conversations", conversations::declarations(), conversations::schemas()),
        ("files", files::declarations(), files::schemas()),
    ]
}

/// The paths of the OpenAPI document.
fn documented_paths() -> Vec<String> {
    let parts: Vec<Part> = components()
        .into_iter()
        .map(|(_, declarations, schemas)| Part {
            declarations,
            schemas: serde_json::from_str(schemas).unwrap(),
        })
        .collect();
    let document = openapi(env!("CARGO_PKG_VERSION"), &parts).unwrap();
    document["paths"].as_object().unwrap().keys().cloned().collect()
}

fn manifest() -> Manifest {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spin.toml");
    Manifest::load(Path::new(path)).unwrap()
}

/// The component and the route that answer `path`.
fn answer<'m>(manifest: &'m Manifest, router: &'m Router, path: &str) -> (&'m str, &'m str) {
    let found = router.route(path).unwrap_or_else(|| panic!("no route matches {path}"));
    match &manifest.triggers[found.trigger].target {
        Target::Component { id, .. } => (id, found.raw_route),
        Target::StaticResponse(_) => panic!("{path} leads to no component"),
    }
}

/// Numbers that look random (`SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    /// A UUID in half of the cases, and otherwise 12 to 51 characters that a segment of a path may have.
    fn id(&mut self) -> String {
        const CHARACTERS: &[u8] =
            b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%:@";
        let high = self.next();
        if high.is_multiple_of(2) {
            let low = self.next();
            let digits = format!("{high:016x}{low:016x}");
            let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|group| &digits[group]);
            return groups.join("-");
        }
        let length = 12 + self.below(40);
        (0..length).map(|_| char::from(CHARACTERS[self.below(CHARACTERS.len())])).collect()
    }

    /// The path with an id in place of each parameter.
    fn fill(&mut self, path: &str) -> String {
        let segments = path
            .split('/')
            .map(|segment| if segment.starts_with('{') { self.id() } else { segment.to_owned() });
        segments.collect::<Vec<_>>().join("/")
    }
}

#[test]
fn every_documented_path_reaches_the_component_that_declares_it() {
    let seed = RandomState::new().build_hasher().finish();
    println!("seed {seed}");
    let mut numbers = Numbers(seed);
    let mut declaring = BTreeMap::new();
    for (component, declarations, _) in components() {
        for Declaration { path, .. } in declarations {
            let other = declaring.insert(path.to_owned(), component);
            assert!(other.is_none_or(|other| other == component), "two components have {path}");
        }
    }
    let manifest = manifest();
    let router = Router::new(&manifest).unwrap();
    let mut used = BTreeSet::new();
    for path in documented_paths() {
        for _ in 0..IDS_PER_PATH {
            let filled = numbers.fill(&path);
            let (component, route) = answer(&manifest, &router, &filled);
            assert_eq!(component, declaring[&path], "seed {seed}: {filled} is for {route}");
            used.insert(route);
        }
    }
    let routes = manifest.triggers.iter().filter_map(|trigger| match &trigger.route {
        Route::Public(route) => Some(route.as_str()),
        Route::Private => None,
    });
    assert_eq!(routes.collect::<BTreeSet<_>>(), used, "a route of the manifest leads to nothing");
}

/// A client may choose any text for the id of a continuation.
#[test]
fn the_id_of_a_continuation_may_be_the_name_of_a_route() {
    let manifest = manifest();
    let router = Router::new(&manifest).unwrap();
    for id in ["runs", "messages", "files", "retention"] {
        let path = format!("/api/conversations/by-continuation/{id}");
        let route = "/api/conversations/by-continuation/:continuation_id";
        assert_eq!(answer(&manifest, &router, &path), ("conversations", route));
    }
}
