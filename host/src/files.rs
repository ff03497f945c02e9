//! The files that a component sees, read-only.

use std::fs;
use std::path::{Component as Part, Path, PathBuf};

use glob::Pattern;
use manifest::{Component, Manifest, Mount as Entry};

use crate::error::HostError;

/// A directory of the machine and the path under which a guest sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    pub host: PathBuf,
    pub guest: String,
}

/// Prepares the files of `component`.
///
/// A directory that is mounted as a whole is shown in place. Everything else (single files, globs, exclusions) is copied
/// below `staging`, which is emptied first, and shown as the root of the guest's file system.
pub fn mounts(
    manifest: &Manifest,
    component: &Component,
    staging: &Path,
) -> Result<Vec<Mount>, HostError> {
    let error = |reason: String| HostError::Files { component: component.id.clone(), reason };
    if component.files.is_empty() {
        return Ok(Vec::new());
    }
    let root = manifest.root.canonicalize().map_err(|source| error(source.to_string()))?;
    let stage = Stage::new(root, &component.exclude_files, staging.join(&component.id));
    let stage = stage.map_err(error)?;
    let mut mounts = Vec::new();
    let mut staged = false;
    for entry in &component.files {
        match in_place(entry, component) {
            Some(guest) if stage.root.join(&entry.source).is_dir() => {
                let host = stage.inside(&stage.root.join(&entry.source)).map_err(error)?;
                mounts.push(Mount { host, guest: guest.to_owned() });
            }
            _ => {
                if !staged {
                    stage.clear().map_err(error)?;
                    staged = true;
                }
                stage.copy(entry).map_err(error)?;
            }
        }
    }
    if staged {
        mounts.push(Mount { host: stage.target, guest: "/".to_owned() });
    }
    Ok(mounts)
}

fn in_place<'a>(entry: &'a Entry, component: &Component) -> Option<&'a str> {
    entry.destination.as_deref().filter(|_| component.exclude_files.is_empty())
}

/// A copy of the files of one component.
struct Stage {
    /// The folder of the manifest, without symbolic links.
    root: PathBuf,
    excluded: Vec<Pattern>,
    target: PathBuf,
}

impl Stage {
    fn new(root: PathBuf, excluded: &[String], target: PathBuf) -> Result<Self, String> {
        let excluded = excluded
            .iter()
            .map(|pattern| Pattern::new(pattern).map_err(|error| format!("{pattern}: {error}")))
            .collect::<Result<_, _>>()?;
        Ok(Self { root, excluded, target })
    }

