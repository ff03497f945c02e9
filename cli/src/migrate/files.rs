//! `selvage migrate new`: the two files of the next migration.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::error::CliError;
use crate::terminal;

/// Where migrations stand, from the root of the repository.
const DIRECTORY: &str = "migrations";

/// The longest name of a migration.
const NAME_CHARS_MAX: usize = 60;

/// Makes `NNNN_name.up.sql` and `NNNN_name.down.sql` with the next number, or says only which.
///
/// # Errors
/// A name with other characters than small letters, digits and underscores; no directory `migrations` here; files that cannot be made.
pub fn create(name: &str, dry_run: bool) -> Result<(), CliError> {
    let is_name = (1..=NAME_CHARS_MAX).contains(&name.len())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if !is_name {
        return Err(CliError::MigrationName { name: name.to_owned() });
    }
    let directory = Path::new(DIRECTORY);
    let number = next_number(directory)
        .map_err(|_| CliError::NoMigrations { path: directory.to_owned() })?;
    let [up, down] =
        ["up", "down"].map(|half| directory.join(format!("{number:04}_{name}.{half}.sql")));
    if !dry_run {
        write(&up, &format!("-- {name}: what changes, and why.\n"))?;
        if let Err(error) = write(&down, &format!("-- Takes back what {number:04}_{name} did.\n")) {
            // Half a migration would break the build; the error that prevented the other half is the one to report.
            drop(fs::remove_file(&up));
            return Err(error);
        }
    }
    for path in [up, down] {
        terminal::result(format_args!("{}", path.display()));
    }
    Ok(())
}

fn next_number(directory: &Path) -> io::Result<u32> {
    let mut newest = 0;
    for entry in fs::read_dir(directory)? {
        let file_name = entry?.file_name();
        let number =
            file_name.to_str().and_then(|name| name.split_once('_')).map(|(number, _)| number);
        newest = newest.max(number.and_then(|number| number.parse().ok()).unwrap_or(0));
    }
    Ok(newest + 1)
}

fn write(path: &PathBuf, text: &str) -> Result<(), CliError> {
    let made = OpenOptions::new().write(true).create_new(true).open(path);
    made.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| CliError::MigrationFile { path: path.clone(), source })
}
