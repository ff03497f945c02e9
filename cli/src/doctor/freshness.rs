//! Whether a built file is newer than what it was built from.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The first input of `artifact` that was changed after it was built.
///
/// Cargo writes the inputs of everything that it builds into a file beside it, in the syntax of Makefiles. `None` also when there is no such
/// file: other tools do not write one.
pub fn changed_input(artifact: &Path) -> Option<PathBuf> {
    let built = modified(artifact)?;
    let rules = fs::read_to_string(artifact.with_extension("d")).ok()?;
    inputs(&rules).into_iter().find(|input| modified(input).is_none_or(|changed| built < changed))
}

/// The prerequisites of all rules. A space in a path is escaped with a backslash.
fn inputs(rules: &str) -> Vec<PathBuf> {
    let mut inputs = Vec::new();
    for rule in rules.lines() {
        let Some((_, list)) = rule.split_once(": ") else { continue };
        let joined = list.replace("\\ ", "\0");
        inputs.extend(joined.split_whitespace().map(|path| PathBuf::from(path.replace('\0', " "))));
    }
    inputs
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_input_that_changed_later_or_is_gone_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let touch = |name: &str, seconds: u64| {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            File::create(path(name)).unwrap().set_modified(time).unwrap();
        };
        touch("a.wasm", 100);
        assert_eq!(changed_input(&path("a.wasm")), None);

        let escaped = path("my lib.rs").display().to_string().replace(' ', "\\ ");
        let rule = format!("{}: {} {escaped}\n", path("a.wasm").display(), path("b.rs").display());
        fs::write(path("a.d"), rule).unwrap();
        touch("b.rs", 90);
        touch("my lib.rs", 100);
        assert_eq!(changed_input(&path("a.wasm")), None);
        touch("my lib.rs", 101);
        assert_eq!(changed_input(&path("a.wasm")), Some(path("my lib.rs")));
        fs::remove_file(path("b.rs")).unwrap();
        assert_eq!(changed_input(&path("a.wasm")), Some(path("b.rs")));
    }
}
