//! A server process on a state directory.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};

use crate::workspace;

/// A running `selvage up`. Dropping it kills the process.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
    log: Arc<Mutex<String>>,
    log_reader: Option<JoinHandle<()>>,
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
        let mut child = self
            .command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("selvage starts");
        let log = Arc::new(Mutex::new(String::new()));
        let log_reader = follow(child.stderr.take().expect("stderr is piped"), Arc::clone(&log));
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("standard output is readable");
        let Some(address) = line.trim().strip_prefix("listening on http://") else {
            let status = child.wait().expect("the process can be waited for");
            log_reader.join().expect("the log reader ends");
            panic!("selvage ended with {status}: {line:?}\n{}", log.lock().expect("log"));
        };
        let address = address.parse().expect("an address stands behind `listening on`");
        Server { child, address, log, log_reader: Some(log_reader) }
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

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("the log reader does not panic").clone()
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
        let status = self.child.wait().expect("the process can be waited for");
        if let Some(reader) = self.log_reader.take() {
            reader.join().expect("the log reader ends");
        }
        status
    }

    fn end_with(self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        let log = Arc::clone(&self.log);
        let status = self.wait();
        let log = log.lock().expect("the log reader does not panic");
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

fn follow(source: impl Read + Send + 'static, log: Arc<Mutex<String>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(source).lines() {
            let Ok(line) = line else { return };
            let mut log = log.lock().expect("no reader panics while it holds the log");
            log.push_str(&line);
            log.push('\n');
        }
    })
}
