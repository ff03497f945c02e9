//! A result that is read in pieces.

use libsql_hrana::proto::{CursorEntry, CursorRespBody};
use serde::de::DeserializeOwned;

use crate::statement::row_from_wire;
use crate::{
    Client, Endpoint, HranaError, Limits, ResponseBody, StreamingResponse, StreamingTransport,
    Value,
};

/// Longest body of a failed response that is read for its message, in bytes.
const ERROR_BYTES_MAX: usize = 64 * 1024;

/// The rows of one statement, held in memory only as far as they have arrived and not been taken.
///
/// Dropping it ends the response and closes the stream on the server.
#[derive(Debug)]
pub struct Cursor<T: StreamingTransport> {
    client: Client<T>,
    columns: Vec<String>,
    lines: Lines<T::Body>,
    /// Where to close the stream, and the baton that does it.
    stream: Option<(Endpoint, String)>,
    ended: bool,
}

impl<T: StreamingTransport> Cursor<T> {
    /// Reads the head of the response up to the names of the columns.
    pub(crate) async fn open(
        client: Client<T>,
        response: StreamingResponse<T::Body>,
        limits: Limits,
    ) -> Result<Self, HranaError> {
        let mut lines = Lines::new(response.body, limits.response_bytes_max);
        if !(200..300).contains(&response.status) {
            return Err(HranaError::from_status(response.status, &lines.rest().await?));
        }
        let head: CursorRespBody = lines.next().await?.ok_or_else(cut_short)?;
        let mut cursor = Self { client, columns: Vec::new(), lines, stream: None, ended: false };
        if let Some(baton) = head.baton {
            let endpoint = match &head.base_url {
                Some(base_url) => cursor.client.endpoint().follow(base_url)?,
                None => cursor.client.endpoint().clone(),
            };
            cursor.stream = Some((endpoint, baton));
        }
        loop {
            match cursor.lines.next().await?.ok_or_else(cut_short)? {
                CursorEntry::StepBegin(begin) => {
                    let names =
                        begin.cols.into_iter().map(|column| column.name.unwrap_or_default());
                    cursor.columns = names.collect();
                    return Ok(cursor);
                }
                entry => skip(entry)?,
            }
        }
    }

    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The rows that have arrived since the last call, at least one, or `None` after the last row.
    ///
    /// An error means that the rows so far are not the whole result. The cursor gives nothing after it.
    pub async fn next_rows(&mut self) -> Result<Option<Vec<Vec<Value>>>, HranaError> {
        // Set for the time of the call, so that neither an error nor a cancelled call can be read over.
        if std::mem::replace(&mut self.ended, true) {
            return Ok(None);
        }
        let mut rows = Vec::new();
        while rows.is_empty() || self.lines.has_line() {
            match self.lines.next().await?.ok_or_else(cut_short)? {
                CursorEntry::Row { row } => rows.push(row_from_wire(row, self.columns.len())?),
                CursorEntry::StepEnd(_) => {
                    self.close();
                    return Ok((!rows.is_empty()).then_some(rows));
                }
                entry => skip(entry)?,
            }
        }
        self.ended = false;
        Ok(Some(rows))
    }

    fn close(&mut self) {
        if let Some((endpoint, baton)) = self.stream.take() {
            self.client.close_detached(&endpoint, baton);
        }
    }
}

impl<T: StreamingTransport> Drop for Cursor<T> {
    fn drop(&mut self) {
        self.close();
    }
}

/// Passes over what carries no rows, and stops at an error or at what must not come here.
fn skip(entry: CursorEntry) -> Result<(), HranaError> {
    match entry {
        CursorEntry::ReplicationIndex { .. } => Ok(()),
        CursorEntry::StepError(failed) => Err(failed.error.into()),
        CursorEntry::Error { error } => Err(error.into()),
        _ => Err(HranaError::protocol("a cursor's entries are out of order")),
    }
}

fn cut_short() -> HranaError {
    HranaError::protocol("its response ends in the middle of a result")
}

/// The lines of a response, each of them one JSON document.
#[derive(Debug)]
struct Lines<B> {
    body: B,
    buffer: Vec<u8>,
    /// How much of the buffer has been given out.
    read: usize,
    /// How much of the buffer is known to hold no further line end, so that a long line is searched once.
    searched: usize,
    bytes_max: usize,
}

impl<B: ResponseBody> Lines<B> {
    fn new(body: B, bytes_max: usize) -> Self {
        Self { body, buffer: Vec::new(), read: 0, searched: 0, bytes_max }
    }

    /// Whether the next line is already here.
    fn has_line(&mut self) -> bool {
        self.line_end().is_some()
    }

    fn line_end(&mut self) -> Option<usize> {
        let unsearched = self.buffer.get(self.searched..)?;
        let end = unsearched.iter().position(|&byte| byte == b'\n').map(|at| self.searched + at);
        self.searched = end.unwrap_or(self.buffer.len());
        end
    }

    async fn next<L: DeserializeOwned>(&mut self) -> Result<Option<L>, HranaError> {
        loop {
            if let Some(end) = self.line_end() {
                let line = self.buffer.get(self.read..end).unwrap_or_default();
                self.read = end + 1;
                self.searched = self.read;
                if !line.trim_ascii().is_empty() {
                    return parse(line).map(Some);
                }
            } else if !self.fill().await? {
                // The last line may lack its line end.
                let last = std::mem::take(&mut self.buffer);
                self.searched = 0;
                return if last.trim_ascii().is_empty() {
                    Ok(None)
                } else {
                    parse(&last).map(Some)
                };
            }
        }
    }

    /// Appends the next chunk; false after the last.
    async fn fill(&mut self) -> Result<bool, HranaError> {
        self.buffer.drain(..self.read);
        self.searched -= self.read;
        self.read = 0;
        let Some(chunk) = self.body.chunk().await? else { return Ok(false) };
        if self.bytes_max < self.buffer.len() + chunk.len() {
            return Err(HranaError::TooLarge { bytes_max: self.bytes_max });
        }
        self.buffer.extend_from_slice(&chunk);
        Ok(true)
    }

    async fn rest(&mut self) -> Result<Vec<u8>, HranaError> {
        while self.buffer.len() < ERROR_BYTES_MAX && self.fill().await? {}
        Ok(std::mem::take(&mut self.buffer))
    }
}

fn parse<L: DeserializeOwned>(line: &[u8]) -> Result<L, HranaError> {
    serde_json::from_slice(line).map_err(|error| {
        HranaError::protocol(format!("an entry of a cursor is malformed: {error}"))
    })
}

#[cfg(test)]
mod tests;
