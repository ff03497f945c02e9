//! The arguments of every command. Their comments are the text of `--help`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use host::Origin;

/// Selvage: the backend of chat and agent apps, in one process.
#[derive(Debug, Parser)]
#[command(name = "selvage", version, args_conflicts_with_subcommands = true)]
pub struct Arguments {
    /// How log lines look.
    #[arg(long, value_enum, default_value_t, global = true)]
    pub log_format: LogFormat,
    #[command(flatten)]
    pub up: Up,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object per line.
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Builds what changed, creates state and secrets on the first run, migrates, serves. The default command.
    Up(Up),
    /// Builds the components, and adds the WebAssembly target through rustup when it is missing.
    Build(Build),
    /// Brings the schema of a database up or down, or says where it stands.
    Migrate(Migrate),
    /// Makes administrators of the platform.
    Admin(Admin),
    /// Verifies the logs of who did what.
    Audit(Audit),
    /// Removes what was deleted, has ended or expired, in small pieces. For a timer; nothing waits for it.
    Sweep(Sweep),
    /// Replaces the key that the keys of stored secrets are wrapped with, or says where that stands.
    Keys(Keys),
    /// Checks toolchain, manifest, database and secrets, and says what to do.
    Doctor(Doctor),
}

#[derive(Debug, Clone, Args)]
pub struct Up {
    /// The address to serve on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,
    /// Where the database, the stores and the secrets lie; made on the first run.
    #[arg(long, value_name = "DIR", default_value = ".selvage")]
    pub state_dir: PathBuf,
    /// The manifest of the application.
    #[arg(long, value_name = "FILE", default_value = "spin.toml")]
    pub from: PathBuf,
    /// A Spin runtime-config file. Without it everything lies in the state directory.
    #[arg(long, value_name = "FILE")]
    pub runtime_config: Option<PathBuf>,
    /// Serve the components as they are.
    #[arg(long)]
    pub no_build: bool,
    /// An origin in a private network that outbound calls may reach, e.g. `http://127.0.0.1:11434` (`*` for any port). Repeatable.
    #[arg(long, value_name = "ORIGIN")]
    pub allow_origin: Vec<Origin>,
    /// An origin whose certificate is not verified, e.g. `https://models.lan:8443`, for models of the platform that say so. Repeatable.
    #[arg(long, value_name = "ORIGIN")]
    pub unverified_origin: Vec<Origin>,
    /// Where to serve metrics and health to the operator.
    #[arg(long, value_name = "ADDR")]
    pub admin_listen: Option<SocketAddr>,
    /// Runs every component under the instance policy that Spin has by default. For tests.
    #[arg(long, hide = true)]
    pub spin_instance_policy: bool,
}

#[derive(Debug, Args)]
pub struct Build {
    /// The manifest of the application.
    #[arg(long, value_name = "FILE", default_value = "spin.toml")]
    pub from: PathBuf,
}

#[derive(Debug, Args)]
pub struct Doctor {
    /// The address that `up` would serve on.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,
    /// The state directory to look at.
    #[arg(long, value_name = "DIR", default_value = ".selvage")]
    pub state_dir: PathBuf,
    /// The manifest of the application.
    #[arg(long, value_name = "FILE", default_value = "spin.toml")]
    pub from: PathBuf,
    /// A Spin runtime-config file.
    #[arg(long, value_name = "FILE")]
    pub runtime_config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Migrate {
    #[command(flatten)]
    pub database: DatabaseChoice,
    /// Show what would be done, and do nothing.
    #[arg(long, global = true)]
    pub dry_run: bool,
    #[command(subcommand)]
    pub action: MigrateAction,
}

#[derive(Debug, Subcommand)]
pub enum MigrateAction {
    /// Apply pending migrations.
    Up {
        /// At most this many; all without it.
        #[arg(value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        count: Option<u32>,
    },
    /// Take applied migrations back, the newest first. What only they hold is lost.
    Down {
        /// How many.
        #[arg(value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        count: u32,
        /// All of them.
        #[arg(long, conflicts_with = "count")]
        all: bool,
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
    },
    /// Say where the database stands. Status 1 when this program must not use it.
    Status,
    /// List every migration with the time of its application.
    History,
    /// Record the migrations up to VERSION as applied and the others as not, and run none.
    Stamp { version: u32 },
    /// Make the two files of the next migration in `migrations/`.
    New {
        /// What it does, e.g. `conversation_archive`.
        name: String,
    },
}

/// Which database a command is about.
#[derive(Debug, Args)]
pub struct DatabaseChoice {
    /// A database file, or libsql://, https:// or http:// of a libSQL server; its token is read from the environment variable
    /// `SELVAGE_DATABASE_TOKEN` or `SPIN_VARIABLE_DATABASE_TOKEN`. Without it, the database of the state directory.
    #[arg(long, value_name = "PATH|URL", global = true)]
    pub database: Option<String>,
    /// The state directory whose database is meant.
    #[arg(
        long,
        value_name = "DIR",
        default_value = ".selvage",
        global = true,
        conflicts_with = "database"
    )]
    pub state_dir: PathBuf,
}

#[derive(Debug, Args)]
pub struct Admin {
    #[command(flatten)]
    pub database: DatabaseChoice,
    #[command(subcommand)]
    pub action: AdminAction,
}

#[derive(Debug, Subcommand)]
pub enum AdminAction {
    /// Sign someone up as an administrator. The password is the first line of standard input.
    Create { email: String },
    /// Make someone an administrator who has signed up.
    Promote { email: String },
}

#[derive(Debug, Args)]
pub struct Audit {
    #[command(flatten)]
    pub database: DatabaseChoice,
    #[command(subcommand)]
    pub action: AuditAction,
}

#[derive(Debug, Args)]
pub struct Sweep {
    #[command(flatten)]
    pub database: DatabaseChoice,
    /// The manifest of the application, which says where the variables `chunk_store` and `egress_allow` come from. Without it `spin.toml`, if
    /// that is there.
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// A Spin runtime-config file.
    #[arg(long, value_name = "FILE")]
    pub runtime_config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Keys {
    #[command(flatten)]
    pub database: DatabaseChoice,
    /// The manifest of the application, which says where the variables `master_key`, `kms` and `egress_allow` come from.
    #[arg(long, value_name = "FILE", default_value = "spin.toml", global = true)]
    pub from: PathBuf,
    /// A Spin runtime-config file.
    #[arg(long, value_name = "FILE", global = true)]
    pub runtime_config: Option<PathBuf>,
    #[command(subcommand)]
    pub action: KeysAction,
}

#[derive(Debug, Subcommand)]
pub enum KeysAction {
    /// List the keys with how many secrets each wraps. Status 1 when one of them is not configured.
    Status,
    /// Wrap everything with the current key, while everything else goes on. May be stopped at any time and run again.
    Rotate {
        /// Say what would be wrapped anew, and do nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Mark a key as one that wraps nothing any more, so that it may be destroyed. Refused as long as it wraps something.
    Retire {
        /// Its id, as `status` shows it.
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum AuditAction {
    /// Compute the chain of hashes anew and compare. Status 1 when an entry was changed or is missing.
    Verify {
        /// The id of an account, or `platform`; all logs without it.
        log: Option<String>,
        /// Compare with the signed checkpoints too, sign the ends anew, and show the signatures, to be kept elsewhere.
        #[arg(long)]
        checkpoint: bool,
    },
}
