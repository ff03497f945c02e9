//! A directory with an application in it, and the binary run there.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(clippy::allow_attributes, reason = "what is unused differs between the test programs")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// An application without a component: the host answers by itself.
pub const STATIC: &str = r#"
spin_manifest_version = 2
[application]
name = "static"
[[trigger.http]]
route = "/..."
static_response = { status_code = 200, body = "served" }
"#;

/// The same, declaring what makes an application one of Selvage: a master key and a schema.
pub const PRODUCT: &str = r#"
spin_manifest_version = 2
[application]
name = "product"
[variables]
master_key = { required = true, secret = true }
auto_migrate = { default = "true" }
[[trigger.http]]
route = "/..."
static_response = { status_code = 200, body = "served" }
"#;

pub struct Project {
    directory: TempDir,
}

impl Project {
    /// A new directory with this manifest.
    pub fn new(manifest: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("spin.toml"), manifest).unwrap();
        Self { directory }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The binary in this directory, with nothing of this process's environment that could change what it does.
    pub fn selvage(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_selvage"));
        command.args(arguments).current_dir(self.directory.path()).stdin(Stdio::null());
        command.env("XDG_CACHE_HOME", self.path("cache"));
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("SPIN_VARIABLE_")
                || text.starts_with("SELVAGE_")
                || text == "RUST_LOG"
            {
                command.env_remove(&name);
            }
        }
        command
    }

    /// Runs the binary to its end.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(self.selvage(arguments).output().unwrap())
    }

    /// Starts `selvage up` on a free port and waits until it listens.
    pub fn up(&self, arguments: &[&str]) -> Server {
        let mut command = self.selvage(&["up", "--listen", "127.0.0.1:0"]);
        Server::start(command.args(arguments))
    }

    /// Writes an executable shell script.
    pub fn script(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The permission bits of a file.
    pub fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.path(name)).unwrap().permissions().mode() & 0o777
    }
}

/// What a finished run left behind.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The standard output of a run that must have succeeded.
    pub fn success(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// The error of a run that must have failed as all failures do: status 1, nothing on standard output, and exactly one line
    /// beginning with `error: ` that says what is wrong and what to do.
    pub fn error(self) -> String {
        assert_eq!(self.code, Some(1), "{self:?}");
        let errors: Vec<&str> =
            self.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "{self:?}");
        assert!(
            self.stderr.trim_end().ends_with(errors[0]),
            "the error is the last line: {self:?}"
        );
        for sign in ["panicked", "RUST_BACKTRACE", "Error {", "Os {"] {
            assert!(!self.stderr.contains(sign), "{self:?}");
        }
        errors[0].to_owned()
    }
}

/// A running `selvage up`. Dropping it kills the process.
pub struct Server {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
    pub address: String,
}

impl Server {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let Some(address) = line.strip_prefix("listening on http://") else {
            let mut stderr = String::new();
            child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
            panic!("{line:?} {:?}\n{stderr}", child.wait());
        };
        Self { address: address.trim().to_owned(), child, stdout }
    }

    /// The status line and body of `GET path`.
    pub fn get(&self, path: &str) -> String {
        use std::io::Write as _;
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
            self.address
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Ends the server by a signal, and gives what else it wrote to standard output.
    pub fn end(mut self, signal: Signal) -> (ExitStatus, String) {
        let id = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(id, signal).unwrap();
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap(), rest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Every file below `directory`, to show that nothing was written.
pub fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}
