//! The one root secret: where it comes from, and making it on the first run.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use ambient::Entropy;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyring::Keyring;
use manifest::VariablesError;
use zeroize::Zeroizing;

use crate::application::Application;
use crate::error::CliError;

/// The variable that holds the key.
pub const VARIABLE: &str = "master_key";

/// The file in the state directory.
const FILE: &str = "master.key";

/// Where a key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The environment, or another provider of variables. It wins over the file.
    Variable,
    /// The file, which exists.
    File(PathBuf),
    /// Nowhere yet: it was just made, and belongs into this file.
    New(PathBuf),
}

/// A key that can be used.
pub struct MasterKey {
    text: Zeroizing<String>,
    pub keyring: Keyring,
    pub source: Source,
}

impl MasterKey {
    /// The key that this application would use from this state directory. Nothing is written: see [`MasterKey::store`].
    ///
    /// `None` when the application declares no such variable.
    ///
    /// # Errors
    /// A key that is none or that other users can read; other variables of the application that have no value.
    pub fn find(
        application: &Application,
        state_dir: &Path,
        entropy: &Entropy,
    ) -> Result<Option<Self>, CliError> {
        if !application.declares(VARIABLE) {
            return Ok(None);
        }
        match application.variables(&BTreeMap::new()) {
            Ok(variables) => {
                let text = variables.get(VARIABLE).map_or("", manifest::Resolved::as_str);
                Self::parse(text.to_owned().into(), Source::Variable).map(Some)
            }
            Err(CliError::Variables(VariablesError::Missing(missing)))
                if missing.iter().any(|missing| missing.name == VARIABLE) =>
            {
                Self::from_file(state_dir.join(FILE), entropy).map(Some)
            }
            Err(error) => Err(error),
        }
    }

    fn from_file(path: PathBuf, entropy: &Entropy) -> Result<Self, CliError> {
        if let Some(text) = read(&path)? {
            return Self::parse(text, Source::File(path));
        }
        let bytes: Zeroizing<[u8; 32]> =
            Zeroizing::new(entropy.bytes().map_err(CliError::Entropy)?);
        Self::parse(STANDARD.encode(*bytes).into(), Source::New(path))
    }

    fn parse(text: Zeroizing<String>, source: Source) -> Result<Self, CliError> {
        match text.parse::<Keyring>() {
            Ok(keyring) => Ok(Self { text, keyring, source }),
            Err(problem) => {
                let origin = match &source {
                    Source::Variable => format!("the variable {VARIABLE}"),
                    Source::File(path) | Source::New(path) => path.display().to_string(),
                };
                Err(CliError::MasterKey { origin, problem: problem.to_string() })
            }
        }
    }

    /// The value for the variable, unless the application gets it in another way.
    pub fn value(&self) -> Option<&str> {
        (self.source != Source::Variable).then_some(self.text.as_str())
    }

    /// Writes a key that was just made: completely, readable by the owner alone, and on the disk when this returns.
    ///
    /// # Errors
    /// [`CliError::MasterKeyFile`].
    pub fn store(&self) -> Result<(), CliError> {
        let Source::New(path) = &self.source else { return Ok(()) };
        write(path, &self.text).map_err(|source| CliError::MasterKeyFile {
            path: path.clone(),
            verb: "written",
            source,
        })
    }
}

fn read(path: &Path) -> Result<Option<Zeroizing<String>>, CliError> {
    let failure = |source| CliError::MasterKeyFile { path: path.to_owned(), verb: "read", source };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failure(error)),
    };
    if file.metadata().map_err(failure)?.mode() & 0o077 != 0 {
        return Err(CliError::MasterKeyOpen { path: path.to_owned() });
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(failure)?;
    Ok(Some(text))
}

/// Writes beside the file and renames: a crash leaves the whole key or none. The state directory's lock keeps others away.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("key.new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}
