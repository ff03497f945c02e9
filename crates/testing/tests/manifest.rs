//! `spin.toml` against what the components read: one that the manifest does not give a variable runs on its default, and nobody is told.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use std::collections::{BTreeMap, BTreeSet};

use settings::{AuthSettings, ChatSettings, ConfigSettings, ConversationsSettings, FilesSettings};

/// Every component with the variables that it reads.
const COMPONENTS: [(&str, &[&str]); 5] = [
    ("auth", &AuthSettings::NAMES),
    ("chat", &ChatSettings::NAMES),
    ("config", &ConfigSettings::NAMES),
    ("conversations", &ConversationsSettings::NAMES),
    ("files", &FilesSettings::NAMES),
];

/// The tables of the manifest with their entries as text. Its values stand on one line each.
fn tables() -> BTreeMap<String, BTreeMap<String, String>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spin.toml");
    let mut tables: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut current = String::new();
    for line in std::fs::read_to_string(path).unwrap().lines() {
        if let Some(header) = line.strip_prefix('[') {
            header.trim_matches(['[', ']']).clone_into(&mut current);
            tables.entry(current.clone()).or_default();
        } else if let Some((name, value)) = line.split_once(" = ")
            && !line.starts_with('#')
        {
            let table = tables.entry(current.clone()).or_default();
            table.insert(name.to_owned(), value.to_owned());
        }
    }
    tables
}

#[test]
fn each_component_is_given_exactly_the_variables_that_it_reads() {
    let tables = tables();
    let mut given = BTreeSet::new();
    for (component, names) in COMPONENTS {
        let variables = &tables[&format!("component.{component}.variables")];
        let keys: BTreeSet<_> = variables.keys().map(String::as_str).collect();
        assert_eq!(keys, names.iter().copied().collect(), "{component}");
        for (name, value) in variables {
            assert_eq!(*value, format!("\"{{{{ {name} }}}}\""), "{component}");
        }
        given.extend(keys);
    }
    let declared: BTreeSet<_> =
        tables.keys().filter_map(|table| table.strip_prefix("variables.")).collect();
    assert_eq!(declared, given);
}

#[test]
fn every_component_is_here_and_built_by_one_command() {
    let tables = tables();
    let components: BTreeSet<_> = tables
        .keys()
        .filter_map(|table| table.strip_prefix("component."))
        .filter(|component| !component.contains('.'))
        .collect();
    assert_eq!(components, COMPONENTS.iter().map(|(component, _)| *component).collect());
    let packages: Vec<_> = components.iter().map(|component| format!(" -p {component}")).collect();
    let command = format!("\"cargo build --target wasm32-wasip2 --release{}\"", packages.concat());
    for component in components {
        let build = &tables[&format!("component.{component}.build")];
        assert_eq!(build["command"], command, "{component}");
        assert!(
            build["watch"].contains(&format!("\"components/{component}/**/*\"")),
            "{component}"
        );
    }
}
