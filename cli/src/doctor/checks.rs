//! The checks, in the order in which `up` needs what they look at.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use ambient::Entropy;
use database::{Database, DatabaseError, Statement};
use migrations::{Migrations, Status};

use super::{Report, freshness};
use crate::application::Application;
use crate::arguments::Doctor;
use crate::error::CliError;
use crate::location::Location;
use crate::master_key::{MasterKey, Source};
use crate::{state_dir as directory, toolchain as tools, up};

const INTEGRITY: &str = include_str!("../../queries/integrity.sql");
const PING: &str = include_str!("../../queries/ping.sql");
const FOREIGN_KEYS: &str = include_str!("../../queries/foreign_keys.sql");

pub fn toolchain(report: &mut Report, arguments: &Doctor) {
    let root = match arguments.from.parent() {
        Some(parent) if parent.is_dir() => parent,
        _ => Path::new("."),
    };
    for program in ["rustc", "cargo"] {
        match tools::version(program, root) {
            Some(version) => report.ok("toolchain", &version),
            None => report.problem(
                "toolchain",
                &format!(
                    "{program} cannot be run; fix: install Rust with rustup (https://rustup.rs)"
                ),
            ),
        }
    }
}

pub fn application(report: &mut Report, arguments: &Doctor) -> Option<Application> {
    let runtime_config = arguments.runtime_config.as_deref();
    match Application::load(&arguments.from, runtime_config, &arguments.state_dir) {
        Ok(application) => {
            let components = application.manifest.components.len();
            let finding = format!("{}, {components} components", arguments.from.display());
            report.ok("manifest", &finding);
            Some(application)
        }
        Err(error) => {
            report.problem("manifest", &error.sentence());
            None
        }
    }
}

pub fn components(report: &mut Report, application: &Application) {
    let manifest = &application.manifest;
    let builds = manifest.components.values().filter_map(|component| component.build.as_ref());
    let commands = builds.flat_map(|build| &build.command);
    let targets: BTreeSet<&str> = commands.flat_map(|command| tools::targets(command)).collect();
    for target in targets {
        match tools::has_target(target, &manifest.root) {
            Ok(true) => report.ok("target", &format!("{target} is installed")),
            Ok(false) => {
                let finding = format!(
                    "{target} is not installed; fix: run `selvage build`, or `rustup target add {target}`"
                );
                report.problem("target", &finding);
            }
            Err(error) => report.problem("target", &error.sentence()),
        }
    }
    for component in manifest.components.values() {
        let (id, source) = (&component.id, component.source.display());
        if !component.source.is_file() {
            report.problem(
                "component",
                &format!("{id}: {source} is missing; fix: run `selvage build`"),
            );
        } else if let Some(input) = freshness::changed_input(&component.source) {
            let input = input.display();
            report.problem(
                "component",
                &format!("{id}: {source} is older than {input}; fix: run `selvage build`"),
            );
        } else {
            report.ok("component", &format!("{id}: {source}"));
        }
    }
}

pub fn state_dir(report: &mut Report, arguments: &Doctor) {
    let path = &arguments.state_dir;
    let name = path.display();
    match fs::metadata(path) {
        Err(_) => report.ok("state", &format!("{name} does not exist yet; `selvage up` makes it")),
        Ok(metadata) if !metadata.is_dir() => {
            report.problem(
                "state",
                &format!("{name} is no directory; fix: choose another with --state-dir"),
            );
        }
        Ok(metadata) if directory::is_open_to_others(metadata.mode()) => {
            let error = CliError::StateDirOpen { path: path.clone() };
            report.problem("state", &error.sentence());
        }
        Ok(_) if directory::is_in_use(path) => {
            report.ok("state", &format!("{name}, in use by a running server"));
        }
        Ok(_) => report.ok("state", &name.to_string()),
    }
}

