//! Where SQL is: `queries/*.sql` of every component, crate and the command line.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

pub struct Query {
    /// Relative to the repository, with forward slashes.
    pub path: String,
    pub sql: String,
}

/// Every SQL file outside of the migrations, sorted.
pub fn queries() -> Vec<Query> {
    let root = root();
    let parents = ["components", "crates"].iter().flat_map(|name| entries(&root.join(name)));
    let mut files: Vec<PathBuf> = parents
        .chain([root.join("cli")])
        .map(|member| member.join("queries"))
        .filter(|queries| queries.is_dir())
        .flat_map(|queries| entries(&queries))
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|file| {
            assert_eq!(
                file.extension().and_then(|e| e.to_str()),
                Some("sql"),
                "{}",
                file.display()
            );
            let sql = fs::read_to_string(&file).unwrap();
            let path = file.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
            Query { path, sql }
        })
        .collect()
}

/// The exceptions from tenancy: path and reason.
pub fn allowed() -> BTreeMap<String, String> {
    let text = include_str!("allowed.txt");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (path, reason) = line.split_once(": ").expect("a line is `path: reason`");
            assert!(20 < reason.len(), "{path} needs a reason");
            (path.to_owned(), reason.to_owned())
        })
        .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
}
