//! What the tree consists of, for tests about the tree itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::workspace::root;

/// A package of the workspace.
#[derive(Debug)]
pub struct Package {
    /// The part of the tree: `components`, `crates`, `host`, `cli`, `tests` or `tests/guests`.
    pub folder: String,
    pub directory: PathBuf,
    /// Names of normal and build dependencies; what only tests use may point anywhere.
    pub dependencies: BTreeSet<String>,
    /// The normal dependencies that are compiled to WebAssembly too.
    pub wasm_dependencies: BTreeSet<String>,
}

/// All packages by name.
///
/// # Panics
/// When cargo does not describe the workspace.
pub fn packages() -> BTreeMap<String, Package> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let manifest = Path::new(package["manifest_path"].as_str().unwrap());
            let relative = manifest.parent().unwrap().strip_prefix(root()).unwrap();
            let folder = match relative.parent().and_then(Path::to_str) {
                Some("") | None => relative.to_str().unwrap().to_owned(),
                Some(parent) => parent.to_owned(),
            };
            let names = |counts: fn(&Value) -> bool| {
                let all = package["dependencies"].as_array().unwrap().iter();
                let counted = all.filter(|dependency| counts(dependency));
                counted.map(|dependency| dependency["name"].as_str().unwrap().to_owned()).collect()
            };
            let dependencies = names(|dependency| dependency["kind"] != "dev");
            let wasm_dependencies = names(|dependency| {
                let target = dependency["target"].as_str().unwrap_or_default();
                dependency["kind"].is_null() && !target.starts_with("cfg(not(")
            });
            let directory = manifest.parent().unwrap().to_owned();
            let name = package["name"].as_str().unwrap().to_owned();
            (name, Package { folder, directory, dependencies, wasm_dependencies })
        })
        .collect()
}

/// The packages of the workspace that components are made of: the components and all that they depend on.
pub fn wasm_packages() -> BTreeMap<String, Package> {
    let mut all = packages();
    let components = all.iter().filter(|(_, package)| package.folder == "components");
    let mut names: Vec<String> = components.map(|(name, _)| name.clone()).collect();
    let mut reached = BTreeMap::new();
    while let Some(name) = names.pop() {
        if let Some(package) = all.remove(&name) {
            names.extend(package.wasm_dependencies.iter().cloned());
            reached.insert(name, package);
        }
    }
    reached
}

/// All Rust sources below a folder, but for what was built.
///
/// # Panics
/// When the folder cannot be read.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name == "target" || name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
