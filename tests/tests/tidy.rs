//! The tree's own rules: who depends on whom, where SQL may stand, how long a file may get. No network, no further tool.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

use std::collections::{BTreeMap, BTreeSet};

use e2e::tree::{packages, rust_files};
use e2e::workspace::root;

const LINES_MAX: usize = 400;

/// Crates that may name `spin_sdk`: the rest must run natively, and under a host that is not Spin.
const SPIN_SDK_ALLOWED: [&str; 5] = ["ambient", "chunks", "database", "egress", "settings"];

/// The libraries that a host may use: none of them knows the product.
const HOST_MAY_USE: [&str; 4] = ["engine", "hrana", "manifest", "tls"];

/// Words of the product. The host serves any application, so none may stand in it or in what it uses.
const PRODUCT_NOUNS: [&str; 6] =
    ["selvage_", "conversation", "signup", "account_id", "blueprint", "marketplace"];

#[test]
fn dependencies_point_from_components_and_host_to_crates() {
    let packages = packages();
    let mut offences = Vec::new();
    for (name, package) in &packages {
        for dependency in &package.dependencies {
            let Some(target) = packages.get(dependency).map(|package| package.folder.as_str())
            else {
                continue;
            };
            let allowed = match package.folder.as_str() {
                "crates" | "components" => target == "crates",
                "host" => HOST_MAY_USE.contains(&dependency.as_str()),
                "cli" => target == "crates" || target == "host",
                "bench" | "tests" | "tests/guests" => true,
                other => panic!("no rule for {other}"),
            };
            if !allowed {
                offences.push(format!("{name} must not depend on {dependency}"));
            }
        }
    }
    assert_eq!(offences, [""; 0]);
}

#[test]
fn spin_sdk_is_named_only_at_the_edge() {
    let offenders: Vec<_> = packages()
        .into_iter()
        .filter(|(name, package)| {
            package.dependencies.contains("spin-sdk")
                && package.folder == "crates"
                && !SPIN_SDK_ALLOWED.contains(&name.as_str())
        })
        .map(|(name, _)| name)
        .collect();
    assert_eq!(offenders, [""; 0]);
}

#[test]
fn files_stay_short_enough_to_hold_one_thing() {
    let long: Vec<_> = rust_files(root())
        .into_iter()
        .filter(|path| !path.components().any(|part| part.as_os_str() == "tests"))
        .map(|path| (std::fs::read_to_string(&path).unwrap().lines().count(), path))
        .filter(|(lines, _)| LINES_MAX < *lines)
        .collect();
    assert_eq!(long, []);
}

#[test]
fn the_product_s_sql_stands_in_sql_files_only() {
    let mut offences = Vec::new();
    let folders = ["components", "crates/audit", "crates/caller", "crates/limits"];
    for path in folders.iter().flat_map(|folder| rust_files(&root().join(folder))) {
        if path
            .components()
            .any(|part| ["tests", "examples"].contains(&&*part.as_os_str().to_string_lossy()))
        {
            continue;
        }
        for (number, line) in std::fs::read_to_string(&path).unwrap().lines().enumerate() {
            let code = line.trim_start();
            if ["SELECT ", "INSERT INTO ", "DELETE FROM ", "UPDATE "].iter().any(|words| {
                code.split('"')
                    .skip(1)
                    .step_by(2)
                    .any(|literal| literal.trim_start().starts_with(words))
            }) {
                offences.push(format!("{}:{}", path.display(), number + 1));
            }
        }
    }
    assert_eq!(offences, [""; 0]);
}

#[test]
fn the_host_knows_no_product() {
    let mut offences = Vec::new();
    for folder in [
        "host/src",
        "crates/engine/src",
        "crates/hrana/src",
        "crates/manifest/src",
        "crates/tls/src",
    ] {
        for path in rust_files(&root().join(folder)) {
            let text = std::fs::read_to_string(&path).unwrap().to_lowercase();
            offences.extend(
                PRODUCT_NOUNS
                    .iter()
                    .filter(|noun| text.contains(*noun))
                    .map(|noun| format!("{} says {noun}", path.display())),
            );
        }
    }
    assert_eq!(offences, [""; 0]);
}

#[test]
fn migrations_are_numbered_without_gaps_and_can_be_taken_back() {
    let mut numbers: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for entry in std::fs::read_dir(root().join("migrations")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(stem) = name.strip_suffix(".sql") else { continue };
        let (number, rest) = stem.split_once('_').unwrap();
        numbers.entry(number.parse().unwrap()).or_default().insert(rest.to_owned());
    }
    assert!(!numbers.is_empty());
    for (expected, (number, names)) in (1..).zip(&numbers) {
        assert_eq!(*number, expected, "the numbers have a gap or start wrongly");
        let nouns: BTreeSet<_> = names.iter().map(|name| name.split_once('.').unwrap().0).collect();
        assert_eq!(nouns.len(), 1, "{number} has two names: {names:?}");
        assert_eq!(names.len(), 2, "{number} lacks its up or its down: {names:?}");
    }
}

#[test]
fn each_component_is_in_the_manifest_and_nothing_else_is() {
    let folders: BTreeSet<String> = std::fs::read_dir(root().join("components"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let manifest = std::fs::read_to_string(root().join("spin.toml")).unwrap();
    let components: BTreeSet<String> = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("[component.")?.strip_suffix(']'))
        .filter(|name| !name.contains('.'))
        .map(str::to_owned)
        .collect();
    assert_eq!(components, folders);
}

#[test]
fn local_links_of_the_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for document in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"] {
        let text = std::fs::read_to_string(root().join(document)).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap_or_default();
            if !link.contains("://") && !path.is_empty() && !root().join(path).exists() {
                broken.push(format!("{document}: {link}"));
            }
        }
    }
    assert_eq!(broken, [""; 0]);
}
