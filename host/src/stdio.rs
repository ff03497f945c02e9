//! What guests print goes to the log, line by line, with the component's id. The message of a panic waits for the end of the
//! instance, with which it is logged.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Bytes of one line; longer ones are split, so that a guest cannot make us buffer without end.
const LINE_BYTES_MAX: usize = 8 * 1024;

/// Which of its two outputs a guest writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// Files that get what the guests of one component print, beside the log. Named as Spin names them.
pub struct LogFiles {
    stdout: Mutex<File>,
    stderr: Mutex<File>,
}

impl LogFiles {
    /// Opens the files of `component` in `directory` for appending.
    pub fn open(directory: &Path, component: &str) -> io::Result<Arc<Self>> {
        let open = |stream: &str| {
            let path = directory.join(format!("{component}_{stream}.txt"));
            OpenOptions::new().create(true).append(true).open(path).map(Mutex::new)
        };
        Ok(Arc::new(Self { stdout: open("stdout")?, stderr: open("stderr")? }))
    }

    /// A full disk must not stop a guest that only wants to print.
    fn append(&self, stream: Stream, line: &str) {
        let file = match stream {
            Stream::Stdout => &self.stdout,
            Stream::Stderr => &self.stderr,
        };
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = writeln!(file, "{line}") {
            tracing::warn!("what a guest printed cannot be kept: {error}");
        }
    }
}

/// The last panic message of an instance, as it printed it on standard error.
///
/// A panic normally ends the instance. So its lines are held back, and the log has them once, with the trap.
pub struct PanicOutput {
    component: Arc<str>,
    lines: Mutex<Vec<String>>,
}

/// Bytes of a panic message that are held back; lines beyond them are logged at once.
const PANIC_BYTES_MAX: usize = 1024;

/// The last line of a panic, which is of use only to the author of a program on a terminal.
const BACKTRACE_HINT: &str = "note: run with `RUST_BACKTRACE=1`";

impl PanicOutput {
    pub fn new(component: Arc<str>) -> Arc<Self> {
        Arc::new(Self { component, lines: Mutex::default() })
    }

    /// Holds `line` back if it belongs to a panic.
    fn hold(&self, line: &str) -> bool {
        if line.starts_with("thread '") && line.contains(" panicked at ") {
            self.release();
            self.lock().push(shorten(line).to_owned());
            return true;
        }
        let mut lines = self.lock();
        if lines.is_empty() {
            return false;
        }
        if line.starts_with(BACKTRACE_HINT) {
            return true;
        }
        let bytes: usize = lines.iter().map(String::len).sum();
        let fits = bytes.saturating_add(line.len()) <= PANIC_BYTES_MAX;
        if fits {
            lines.push(line.to_owned());
        }
        fits
    }

    /// Takes the message of a panic that ended the instance, in one line.
    pub fn take(&self) -> Option<String> {
        let lines = std::mem::take(&mut *self.lock());
        (!lines.is_empty()).then(|| lines.join(" "))
    }

    /// Logs what is held back, because the instance goes on. An instance that ends in another way than by a trap does so as well.
    pub fn release(&self) {
        for line in std::mem::take(&mut *self.lock()) {
            tracing::warn!(target: "guest", component = %self.component, "{line}");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PanicOutput {
    fn drop(&mut self) {
        self.release();
    }
}

/// The first [`PANIC_BYTES_MAX`] bytes, in whole characters.
fn shorten(line: &str) -> &str {
    line.get(..line.floor_char_boundary(PANIC_BYTES_MAX)).unwrap_or_default()
}

/// The standard output or error of an instance.
#[derive(Clone)]
pub struct GuestOutput {
    stream: Stream,
    files: Option<Arc<LogFiles>>,
    panic: Arc<PanicOutput>,
}

impl GuestOutput {
    pub fn new(stream: Stream, files: Option<Arc<LogFiles>>, panic: Arc<PanicOutput>) -> Self {
        Self { stream, files, panic }
    }

    fn lines(&self) -> Lines {
        Lines { output: self.clone(), pending: Vec::new() }
    }

    fn log(&self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return;
        }
        if let Some(files) = &self.files {
            files.append(self.stream, text);
        }
        let component = &self.panic.component;
        match self.stream {
            Stream::Stdout => tracing::info!(target: "guest", %component, "{text}"),
            Stream::Stderr if self.panic.hold(text) => {}
            Stream::Stderr => tracing::warn!(target: "guest", %component, "{text}"),
        }
    }
}

impl IsTerminal for GuestOutput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestOutput {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.lines())
    }

