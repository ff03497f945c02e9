//! The tree under test, and what is built from it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the repository")
}

/// The `selvage` binary, built from the tree as it is now.
///
/// `--workspace` makes cargo choose the same features as `cargo test --workspace` does, so that nothing is built twice.
pub fn selvage() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let output = cargo()
            .args([
                "build",
                "--workspace",
                "--bin",
                "selvage",
                "--message-format=json-render-diagnostics",
            ])
            .stderr(Stdio::inherit())
            .output()
            .expect("cargo starts");
        assert!(output.status.success(), "the selvage binary does not build");
        let messages = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
        messages
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter(|message| message["target"]["name"] == "selvage")
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .expect("cargo names the executable")
    })
}

/// Cargo as a person starts it from the repository's root.
///
/// Under `cargo test`, the environment describes the package under test. Build scripts watch such variables: with them handed on, `ring` and
/// all above it, the host included, would be built anew here, and once more by the next `cargo run`.
fn cargo() -> Command {
    const EXACT: [&str; 6] = [
        "CARGO_CRATE_NAME",
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_PATH",
        "CARGO_PRIMARY_PACKAGE",
        "CARGO_TARGET_TMPDIR",
        "OUT_DIR",
    ];
    const PREFIXES: [&str; 3] = ["CARGO_PKG_", "CARGO_BIN_", "CARGO_CFG_"];
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root());
    for (name, _) in std::env::vars_os() {
        let Some(text) = name.to_str() else { continue };
        if EXACT.contains(&text) || PREFIXES.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    command
}

/// Builds the components of a manifest, relative to the repository's root, once per test program and manifest.
pub fn build_components(manifest: &Path) {
    static BUILT: std::sync::Mutex<Vec<PathBuf>> = std::sync::Mutex::new(Vec::new());
    let mut built = BUILT.lock().expect("no build panicked before");
    if built.iter().any(|path| path == manifest) {
        return;
    }
    let status = Command::new(selvage())
        .arg("build")
        .arg("--from")
        .arg(manifest)
        .current_dir(root())
        .status()
        .expect("selvage starts");
    assert!(status.success(), "the components of {} do not build", manifest.display());
    built.push(manifest.to_owned());
}
