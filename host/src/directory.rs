//! Directories that belong to the host alone.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

use crate::error::HostError;

/// Makes sure that `path` is a directory that we can write to and nobody else can, creating it when it is missing.
///
/// What others could write there would be run as our own code (the compiled components) or served as data.
pub fn own(path: &Path) -> Result<(), HostError> {
    let error = |reason: String| HostError::Directory { path: path.to_owned(), reason };
    let explain = |source: io::Error| error(format!("{source}; choose one that you can write to"));
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(explain)?;
    let metadata = fs::metadata(path).map_err(explain)?;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(error("it belongs to another user; choose one of your own".to_owned()));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(error("other users can write to it; run chmod 700 on it".to_owned()));
    }
    if metadata.mode() & 0o200 == 0 {
        return Err(error("it is read-only; run chmod 700 on it".to_owned()));
    }
    Ok(())
}

/// Writes a file that only we can read, all of it or nothing.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.new", std::process::id()));
    let result = fs::write(&temporary, bytes)
        .and_then(|()| fs::set_permissions(&temporary, Permissions::from_mode(0o600)))
        .and_then(|()| fs::rename(&temporary, path));
    if result.is_err() {
        _ = fs::remove_file(&temporary);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_directory_is_ours_alone() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        own(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        own(&path).unwrap();
    }

    #[test]
    fn a_directory_that_others_can_write_to_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        fs::set_permissions(parent.path(), Permissions::from_mode(0o777)).unwrap();
        let error = own(parent.path()).unwrap_err();
        assert!(error.to_string().contains("chmod 700"), "{error}");
    }

    #[test]
    fn a_file_in_place_of_the_directory_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(own(file.path()), Err(HostError::Directory { .. })));
    }

    #[test]
    fn written_files_are_complete_and_private() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("x");
        write_atomically(&path, b"1").unwrap();
        write_atomically(&path, b"2").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"2");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }
}