    fn clear(&self) -> Result<(), String> {
        match fs::remove_dir_all(&self.target) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(format!("{}: {error}", self.target.display()))
            }
            _ => fs::create_dir_all(&self.target)
                .map_err(|error| format!("{}: {error}", self.target.display())),
        }
    }

    fn copy(&self, entry: &Entry) -> Result<(), String> {
        let source = self.root.join(&entry.source);
        if let Some(destination) = &entry.destination {
            let base = if source.is_dir() { source.clone() } else { self.parent(&source) };
            let target = self.below(Path::new(destination));
            if source.is_dir() {
                return self.copy_all(&source, &base, &target);
            }
            // A single file is shown under exactly the path that was asked for.
            return self.copy_file(&source, &target);
        }
        if source.exists() {
            return self.copy_all(&source, &self.root, &self.target);
        }
        let pattern =
            format!("{}/{}", Pattern::escape(&self.root.display().to_string()), entry.source);
        let found = glob::glob(&pattern).map_err(|error| format!("{}: {error}", entry.source))?;
        let mut any = false;
        for path in found {
            any = true;
            let path = path.map_err(|error| error.to_string())?;
            if path.is_file() {
                self.copy_all(&path, &self.root, &self.target)?;
            }
        }
        if any { Ok(()) } else { Err(format!("{} matches no file", entry.source)) }
    }

    fn parent(&self, path: &Path) -> PathBuf {
        path.parent().unwrap_or(&self.root).to_owned()
    }

    /// Copies `source`, a file or a directory, so that it lies as far below `target` as it lies below `base`.
    fn copy_all(&self, source: &Path, base: &Path, target: &Path) -> Result<(), String> {
        if source.is_dir() {
            let entries = fs::read_dir(source).map_err(|e| format!("{}: {e}", source.display()))?;
            for entry in entries {
                let entry = entry.map_err(|e| format!("{}: {e}", source.display()))?;
                self.copy_all(&entry.path(), base, target)?;
            }
            return Ok(());
        }
        let relative = source.strip_prefix(base).unwrap_or(source);
        self.copy_file(source, &target.join(relative))
    }

    fn copy_file(&self, source: &Path, target: &Path) -> Result<(), String> {
        let below_root = source.strip_prefix(&self.root).unwrap_or(source);
        if self.excluded.iter().any(|pattern| pattern.matches_path(below_root)) {
            return Ok(());
        }
        let source = self.inside(source)?;
        let explain = |error: std::io::Error| format!("{}: {error}", source.display());
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(explain)?;
        }
        fs::copy(&source, target).map(drop).map_err(explain)
    }

    /// The real path of `path`, which a symbolic link must not have led out of the manifest's folder.
    fn inside(&self, path: &Path) -> Result<PathBuf, String> {
        let real = path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?;
        if real.starts_with(&self.root) {
            return Ok(real);
        }
        Err(format!("{} is a link out of the folder of the manifest", path.display()))
    }

    /// The place in the copy of an absolute path of the guest.
    fn below(&self, guest: &Path) -> PathBuf {
        let parts = guest.components().filter(|part| matches!(part, Part::Normal(_)));
        parts.fold(self.target.clone(), |path, part| path.join(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepare(files: &str) -> (tempfile::TempDir, Result<Vec<Mount>, HostError>) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("app/assets/deep")).unwrap();
        for file in ["assets/a.txt", "assets/deep/b.txt", "assets/c.md", "note.txt"] {
            fs::write(root.join("app").join(file), file).unwrap();
        }
        fs::write(root.join("secret"), "s").unwrap();
        std::os::unix::fs::symlink(root.join("secret"), root.join("app/assets/link")).unwrap();
        let text = format!(
            "spin_manifest_version = 2\n[application]\nname = \"a\"\n[[trigger.http]]\nroute = \"/...\"\ncomponent = \"a\"\n[component.a]\nsource = \"a.wasm\"\n{files}"
        );
        let manifest = Manifest::parse(&root.join("app/spin.toml"), &text).unwrap();
        let component = manifest.components["a"].clone();
        let mounts = mounts(&manifest, &component, &root.join("staging"));
        (folder, mounts)
    }

    fn tree(path: &Path) -> Vec<String> {
        let mut found: Vec<String> = glob::glob(&format!("{}/**/*", path.display()))
            .unwrap()
            .map(Result::unwrap)
            .filter(|file| file.is_file())
            .map(|file| file.strip_prefix(path).unwrap().display().to_string())
            .collect();
        found.sort();
        found
    }

    #[test]
    fn a_whole_directory_is_shown_in_place() {
        let (folder, mounts) = prepare(r#"files = [{ source = "assets", destination = "/data" }]"#);
        let host = folder.path().join("app/assets").canonicalize().unwrap();
        assert_eq!(mounts.unwrap(), [Mount { host, guest: "/data".to_owned() }]);
    }

    #[test]
    fn files_and_globs_are_copied_without_what_is_excluded() {
        let (_folder, mounts) = prepare(
            "files = [\"note.txt\", \"assets/**/*.txt\", { source = \"note.txt\", destination = \"/x/y.txt\" }]\nexclude_files = [\"assets/deep/*\"]",
        );
        let mounts = mounts.unwrap();
        assert_eq!(mounts.len(), 1);
        assert_eq!(mounts[0].guest, "/");
        assert_eq!(tree(&mounts[0].host), ["assets/a.txt", "note.txt", "x/y.txt"]);
    }

    #[test]
    fn a_link_out_of_the_folder_is_refused() {
        let (_folder, mounts) = prepare(r#"files = ["assets/link"]"#);
        let error = mounts.unwrap_err().to_string();
        assert!(error.contains("is a link out of the folder"), "{error}");
    }

    #[test]
    fn a_glob_without_files_is_refused() {
        let (_folder, mounts) = prepare(r#"files = ["nothing/*.txt"]"#);
        let error = mounts.unwrap_err().to_string();
        assert!(error.contains("matches no file"), "{error}");
    }
}
