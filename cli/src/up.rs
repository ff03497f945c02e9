//! `selvage up`: from nothing to a server that answers.

use std::collections::BTreeMap;
use std::env;
use std::future::Future;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process;

use ambient::{Clock, Entropy};
use egress::UrlPolicy;
use host::{Host, HostError, Options, Origin, Prepared, Ready};
use keyring::KeyringError;
use manifest::Variables;
use migrations::Migrations;
use settings::VaultSettings;
use tokio::signal::unix::{SignalKind, signal};

use crate::application::{self, Application};
use crate::arguments::Up;
use crate::build;
use crate::error::CliError;
use crate::location::Location;
use crate::master_key::{self, MasterKey};
use crate::state_dir::{StateDir, keep_new_files_private};
use crate::terminal::{self, Progress};

/// The variable that lists origins in private networks that outbound calls may reach.
const EGRESS_ALLOW: &str = "egress_allow";

/// The variable that lists origins whose certificates are not verified.
const EGRESS_UNVERIFIED: &str = "egress_unverified";

/// Does everything that has to be done on this machine for the application to run, and runs it until a signal comes.
///
/// What can be known to be wrong is found before anything is built, and the database is touched only by a server that can start.
///
/// # Errors
/// The first thing that is wrong.
pub async fn up(arguments: Up) -> Result<(), CliError> {
    let application = Application::load(
        &arguments.from,
        arguments.runtime_config.as_deref(),
        &arguments.state_dir,
    )?;
    let state_dir = StateDir::open(&arguments.state_dir)?;
    let key = MasterKey::find(&application, state_dir.path(), &Entropy::system())?;
    let own = own_variables(&application, &arguments, key.as_ref())?;
    let variables = application.variables(&own)?;
    // Only now are there values for all variables, and it is early enough still: nothing was written (SECURITY R88).
    let vault = key.as_ref().map(|_| application::vault_settings(&variables)).transpose()?;
    check_unverified(&variables)?;
    let auto_migrate = Application::auto_migrate(&variables)?;
    let database = application.database(&variables)?;
    for address in [Some(arguments.listen), arguments.admin_listen].into_iter().flatten() {
        probe(address)?;
    }
    if arguments.no_build {
        application.manifest.check_sources()?;
    } else {
        build::components(&application.manifest)?;
    }
    // Not earlier: what is built is no secret, and cargo shares it.
    keep_new_files_private();
    let prepared = Host::prepare(options(&arguments, own))?;
    if let (Some(auto_migrate), Some(database)) = (auto_migrate, database) {
        open_schema(&database, auto_migrate, key.as_ref(), vault.as_ref()).await?;
    } else if let Some(key) = &key {
        key.store()?;
    }
    let ready = compile(prepared)?;
    let shutdown = shutdown()?;
    if let Some(address) = ready.admin_addr() {
        tracing::info!("metrics and health on http://{address}");
    }
    terminal::result(format_args!("listening on http://{}", ready.local_addr()));
    ready.serve(shutdown).await?;
    Ok(())
}

/// Fails now when the address cannot be listened on, rather than after minutes of building.
fn probe(address: std::net::SocketAddr) -> Result<(), CliError> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(source) => Err(HostError::Listen { address, source }.into()),
    }
}

/// The values that this program gives to variables of the application.
fn own_variables(
    application: &Application,
    arguments: &Up,
    key: Option<&MasterKey>,
) -> Result<BTreeMap<String, String>, CliError> {
    let mut own = BTreeMap::new();
    if let Some(value) = key.and_then(MasterKey::value) {
        own.insert(master_key::VARIABLE.to_owned(), value.to_owned());
    }
    for (name, origins, allowed) in [
        (
            EGRESS_ALLOW,
            &arguments.allow_origin,
            "all origins and leave --allow-origin out, or unset it",
        ),
        (EGRESS_UNVERIFIED, &arguments.unverified_origin, "nothing: --unverified-origin sets it"),
    ] {
        if origins.is_empty() || !application.declares(name) {
            continue;
        }
        let value = origins.iter().map(Origin::to_string).collect::<Vec<_>>().join(",");
        own.insert(name.to_owned(), value.clone());
        // Providers come first; an option that silently did nothing would be worse than an error.
        let variables = application.variables(&own)?;
        let effective = variables.get(name).map_or("", manifest::Resolved::as_str);
        if effective != value {
            return Err(CliError::Variable { name, value: effective.to_owned(), allowed });
        }
    }
    Ok(own)
}

