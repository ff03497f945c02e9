//! The directory that holds what a server must keep.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, flock};
use rustix::process::umask;

use crate::error::CliError;

/// The name of the file whose lock says that a server uses the directory.
const LOCK: &str = "lock";

/// A state directory that belongs to this process until it ends.
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
    /// The lock lives as long as this file is open: it is gone with the process, however that ends.
    _lock: File,
}

impl StateDir {
    /// Makes the directory with mode 0700 when it is missing, and locks it.
    ///
    /// # Errors
    /// [`CliError::StateDir`] when it cannot be made or written, or others may write to it; [`CliError::StateDirInUse`] when another
    /// server holds it.
    pub fn open(path: &Path) -> Result<Self, CliError> {
        create(path)?;
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join(LOCK))
            .map_err(|source| unusable(path, source))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: file }),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                Err(CliError::StateDirInUse { path: path.to_owned() })
            }
            Err(error) => Err(unusable(path, error.into())),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes the directory with mode 0700 when it is missing.
///
/// # Errors
/// [`CliError::StateDir`] when it cannot be made, is no directory, or others may write to it.
pub fn create(path: &Path) -> Result<(), CliError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| unusable(path, source))?;
    let metadata = fs::metadata(path).map_err(|source| unusable(path, source))?;
    if is_open_to_others(metadata.mode()) {
        return Err(CliError::StateDirOpen { path: path.to_owned() });
    }
    Ok(())
}

/// From here on, every file that this process makes can be used by the owner alone: a database, and what SQLite makes beside it.
pub fn keep_new_files_private() {
    umask(Mode::RWXG | Mode::RWXO);
}

/// Whether users other than the owner may write to a directory of this mode, and so replace what lies in it.
pub fn is_open_to_others(mode: u32) -> bool {
    mode & 0o022 != 0
}

/// Whether a server runs on this directory. `false` when that cannot be found out.
pub fn is_in_use(path: &Path) -> bool {
    let Ok(file) = File::open(path.join(LOCK)) else { return false };
    flock(&file, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK)
}

fn unusable(path: &Path, source: io::Error) -> CliError {
    CliError::StateDir { path: path.to_owned(), source }
}
