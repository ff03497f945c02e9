//! Why a command did not do what it was asked.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use host::HostError;
use manifest::{ManifestError, VariablesError};
use migrations::MigrationError;
use vault::{RotationError, VaultError};

/// Each is shown as one sentence on what is wrong, its causes, and what to do: [`CliError::sentence`].
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    #[error("the threads of the program cannot be started")]
    Runtime(#[source] io::Error),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error(transparent)]
    Variables(#[from] VariablesError),
    #[error(transparent)]
    Host(#[from] HostError),

    #[error("the state directory {} cannot be used", path.display())]
    StateDir { path: PathBuf, source: io::Error },
    #[error("the state directory {} can be written by other users", path.display())]
    StateDirOpen { path: PathBuf },
    #[error("another selvage serves from the state directory {}", path.display())]
    StateDirInUse { path: PathBuf },

    #[error("the master key in {origin} is not usable: {problem}")]
    MasterKey { origin: String, problem: String },
    #[error("the master key file {} can be read by other users", path.display())]
    MasterKeyOpen { path: PathBuf },
    #[error("the master key file {} cannot be {verb}", path.display())]
    MasterKeyFile { path: PathBuf, verb: &'static str, source: io::Error },
    #[error("there is no master key")]
    MasterKeyMissing,
    #[error(transparent)]
    Settings(#[from] settings::SettingsError),
    #[error("key services cannot be called")]
    Egress(#[from] egress::EgressError),
    #[error(transparent)]
    Rotation(#[from] vault::RotationError),
    #[error("{secrets} secrets are not under the current key, of which {damaged} do not open")]
    NotRotated { secrets: u64, damaged: u64 },
    #[error("{count} keys that wrap secrets are not configured")]
    KeysMissing { count: usize },
    #[error("the system gave no random bytes for a master key")]
    Entropy(#[source] ambient::EntropyError),
    #[error("the master key does not belong to the database {database}")]
    WrongMasterKey { database: String },
    #[error("the variable {name} is {value:?}")]
    Variable { name: &'static str, value: String, allowed: &'static str },

    #[error("the WebAssembly target {target} is not installed, and there is no rustup to add it")]
    NoTarget { target: String },
    #[error("rustup cannot add the WebAssembly target {target}")]
    AddTarget { target: String },
    #[error("{program} cannot be started")]
    NoProgram { program: &'static str, source: io::Error },
    #[error("the build command `{command}` of component {component} ended with {status}")]
    BuildFailed { component: String, command: String, status: String },
    #[error("the component {component} was built, but {} is not there", path.display())]
    NotBuilt { component: String, path: PathBuf },

    #[error("{0}")]
    DatabaseUrl(String),
    #[error("the directory of the database {} does not exist", path.display())]
    DatabaseDirectory { path: PathBuf },
    #[error("the database {database} cannot be used")]
    Database { database: String, source: database::DatabaseError },
    #[error("the database {database} cannot be migrated")]
    Migration { database: String, source: MigrationError },
    #[error("nothing was taken back")]
    NotConfirmed,
    #[error("{name:?} is not a name for a migration")]
    MigrationName { name: String },
    #[error("there is no directory {} here", path.display())]
    NoMigrations { path: PathBuf },
    #[error("the migration file {} cannot be made", path.display())]
    MigrationFile { path: PathBuf, source: io::Error },

    #[error("{text:?} is no e-mail address")]
    Email { text: String },
    #[error("someone has signed up with {email}")]
    EmailTaken { email: String },
    #[error("nobody has signed up with {email}")]
    NoSuchPerson { email: String },
    #[error("standard input cannot be read")]
    StandardInput(#[source] io::Error),
    #[error("there is no password on standard input")]
    NoPassword,
    #[error("the password cannot be taken")]
    Password(#[source] credentials::PasswordError),
    #[error("the password cannot be hashed")]
    PasswordHash(#[source] credentials::PasswordHashError),
    #[error(transparent)]
    Audit(#[from] audit::AuditError),
    #[error("the sweep has stopped")]
    Sweep(#[from] ::sweep::SweepError),
    #[error("the sweep of files has stopped")]
    FileSweep(#[from] ::sweep::FileSweepError),

    #[error("{problems} of {checks} checks found a problem")]
    Doctor { problems: usize, checks: usize },
}

impl CliError {
    /// What is wrong with its causes, and what to do about it, on one line.
    pub fn sentence(&self) -> String {
        let mut sentence = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            // Writing to a String cannot fail.
            let _ = write!(sentence, ": {error}");
            cause = error.source();
        }
        if let Some(fix) = self.fix() {
            let _ = write!(sentence, "; fix: {fix}");
        }
        // Some causes (a refused SQL statement) have line breaks of their own.
        sentence.replace(['\r', '\n'], " ")
    }

    /// What to do. `None` where the sentence says it already, or where nothing can be said.
    fn fix(&self) -> Option<String> {
        let fix = match self {
            Self::Manifest(_)
            | Self::Variables(_)
            | Self::Host(_)
            | Self::Doctor { .. }
            | Self::PasswordHash(_) => return None,
            Self::Runtime(_) => "raise the limit of threads (`ulimit -u`)".to_owned(),
            Self::StateDir { path, .. } => {
                format!("make {} writable, or choose another with --state-dir", path.display())
            }
            Self::StateDirOpen { path } => format!("run `chmod 700 {}`", path.display()),
            Self::StateDirInUse { .. } => {
                "stop it, or choose another directory with --state-dir".to_owned()
            }
            Self::MasterKey { .. } => {
                "make a key with `head -c 32 /dev/urandom | base64`, or remove it and let `selvage up` make one for a new database".to_owned()
            }
            Self::MasterKeyOpen { path } => format!("run `chmod 600 {}`", path.display()),
            Self::MasterKeyFile { path, .. } => {
                format!("check who owns {} and its directory", path.display())
            }
            Self::MasterKeyMissing => {
                "set SPIN_VARIABLE_MASTER_KEY, or name the state directory with --state-dir".to_owned()
            }
            Self::Entropy(_) => "set SPIN_VARIABLE_MASTER_KEY".to_owned(),
            Self::WrongMasterKey { .. } => {
                "restore the master key that the database was made with (its backup, or SPIN_VARIABLE_MASTER_KEY), or choose another database".to_owned()
            }
            Self::Variable { allowed, .. } => format!("set it to {allowed}"),
            Self::NoTarget { target } => format!(
                "install Rust with rustup (https://rustup.rs), or add the standard library of {target} with what installed your Rust"
            ),
            Self::AddTarget { target } => {
                format!("run `rustup target add {target}` and see what it says")
            }
            Self::NoProgram { program, .. } => {
                format!("install {program}, or correct the PATH that it should be found in")
            }
            Self::BuildFailed { .. } => "see the output above".to_owned(),
            Self::NotBuilt { .. } => {
                "correct the component's `source`, or the target directory that cargo is configured to use".to_owned()
            }
            Self::DatabaseUrl(_) => {
                "write libsql://HOST, and pass the token in SELVAGE_DATABASE_TOKEN".to_owned()
            }
            Self::DatabaseDirectory { .. } => "make it, or correct --database".to_owned(),
            Self::Database { source, .. } => return Some(database_fix(source).to_owned()),
            Self::Migration { source, .. } => return Some(migration_fix(source).to_owned()),
            Self::NotConfirmed => "answer y, or pass --yes".to_owned(),
            Self::MigrationName { .. } => {
                "use small letters, digits and underscores, e.g. conversation_archive".to_owned()
            }
            Self::NoMigrations { .. } => "run this in the root of the repository".to_owned(),
            Self::MigrationFile { .. } => "check the directory `migrations`".to_owned(),
            Self::Email { .. } => "write it as ada@example.com".to_owned(),
            Self::EmailTaken { .. } => "run `selvage admin promote` with it".to_owned(),
            Self::NoSuchPerson { .. } => "run `selvage admin create` with it".to_owned(),
            Self::StandardInput(_) | Self::NoPassword => {
                "type it, or pass a file with `< FILE`".to_owned()
            }
            Self::Password(_) => "choose another one".to_owned(),
            _ => return self.fix_of_data().map(str::to_owned),
        };
        Some(fix)
    }

    /// What to do where a command stopped that works on what is stored.
    fn fix_of_data(&self) -> Option<&'static str> {
        match self {
            Self::Sweep(_) | Self::FileSweep(_) => Some(
                "check that database and chunk store can be reached and written, and run it again",
            ),
            Self::Settings(_) => Some("correct the variables"),
            Self::Egress(_) => Some("build selvage with its usual features"),
            Self::Rotation(error) => Some(rotation_fix(error)),
            Self::NotRotated { .. } => Some(
                "run it again once every instance has the new key; see `selvage keys status`, and give those anew that do not open",
            ),
            Self::KeysMissing { .. } => {
                Some("add them to master_key or kms; without them what they wrap stays closed")
            }
            Self::Audit(_) => {
                Some("compare with a backup, and find out who could write to the database")
            }
            _ => None,
        }
    }
}

fn database_fix(error: &database::DatabaseError) -> &'static str {
    match error {
        database::DatabaseError::Busy => "try again when the other writer is done",
        _ => "check that it is a database and can be reached and written",
    }
}

fn rotation_fix(error: &RotationError) -> &'static str {
    match error {
        RotationError::Database(error) => database_fix(error),
        RotationError::StoredId(_) => "compare with a backup",
        RotationError::Vault(VaultError::Unavailable) => {
            "see whether the key service can be reached, and run it again"
        }
        RotationError::Vault(VaultError::Refused) => {
            "check the credentials for the key service, and that its key is there and enabled"
        }
        RotationError::Vault(_) => "check master_key and kms",
        RotationError::Used { .. } => "run `selvage keys rotate`",
        RotationError::Current { .. } => "put another one first in master_key or kms",
        RotationError::Retired { .. } => "give the new key an id of its own",
        RotationError::Unknown { .. } => "see `selvage keys status` for the ids",
    }
}

fn migration_fix(error: &MigrationError) -> &'static str {
    match error {
        MigrationError::Newer { .. } => {
            "use the selvage that migrated it or a newer one, or a backup from before"
        }
        MigrationError::Edited { .. } | MigrationError::Gap { .. } => {
            "use the selvage that migrated it; when the schema is known to be right, `selvage migrate stamp VERSION` accepts it"
        }
        MigrationError::Pending { .. } => "run `selvage migrate up`",
        MigrationError::Unknown { .. } | MigrationError::Misnumbered { .. } => {
            "see `selvage migrate history` for the versions"
        }
        MigrationError::Contended => "try again when the other writer is done",
        MigrationError::Failed { .. } => {
            "nothing of it took effect; correct what the cause names and run it again"
        }
        MigrationError::Record(source) => database_fix(source),
    }
}
