//! What building needs besides the source: a Rust compiler and the standard library of the target.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::CliError;
use crate::terminal::Progress;

/// The targets that a shell command builds for, as far as it names them in cargo's way.
pub fn targets(command: &str) -> Vec<&str> {
    // Quotes, and what separates commands in a shell, may touch a word.
    let punctuation = |c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.' | '=');
    let mut words = command
        .split(|c: char| c.is_whitespace() || punctuation(c))
        .filter(|word| !word.is_empty());
    let mut targets = Vec::new();
    while let Some(word) = words.next() {
        match word.strip_prefix("--target") {
            Some("") => targets.extend(words.next()),
            Some(rest) => targets.extend(rest.strip_prefix('=')),
            None => {}
        }
    }
    targets
}

/// Adds `target` to the toolchain that is used in `directory`, unless it is there.
///
/// # Errors
/// [`CliError::NoTarget`] when it is missing and there is no rustup; [`CliError::AddTarget`] when rustup fails.
pub fn ensure_target(target: &str, directory: &Path) -> Result<(), CliError> {
    if has_target(target, directory)? {
        return Ok(());
    }
    let progress = Progress::start(&format!("adding the target {target} through rustup"));
    let output =
        command("rustup", directory).args(["target", "add", target]).stdin(Stdio::null()).output();
    drop(progress);
    match output {
        Ok(output) if output.status.success() && has_target(target, directory)? => Ok(()),
        Ok(output) => {
            crate::terminal::say(format_args!("{}", String::from_utf8_lossy(&output.stderr)));
            Err(CliError::AddTarget { target: target.to_owned() })
        }
        Err(_) => Err(CliError::NoTarget { target: target.to_owned() }),
    }
}

/// Whether the compiler that is used in `directory` has the standard library of `target`.
///
/// # Errors
/// [`CliError::NoProgram`] when there is no compiler.
pub fn has_target(target: &str, directory: &Path) -> Result<bool, CliError> {
    let output = command("rustc", directory)
        .args(["--print", "target-libdir", "--target", target])
        .output()
        .map_err(|source| CliError::NoProgram { program: "rustc", source })?;
    // A compiler that does not know the target at all fails here, and rustup will say so.
    let path = String::from_utf8_lossy(&output.stdout);
    Ok(output.status.success() && PathBuf::from(path.trim()).is_dir())
}

/// What `program --version` says in `directory`, `None` when it cannot be run.
pub fn version(program: &str, directory: &Path) -> Option<String> {
    let output = command(program, directory).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// A command that runs in `directory` as if it had been started from a shell.
///
/// When this program itself runs under cargo (`cargo run`, `cargo test`), cargo's description of *this* package is in the environment. Build
/// scripts watch such variables, so that passing them on would rebuild everything each time. Flags and target directories for
/// native code do not fit WebAssembly either: the workspace's own configuration says how components are built.
pub fn command(program: &str, directory: &Path) -> Command {
    const EXACT: [&str; 14] = [
        "CARGO_BUILD_RUSTFLAGS",
        "CARGO_BUILD_TARGET",
        "CARGO_BUILD_TARGET_DIR",
        "CARGO_CRATE_NAME",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_MAKEFLAGS",
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_PATH",
        "CARGO_PRIMARY_PACKAGE",
        "CARGO_TARGET_DIR",
        "CARGO_TARGET_TMPDIR",
        "MAKEFLAGS",
        "OUT_DIR",
        "RUSTFLAGS",
    ];
    const PREFIXES: [&str; 3] = ["CARGO_PKG_", "CARGO_BIN_", "CARGO_CFG_"];
    let mut command = Command::new(program);
    command.current_dir(directory);
    for (name, _) in std::env::vars_os() {
        let Some(text) = name.to_str() else { continue };
        if EXACT.contains(&text) || PREFIXES.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_found_in_both_spellings() {
        let check = |command: &str, expected: &[&str]| assert_eq!(targets(command), expected);
        check("cargo build --target wasm32-wasip2 --release", &["wasm32-wasip2"]);
        check("cargo build --target=wasm32-wasip1 -p a", &["wasm32-wasip1"]);
        check("cargo build --target-dir out --release", &[]);
        check(
            "cargo build --target 'wasm32-wasip2' && cargo build --target=wasm32-wasip1; ls",
            &["wasm32-wasip2", "wasm32-wasip1"],
        );
        check("npm run build", &[]);
        check("cargo build --target", &[]);
    }
}
