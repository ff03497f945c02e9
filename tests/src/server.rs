//! A server process on a state directory.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::NamedTempFile;

use crate::workspace;

/// A running `selvage up`. Dropping it kills the process.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
    /// Its standard error. A file and no pipe, so that what the server wrote before it answered is there when the answer is.
    log: NamedTempFile,
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

    /// What it has logged so far. The line of a request may come after its answer.
    pub fn log(&self) -> String {
        read(&self.log)
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
