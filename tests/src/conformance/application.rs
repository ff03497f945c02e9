//! An application made of guests, served in this process or described for another.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use host::{Host, HostError, Limits, Options};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{guests, within};
use crate::{Client, workspace};

/// A manifest that grows by components, and the options to serve it with.
#[derive(Debug)]
pub struct Application {
    directory: TempDir,
    manifest: String,
    runtime_config: Option<String>,
    options: Options,
}

impl Application {
    /// An application without components. Each application has a state directory of its own; all share the cache of compiled
    /// components.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let manifest = "spin_manifest_version = 2\n[application]\nname = \"conformance\"\n";
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut options = Options::new(
            directory.path().join("spin.toml"),
            directory.path().join("state"),
            listen,
        );
        options.cache_dir = workspace::root().join("target/conformance-cache");
        Self { directory, manifest: manifest.to_owned(), runtime_config: None, options }
    }

    /// An application of one guest; see [`Application::with`].
    pub fn of(guest: &str, body: &str) -> Self {
        Self::new().with(guest, body)
    }

    /// Adds the guest called `guest` as a component of the same name, behind the route `/<guest>/...`. `body` is what its table
    /// in the manifest says beside `source`.
    #[must_use]
    pub fn with(self, guest: &str, body: &str) -> Self {
        self.routed(&format!("route = \"/{guest}/...\"\ncomponent = \"{guest}\""))
            .component(guest, guest, body)
    }

    /// Adds a trigger.
    #[must_use]
    pub fn routed(mut self, trigger: &str) -> Self {
        write!(self.manifest, "\n[[trigger.http]]\n{trigger}\n").expect("a string takes all");
        self
    }

    /// Adds a component without a route.
    #[must_use]
    pub fn component(mut self, id: &str, guest: &str, body: &str) -> Self {
        let source = guests().join(format!("guest_{guest}.wasm"));
        let source = source.display();
        write!(self.manifest, "\n[component.{id}]\nsource = \"{source}\"\n{body}\n")
            .expect("a string takes all");
        self
    }

    /// Adds any table to the manifest.
    #[must_use]
    pub fn table(mut self, toml: &str) -> Self {
        write!(self.manifest, "\n{toml}\n").expect("a string takes all");
        self
    }

    /// Serves under a runtime configuration; `{directory}` in it stands for [`Application::directory`].
    #[must_use]
    pub fn runtime_config(mut self, toml: &str) -> Self {
        let directory = self.directory.path().display().to_string();
        self.runtime_config = Some(toml.replace("{directory}", &directory));
        self
    }

    /// Sets a variable of the application.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.options.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Opens a private origin for outbound requests.
    #[must_use]
    pub fn allow_origin(mut self, origin: &str) -> Self {
        self.options.allow_origins.push(origin.parse().expect("the origin is well-formed"));
        self
    }

    /// Changes the limits.
    #[must_use]
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.options.limits);
        self
    }

    /// Serves metrics as well.
    #[must_use]
    pub fn with_metrics(mut self) -> Self {
        self.options.admin_listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        self
    }

    /// Changes any option.
    #[must_use]
    pub fn options(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }

    /// Where the manifest lies; it goes away with the application.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Writes the manifest, for a server of its own process, and says where.
    pub fn write(&mut self) -> PathBuf {
        std::fs::write(&self.options.manifest, &self.manifest).expect("the manifest is written");
        if let Some(toml) = &self.runtime_config {
            let path = self.directory.path().join("runtime-config.toml");
            std::fs::write(&path, toml).expect("the runtime configuration is written");
            self.options.runtime_config = Some(path);
        }
        self.options.manifest.clone()
    }

    /// Serves the application in this process.
    ///
    /// # Panics
    /// When the host refuses it.
    pub async fn start(self) -> Running {
        match self.try_start().await {
            Ok(running) => running,
            Err(error) => panic!("the host refuses the application: {error}"),
        }
    }

    /// The sentence with which the host refuses the application.
    ///
    /// # Panics
    /// When it is served instead.
    pub async fn refusal(self) -> String {
        match self.try_start().await {
            Ok(_) => panic!("the host serves what it should refuse"),
            Err(error) => error.to_string(),
        }
    }

    async fn try_start(mut self) -> Result<Running, HostError> {
        self.write();
        let prepared = Host::prepare(self.options.clone())?;
        let compiling = tokio::task::spawn_blocking(move || prepared.compile(|_| {}));
        let ready = compiling.await.expect("compiling does not panic")?;
        let (address, admin) = (ready.local_addr(), ready.admin_addr());
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(ready.serve(async {
            // A dropped sender, too, means that the application is no longer needed.
            drop(stopped.await);
        }));
        Ok(Running { address, admin, stop: Some(stop), serving, application: self })
    }
}

impl Default for Application {
    fn default() -> Self {
        Self::new()
    }
}

/// An application that is being served in this process. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    admin: Option<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<Result<(), HostError>>,
    application: Application,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// One number from its metrics: the sum over all lines of `name` whose labels contain `labels`.
    ///
    /// # Panics
    /// When it has no admin listener or no such metric; see [`Application::with_metrics`].
    pub async fn metric(&self, name: &str, labels: &str) -> f64 {
        let admin = self.admin.expect("the application was started with metrics");
        let answer = Client::new(admin).get("/metrics").await;
        let text = answer.body.as_str().expect("metrics are text");
        let values: Vec<f64> = text
            .lines()
            .filter(|line| line.starts_with(name) && line.contains(labels))
            .filter(|line| line[name.len()..].starts_with(['{', ' ']))
            .filter_map(|line| line.rsplit(' ').next()?.parse().ok())
            .collect();
        assert!(!values.is_empty(), "there is no metric {name} with {labels:?} in:\n{text}");
        values.iter().sum()
    }

    /// A client for it.
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// The directory of its manifest, its runtime configuration and its state.
    pub fn directory(&self) -> &Path {
        self.application.directory()
    }

    /// Stops it as a signal would, but goes on at once.
    pub fn begin_stop(&mut self) {
        self.stop.take();
    }

    /// Stops it as a signal would and gives back what it was made of, ready to be started again.
    ///
    /// # Panics
    /// When the host does not end, or ends with an error.
    pub async fn stop(mut self) -> Application {
        self.stop.take();
        let ended = within("stopping", self.serving).await.expect("the host does not panic");
        ended.expect("the host stops without an error");
        self.application
    }
}