    // Without the detour over a task that the default takes: logging never waits.
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.lines())
    }
}

/// Collects bytes until a line is complete.
struct Lines {
    output: GuestOutput,
    pending: Vec<u8>,
}

impl Lines {
    fn push(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = bytes.split_at(end + 1);
            self.append(line);
            self.flush_line();
            bytes = rest;
        }
        self.append(bytes);
    }

    fn append(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = LINE_BYTES_MAX.saturating_sub(self.pending.len()).min(bytes.len());
            let (part, rest) = bytes.split_at(room);
            self.pending.extend_from_slice(part);
            if self.pending.len() >= LINE_BYTES_MAX {
                self.flush_line();
            }
            bytes = rest;
        }
    }

    fn flush_line(&mut self) {
        self.output.log(&self.pending);
        self.pending.clear();
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.flush_line();
    }
}

impl AsyncWrite for Lines {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 * 1024)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(stream: Stream, files: Option<Arc<LogFiles>>) -> GuestOutput {
        GuestOutput::new(stream, files, PanicOutput::new("a".into()))
    }

    #[test]
    fn the_message_of_the_last_panic_is_held_back() {
        let output = output(Stream::Stderr, None);
        let mut lines = output.lines();
        lines.push(b"before\n");
        assert_eq!(output.panic.take(), None);
        lines.push(b"\nthread 'main' panicked at a.rs:1:2:\nfirst\n");
        lines.push(
            b"\nthread '<unnamed>' (1) panicked at a.rs:3:4:\nindex out of bounds\nat the end\n",
        );
        lines.push(
            b"note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
        );
        let message = "thread '<unnamed>' (1) panicked at a.rs:3:4: index out of bounds at the end";
        assert_eq!(output.panic.take().as_deref(), Some(message));
        assert_eq!(output.panic.take(), None);
    }

    #[test]
    fn a_panic_message_is_held_back_only_up_to_its_limit() {
        let output = output(Stream::Stderr, None);
        let mut lines = output.lines();
        lines.push(
            format!("thread 'main' panicked at {}\n", "é".repeat(PANIC_BYTES_MAX)).as_bytes(),
        );
        lines.push("more\n".repeat(PANIC_BYTES_MAX).as_bytes());
        let message = output.panic.take().unwrap();
        assert!((PANIC_BYTES_MAX - 2..=PANIC_BYTES_MAX).contains(&message.len()), "{message}");
    }

    #[test]
    fn a_panic_that_did_not_end_the_instance_is_released() {
        let output = output(Stream::Stderr, None);
        output.lines().push(b"thread 'main' panicked at a.rs:1:2:\nfirst\n");
        output.panic.release();
        assert_eq!(output.panic.take(), None);
    }

    #[test]
    fn a_line_without_end_is_never_kept_whole() {
        let mut lines = output(Stream::Stdout, None).lines();
        lines.push(&vec![b'x'; 3 * LINE_BYTES_MAX + 7]);
        assert_eq!(lines.pending.len(), 7);
        lines.push(b"\nnext");
        assert_eq!(lines.pending, b"next");
    }

    #[test]
    fn lines_are_appended_to_the_file_of_their_stream() {
        let directory = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let files = LogFiles::open(directory.path(), "a").unwrap();
            output(Stream::Stderr, Some(files)).lines().push(b"one\ntwo");
        }
        let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
        assert_eq!(read("a_stderr.txt"), "one\ntwo\none\ntwo\n");
        assert_eq!(read("a_stdout.txt"), "");
    }
}