pub fn master_key(
    report: &mut Report,
    application: &Application,
    arguments: &Doctor,
) -> Option<MasterKey> {
    match MasterKey::find(application, &arguments.state_dir, &Entropy::system()) {
        Ok(Some(MasterKey { source: Source::New(path), .. })) => {
            let finding = format!("{} does not exist yet; `selvage up` makes it", path.display());
            report.ok("master key", &finding);
            None
        }
        Ok(Some(key)) => {
            let origin = match &key.source {
                Source::File(path) | Source::New(path) => path.display().to_string(),
                Source::Variable => "from the environment".to_owned(),
            };
            report.ok("master key", &origin);
            Some(key)
        }
        Ok(None) => None,
        Err(error) => {
            report.problem("master key", &error.sentence());
            None
        }
    }
}

pub async fn database(report: &mut Report, application: &Application, key: Option<&MasterKey>) {
    // A key that is not there yet is no reason not to look at the database.
    let value = key.and_then(MasterKey::value).unwrap_or_default().to_owned();
    let own = BTreeMap::from([(crate::master_key::VARIABLE.to_owned(), value)]);
    let location = match application.variables(&own) {
        Ok(variables) => application.database(&variables),
        Err(error) => Err(error),
    };
    let location = match location {
        Ok(Some(location)) => location,
        Ok(None) => {
            report.ok("database", "in memory: nothing is kept");
            return;
        }
        Err(error) => {
            report.problem("database", &error.sentence());
            return;
        }
    };
    if !location.exists() {
        report.ok("database", &format!("{location} does not exist yet; `selvage up` makes it"));
        return;
    }
    match location.open() {
        Ok(database) => contents(report, &location, &database, key).await,
        Err(error) => report.problem("database", &error.sentence()),
    }
}

async fn contents(
    report: &mut Report,
    location: &Location,
    database: &Database,
    key: Option<&MasterKey>,
) {
    let integrity = match location {
        Location::File(_) => integrity(database).await,
        // A server checks its own files, and does not let clients ask for it.
        Location::Remote { .. } => database.query(Statement::new(PING)).await.map(|_| None),
    };
    match integrity {
        Ok(None) => report.ok("database", &format!("{location}: consistent")),
        Ok(Some(finding)) => {
            let finding = finding.replace('\n', " ");
            report.problem(
                "database",
                &format!("{location} is damaged: {finding}; fix: restore a backup"),
            );
            return;
        }
        Err(source) => {
            let error = CliError::Database { database: location.to_string(), source };
            report.problem("database", &error.sentence());
            return;
        }
    }
    match Migrations::embedded().status(database).await {
        Ok(Status { version, known }) if version == known => {
            report.ok("schema", &format!("version {version:04}, up to date"));
        }
        Ok(Status { version, known }) => {
            let finding = format!(
                "version {version:04} of {known:04}; `selvage up` or `selvage migrate up` brings it up"
            );
            report.ok("schema", &finding);
            return;
        }
        Err(source) => {
            let error = CliError::Migration { database: location.to_string(), source };
            report.problem("schema", &error.sentence());
            return;
        }
    }
    if let Some(key) = key {
        match up::keyring_of(location, keyring::check(database, &key.keyring).await) {
            Ok(()) => report.ok("master key", "belongs to the database"),
            Err(error) => report.problem("master key", &error.sentence()),
        }
    }
}

/// The first thing that is wrong with what is stored, `None` when nothing is.
async fn integrity(database: &Database) -> Result<Option<String>, DatabaseError> {
    let rows = database.query(Statement::new(INTEGRITY)).await?;
    if let Some(row) = rows.first() {
        return row.get("finding").map(Some);
    }
    let rows = database.query(Statement::new(FOREIGN_KEYS)).await?;
    match rows.first() {
        Some(row) => {
            let (child, parent): (String, String) = (row.get("child")?, row.get("parent")?);
            Ok(Some(format!("a row of {child} refers to a row of {parent} that is not there")))
        }
        None => Ok(None),
    }
}

pub fn port(report: &mut Report, arguments: &Doctor) {
    let address = arguments.listen;
    match TcpListener::bind(address) {
        Ok(_) => report.ok("address", &format!("{address} is free")),
        Err(_) if directory::is_in_use(&arguments.state_dir) => {
            report.ok(
                "address",
                &format!("{address} is in use, and so is the state directory: a server is running"),
            );
        }
        Err(source) => {
            let error = CliError::from(host::HostError::Listen { address, source });
            report.problem("address", &error.sentence());
        }
    }
}
