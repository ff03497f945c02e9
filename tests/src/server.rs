//! A server process on a state directory.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::NamedTempFile;

use crate::{Client, workspace};

/// A running `selvage up`. Dropping it kills the process.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
    /// Its standard error. A file and no pipe, so that what the server wrote before it answered is there when the answer is.
    log: NamedTempFile,
}

/// How the host uses instances of components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// As `spin.toml` says it for our own host.
    Deployed,
    /// As Spin's own host does it.
    Spin,
}

/// How a server is started.
#[derive(Debug)]
pub struct Options {
    command: Command,
    /// Whose components are built first.
    manifest: Option<PathBuf>,
}

impl Options {
    /// The application of the repository, on this state directory, on a free port.
    pub fn new(state: &Path) -> Self {
        Self::from_manifest(&workspace::root().join("spin.toml"), state)
    }

    /// The application with default variables, an admin listener, and this origin open to outbound calls.
    pub fn as_deployed(state: &Path, policy: Policy, origin: &str) -> Self {
        let options = Self::new(state).arg("--admin-listen").arg("127.0.0.1:0");
        let options = options.arg("--allow-origin").arg(origin);
        match policy {
            Policy::Deployed => options,
            Policy::Spin => options.arg("--spin-instance-policy"),
        }
    }

    /// The command line with the variables that are set.
    pub fn describe(&self) -> String {
        let text = |value: &std::ffi::OsStr| value.to_string_lossy().into_owned();
        let variables = self.command.get_envs();
        let variables = variables
            .map(|(name, value)| format!("{}={}", text(name), text(value.unwrap_or_default())));
        let arguments = self.command.get_args().map(text);
        let words: Vec<_> = variables.chain(["selvage".to_owned()]).chain(arguments).collect();
        words.join(" ")
    }

    /// Any other application.
    pub fn from_manifest(manifest: &Path, state: &Path) -> Self {
        let mut command = Command::new(workspace::selvage());
        command
            .args(["up", "--no-build", "--listen", "127.0.0.1:0", "--from"])
            .arg(manifest)
            .arg("--state-dir")
            .arg(state)
            .current_dir(workspace::root());
        Self { command, manifest: Some(manifest.to_owned()) }
    }

    /// Another program that says `listening on http://ADDRESS` when it is ready.
    pub fn program(command: Command) -> Self {
        Self { command, manifest: None }
    }

    /// Appends a command-line argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Sets a variable of the application.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.command.env(format!("SPIN_VARIABLE_{}", name.to_uppercase()), value);
        self
    }

    /// Sets an environment variable of the process.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs the command under another program, e.g. `strace`, with these leading arguments.
    #[must_use]
    pub fn under(mut self, program: &str, arguments: &[&str]) -> Self {
        let mut wrapped = Command::new(program);
        wrapped.args(arguments).arg(self.command.get_program()).args(self.command.get_args());
        for (name, value) in self.command.get_envs() {
            if let Some(value) = value {
                wrapped.env(name, value);
            }
        }
        wrapped.current_dir(workspace::root());
        self.command = wrapped;
        self
    }

    /// Starts the server and waits until it accepts requests.
    ///
    /// # Panics
    /// When the process ends before it listens, with what it said.
    pub fn start(mut self) -> Server {
        if let Some(manifest) = &self.manifest {
            workspace::build_components(manifest);
        }
        let log = NamedTempFile::new().expect("there is a place for the log");
        let mut child = self
            .command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.reopen().expect("the log is there"))
            .spawn()
            .expect("selvage starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("standard output is readable");
        let Some(address) = line.trim().strip_prefix("listening on http://") else {
            let status = child.wait().expect("the process can be waited for");
            panic!("selvage ended with {status}: {line:?}\n{}", read(&log));
        };
        let address = address.parse().expect("an address stands behind `listening on`");
        Server { child, address, log }
    }
}

impl Server {
    /// Starts the application of the repository on this state directory.
    pub fn start(state: &Path) -> Self {
        Options::new(state).start()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The anonymous memory of the process in KiB, which nothing but the process itself can free.
    pub fn anonymous_memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(path).expect("the process is there");
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.expect("the kernel counts anonymous memory")
    }

    /// The file that it logs to.
    pub fn log_path(&self) -> &Path {
        self.log.path()
    }

    /// What it has logged so far. The line of a request may come after its answer.
    pub fn log(&self) -> String {
        read(&self.log)
    }

    /// Reads the metrics of the admin listener.
    ///
    /// # Panics
    /// When the server has none.
    pub async fn metrics(&self) -> String {
        let log = self.log();
        let admin = log.split("metrics and health on http://").nth(1).expect("an admin listener");
        let admin = admin.split_whitespace().next().expect("an address");
        let admin = Client::new(admin.parse().expect("an address"));
        let metrics = admin.get("/metrics").await.body;
        metrics.as_str().expect("metrics are text").to_owned()
    }

    /// Adds up a metric over all its labels; none where the host does not have it.
    pub async fn metric(&self, name: &str) -> Option<f64> {
        let metrics = self.metrics().await;
        let lines = metrics.lines().filter_map(|line| line.strip_prefix(name));
        let lines = lines.filter(|rest| rest.starts_with(['{', ' ']));
        let values = lines.filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok());
        values.reduce(|sum, value| sum + value)
    }

    /// The lines of the log that tell of an error, a panic or a trap.
    pub fn faults(&self) -> Vec<String> {
        const WORDS: [&str; 6] = ["ERROR", "panic", "panicked", "trap", "trapped", "traps"];
        let is_fault = |line: &&str| {
            line.split(|letter: char| !letter.is_alphanumeric()).any(|word| WORDS.contains(&word))
        };
        self.log().lines().filter(is_fault).map(str::to_owned).collect()
    }

    /// Sends SIGTERM, waits for the end and gives everything that was logged.
    pub fn whole_log(mut self) -> String {
        self.signal(Signal::TERM);
        self.child.wait().expect("the process can be waited for");
        self.log()
    }

    /// Sends Ctrl-C and waits for the end.
    pub fn interrupt(self) -> ExitStatus {
        self.end_with(Signal::INT)
    }

    /// Sends SIGTERM and waits for the end.
    pub fn terminate(self) -> ExitStatus {
        self.end_with(Signal::TERM)
    }

    /// Sends SIGKILL: nothing is flushed, nothing is closed.
    pub fn kill(self) -> ExitStatus {
        self.end_with(Signal::KILL)
    }

    /// Sends a signal without waiting.
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.expect("a child has an id"), signal).expect("the process is there");
    }

    /// Waits for the process to end by itself.
    pub fn wait(mut self) -> ExitStatus {
        self.child.wait().expect("the process can be waited for")
    }

    fn end_with(mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        let status = self.child.wait().expect("the process can be waited for");
        let log = self.log();
        assert!(!log.contains("ERROR"), "an orderly life logs no error:\n{log}");
        status
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing left to do.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn read(log: &NamedTempFile) -> String {
    let written = fs::read(log.path()).expect("the log is readable");
    String::from_utf8_lossy(&written).into_owned()
}