/// An origin that is none, or has no certificate, would otherwise be found by the first request.
fn check_unverified(variables: &Variables) -> Result<(), CliError> {
    let value = variables.get(EGRESS_UNVERIFIED).map_or("", manifest::Resolved::as_str);
    let checked = UrlPolicy::default().with_unverified(value);
    checked.map(drop).map_err(|_| CliError::Variable {
        name: EGRESS_UNVERIFIED,
        value: value.to_owned(),
        allowed: "origins over TLS such as https://models.lan:8443, separated by commas",
    })
}

fn options(arguments: &Up, variables: BTreeMap<String, String>) -> Options {
    let mut options = Options::new(&arguments.from, &arguments.state_dir, arguments.listen);
    options.runtime_config.clone_from(&arguments.runtime_config);
    options.variables = variables;
    options.allow_origins.clone_from(&arguments.allow_origin);
    options.unverified_origins.clone_from(&arguments.unverified_origin);
    options.admin_listen = arguments.admin_listen;
    options.spin_instance_policy = arguments.spin_instance_policy;
    if let Some(directory) = user_cache() {
        options.cache_dir = directory.join("selvage");
    }
    options
}

/// The user's cache directory (XDG Base Directory Specification): compiled components are shared by all state directories.
fn user_cache() -> Option<PathBuf> {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let named = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).and_then(absolute);
    named.or_else(|| {
        env::var_os("HOME").map(PathBuf::from).and_then(absolute).map(|home| home.join(".cache"))
    })
}

/// Brings the schema up, or refuses it, ties the master key to the database, and refuses one whose secrets could not be opened.
async fn open_schema(
    location: &Location,
    auto_migrate: bool,
    key: Option<&MasterKey>,
    vault: Option<&VaultSettings>,
) -> Result<(), CliError> {
    let database = location.open()?;
    let now = Clock::system().now();
    let failed = |source| CliError::Migration { database: location.to_string(), source };
    let migrations = Migrations::embedded();
    if auto_migrate {
        let applied = migrations.up(&database, migrations::Amount::All, now.0).await;
        for migration in applied.map_err(failed)? {
            tracing::info!("applied migration {:04} {}", migration.version, migration.name);
        }
    } else {
        migrations.check(&database).await.map_err(failed)?;
    }
    let Some(key) = key else { return Ok(()) };
    // The order matters when the program dies in between: a key that the database knows is on the disk already.
    keyring_of(location, keyring::check(&database, &key.keyring).await)?;
    key.store()?;
    keyring_of(location, keyring::register(&database, &key.keyring, now).await)?;
    let Some(vault) = vault else { return Ok(()) };
    Ok(vault::check(&database, &application::vault(vault)?).await?)
}

/// Says which database a key does not fit.
pub fn keyring_of(location: &Location, outcome: Result<(), KeyringError>) -> Result<(), CliError> {
    let database = || location.to_string();
    outcome.map_err(|error| match error {
        KeyringError::WrongMasterKey | KeyringError::Mistaken { .. } => {
            CliError::WrongMasterKey { database: database() }
        }
        KeyringError::Database(source) => CliError::Database { database: database(), source },
    })
}

fn compile(prepared: Prepared) -> Result<Ready, CliError> {
    let mut progress: Option<Progress> = None;
    let ready = prepared.compile(|step| {
        if let host::Progress::Compiling { component, number, total } = step {
            progress
                .get_or_insert_with(|| Progress::start("compiling the components"))
                .update(&format!("{component} ({number} of {total})"));
        }
    });
    Ok(ready?)
}

/// Resolves with the first SIGINT or SIGTERM. The second ends the program at once.
fn shutdown() -> Result<impl Future<Output = ()>, CliError> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CliError::Runtime)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(CliError::Runtime)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping: requests in flight may end; a second signal ends them");
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            process::exit(130);
        });
    })
}
