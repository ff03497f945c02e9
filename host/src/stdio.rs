//! What guests print goes to the log, line by line, with the component's id.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
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

/// The standard output or error of an instance.
#[derive(Clone)]
pub struct GuestOutput {
    component: Arc<str>,
    stream: Stream,
    files: Option<Arc<LogFiles>>,
}

impl GuestOutput {
    pub fn new(component: Arc<str>, stream: Stream, files: Option<Arc<LogFiles>>) -> Self {
        Self { component, stream, files }
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
        match self.stream {
            Stream::Stdout => {
                tracing::info!(target: "guest", component = %self.component, "{text}");
            }
            Stream::Stderr => {
                tracing::warn!(target: "guest", component = %self.component, "{text}");
            }
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

    #[test]
    fn a_line_without_end_is_never_kept_whole() {
        let mut lines = GuestOutput::new("a".into(), Stream::Stdout, None).lines();
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
            GuestOutput::new("a".into(), Stream::Stderr, Some(files)).lines().push(b"one\ntwo");
        }
        let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
        assert_eq!(read("a_stderr.txt"), "one\ntwo\none\ntwo\n");
        assert_eq!(read("a_stdout.txt"), "");
    }
}
