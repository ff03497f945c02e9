//! From options to an application that can be compiled: all that can fail quickly.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use manifest::{
    AllowedHosts, Component, Manifest, RuntimeConfig, Secret, Variables, VariablesProvider,
};

use crate::directory;
use crate::error::HostError;
use crate::files::{self, Mount};
use crate::options::Options;
use crate::settings::Settings;
use crate::stdio::LogFiles;

/// The way to a running application: [`Host::prepare`], [`Prepared::compile`], [`crate::Ready::serve`].
pub struct Host;

/// An application whose manifest, configuration, variables, directories and sockets are in order.
pub struct Prepared {
    pub(crate) options: Options,
    pub(crate) manifest: Manifest,
    pub(crate) config: RuntimeConfig,
    pub(crate) parts: BTreeMap<String, Part>,
    pub(crate) listener: TcpListener,
    pub(crate) admin_listener: Option<TcpListener>,
}

/// What the manifest says of one component, with every variable filled in.
pub(crate) struct Part {
    pub settings: Arc<Settings>,
    pub allowed_hosts: AllowedHosts,
    pub variables: BTreeMap<String, manifest::Resolved>,
    pub files: Vec<Mount>,
    pub logs: Option<Arc<LogFiles>>,
}

impl Host {
    /// Checks everything that can be checked without compiling, creates the directories and binds the sockets.
    ///
    /// # Errors
    /// The first thing that is wrong; nothing is left half-done but empty directories.
    pub fn prepare(options: Options) -> Result<Prepared, HostError> {
        let manifest = Manifest::load(&options.manifest)?;
        let config = match &options.runtime_config {
            Some(path) => RuntimeConfig::load(path)?.with_defaults(&options.state_dir),
            None => RuntimeConfig::default_for(&options.state_dir),
        };
        let variables = variables(&manifest, &config, &options)?;
        for component in manifest.components.values() {
            check_source(component)?;
            check_storage(component, &config)?;
        }
        let state_dir = config.state_dir.as_ref().unwrap_or(&options.state_dir);
        for directory in [Some(state_dir), Some(&options.cache_dir), config.log_dir.as_ref()] {
            directory.map_or(Ok(()), |directory| directory::own(directory))?;
        }
        let mut parts = BTreeMap::new();
        for (id, component) in &manifest.components {
            let part = part(&manifest, component, &config, &variables, &options)?;
            parts.insert(id.clone(), part);
        }
        let listener = listen(options.listen)?;
        let admin_listener = options.admin_listen.map(listen).transpose()?;
        Ok(Prepared { options, manifest, config, parts, listener, admin_listener })
    }
}

impl Prepared {
    /// Where the application will listen; with port 0 in the options, the real port.
    ///
    /// # Errors
    /// [`HostError::Listen`] if the system does not say.
    pub fn local_addr(&self) -> Result<SocketAddr, HostError> {
        local_addr(&self.listener, self.options.listen)
    }
}

fn part(
    manifest: &Manifest,
    component: &Component,
    config: &RuntimeConfig,
    variables: &Variables,
    options: &Options,
) -> Result<Part, HostError> {
    let settings = if options.spin_instance_policy {
        Settings::of_spin(&options.limits, config.max_instance_memory)
    } else {
        Settings::new(component, &options.limits, config.max_instance_memory)?
    };
    let logs = match &config.log_dir {
        Some(directory) => {
            let error = |source: io::Error| HostError::Directory {
                path: directory.clone(),
                reason: source.to_string(),
            };
            Some(LogFiles::open(directory, &component.id).map_err(error)?)
        }
        None => None,
    };
    Ok(Part {
        settings: Arc::new(settings),
        allowed_hosts: allowed_hosts(manifest, component, variables)?,
        variables: variables.for_component(component),
        files: files::mounts(manifest, component, &options.cache_dir.join("files"))?,
        logs,
    })
}

/// Providers come before the values of the options, which come before the manifest's defaults.
fn variables(
    manifest: &Manifest,
    config: &RuntimeConfig,
    options: &Options,
) -> Result<Variables, HostError> {
    let own = options.variables.iter().map(|(name, value)| (name.clone(), Secret::new(value)));
    let mut providers = config.variables_providers.clone();
    providers.push(VariablesProvider::Static { values: own.collect() });
    Ok(Variables::resolve(manifest, &providers, &BTreeMap::new())?)
}

fn check_source(component: &Component) -> Result<(), HostError> {
    match fs::File::open(&component.source) {
        Ok(_) => Ok(()),
        Err(source) => Err(HostError::Source {
            component: component.id.clone(),
            path: component.source.clone(),
            source,
        }),
    }
}

fn check_storage(component: &Component, config: &RuntimeConfig) -> Result<(), HostError> {
    let undefined = |kind, table, name: &String| HostError::Storage {
        kind,
        name: name.clone(),
        reason: format!(
            "component {} uses it, but the runtime configuration has no [{table}.{name}]",
            component.id
        ),
    };
    for name in &component.sqlite_databases {
        if !config.sqlite_databases.contains_key(name) {
            return Err(undefined("database", "sqlite_database", name));
        }
    }
    for name in &component.key_value_stores {
        if !config.key_value_stores.contains_key(name) {
            return Err(undefined("key-value store", "key_value_store", name));
        }
    }
    Ok(())
}

fn allowed_hosts(
    manifest: &Manifest,
    component: &Component,
    variables: &Variables,
) -> Result<AllowedHosts, HostError> {
    AllowedHosts::of_component(component, variables)
        .map(|hosts| hosts.with_components(&manifest.components))
        .map_err(|source| HostError::Hosts { component: component.id.clone(), source })
}

fn listen(address: SocketAddr) -> Result<TcpListener, HostError> {
    let error = |source| HostError::Listen { address, source };
    let listener = TcpListener::bind(address).map_err(error)?;
    listener.set_nonblocking(true).map_err(error)?;
    Ok(listener)
}

pub(crate) fn local_addr(
    listener: &TcpListener,
    address: SocketAddr,
) -> Result<SocketAddr, HostError> {
    listener.local_addr().map_err(|source| HostError::Listen { address, source })
}

/// Reads a component's file.
pub(crate) fn read_source(id: &str, path: &Path) -> Result<Vec<u8>, HostError> {
    fs::read(path).map_err(|source| HostError::Source {
        component: id.to_owned(),
        path: path.to_owned(),
        source,
    })
}
