//! `multipart/form-data` (RFC 7578), read as it arrives.
//!
//! Memory is bounded whatever is sent: by one slice of the body, the delimiter, and 8 KiB for the headers of a part. The usual crate reads on as
//! long as there is anything, and knows no bound for headers.

use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::{HeaderMap, header};
use bytes::{Buf as _, BytesMut};
use futures::StreamExt as _;

/// How many parts a body may have (SECURITY R83).
pub const PARTS_MAX: u32 = 20;

/// How long the headers of a part may be, and what stands before the first part.
pub const HEADERS_BYTES_MAX: usize = 8 * 1024;

/// RFC 2046 section 5.1.1.
const BOUNDARY_BYTES_MAX: usize = 70;

/// How much of the body is looked at together.
const SLICE_BYTES: usize = 64 * 1024;

/// Why a body cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MultipartError {
    #[error("the body broke off")]
    Broken,
    #[error("the content-type has no boundary")]
    NoBoundary,
    #[error("the body is not multipart/form-data as RFC 7578 has it")]
    Malformed,
    #[error("a part has more than {HEADERS_BYTES_MAX} bytes of headers")]
    HeadersTooLong,
    #[error("the body has more than {PARTS_MAX} parts")]
    TooManyParts,
    #[error("a field has more bytes than it may")]
    FieldTooLong,
}

/// What stands before the bytes of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartHead {
    pub name: String,
    pub file_name: Option<String>,
    pub media_type: Option<String>,
}

/// A body, read part by part.
pub struct Multipart {
    body: BodyDataStream,
    /// What has arrived and was not looked at.
    slice: Bytes,
    buffer: BytesMut,
    /// CRLF, two hyphens and the boundary.
    delimiter: Vec<u8>,
    place: Place,
    parts: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the first delimiter, or within a part.
    Content,
    /// Just after a delimiter.
    Delimiter,
    End,
}

impl Multipart {
    /// Reads a body whose headers say how its parts are delimited.
    ///
    /// # Errors
    /// [`MultipartError::NoBoundary`].
    pub fn new(headers: &HeaderMap, body: Body) -> Result<Self, MultipartError> {
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let boundary = content_type.and_then(boundary).ok_or(MultipartError::NoBoundary)?;
        // The first delimiter has no line before it; with this one it looks like all others.
        let buffer = BytesMut::from(&b"\r\n"[..]);
        let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
        let body = body.into_data_stream();
        Ok(Self { body, slice: Bytes::new(), buffer, delimiter, place: Place::Content, parts: 0 })
    }

    /// Whether a request has such a body.
    pub fn is_one(headers: &HeaderMap) -> bool {
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
        essence.trim().eq_ignore_ascii_case("multipart/form-data")
    }

    /// The head of the next part, whether or not the last one was read; `None` after the last.
    ///
    /// # Errors
    /// See [`MultipartError`].
    pub async fn next_part(&mut self) -> Result<Option<PartHead>, MultipartError> {
        if self.parts == 0 && self.place == Place::Content {
            self.skip_preamble().await?;
        }
        while self.place == Place::Content {
            self.next_bytes().await?;
        }
        if self.place == Place::End || self.is_last().await? {
            self.place = Place::End;
            return Ok(None);
        }
        self.parts += 1;
        if PARTS_MAX < self.parts {
            return Err(MultipartError::TooManyParts);
        }
        let head = self.head().await?;
        self.place = Place::Content;
        Ok(Some(head))
    }

    /// The next bytes of the part; `None` at its end.
    ///
    /// # Errors
    /// See [`MultipartError`].
    pub async fn next_bytes(&mut self) -> Result<Option<Bytes>, MultipartError> {
        if self.place != Place::Content {
            return Ok(None);
        }
        loop {
            if let Some(at) = memchr::memmem::find(&self.buffer, &self.delimiter) {
                if at == 0 {
                    self.buffer.advance(self.delimiter.len());
                    self.place = Place::Delimiter;
                    return Ok(None);
                }
                return Ok(Some(self.buffer.split_to(at).freeze()));
            }
            // The last bytes may be the beginning of a delimiter.
            let safe = (self.buffer.len() + 1).saturating_sub(self.delimiter.len());
            if 0 < safe {
                return Ok(Some(self.buffer.split_to(safe).freeze()));
            }
            self.fill().await?;
        }
    }

    /// All of a part that is a short text.
    ///
    /// # Errors
    /// See [`MultipartError`].
    pub async fn text(&mut self, bytes_max: usize) -> Result<String, MultipartError> {
        let mut text = Vec::new();
        while let Some(bytes) = self.next_bytes().await? {
            if bytes_max < text.len() + bytes.len() {
                return Err(MultipartError::FieldTooLong);
            }
            text.extend_from_slice(&bytes);
        }
        String::from_utf8(text).map_err(|_| MultipartError::Malformed)
    }

    /// Reads what follows the last part, so that all of the body has passed.
    ///
    /// # Errors
    /// [`MultipartError::Malformed`] when that is long.
    pub async fn finish(&mut self) -> Result<(), MultipartError> {
        let mut left = HEADERS_BYTES_MAX.checked_sub(self.slice.len() + self.buffer.len());
        while let Some(next) = self.body.next().await {
            let next = next.map_err(|_| MultipartError::Broken)?;
            left = left.and_then(|left| left.checked_sub(next.len()));
        }
        left.map(drop).ok_or(MultipartError::Malformed)
    }

    async fn skip_preamble(&mut self) -> Result<(), MultipartError> {
        let mut skipped = 0;
        while let Some(bytes) = self.next_bytes().await? {
            skipped += bytes.len();
            if HEADERS_BYTES_MAX < skipped {
                return Err(MultipartError::Malformed);
            }
        }
        Ok(())
    }

    /// Reads what follows a delimiter: two hyphens after the last part, the end of the line before others.
    async fn is_last(&mut self) -> Result<bool, MultipartError> {
        while self.buffer.len() < 2 {
            self.fill().await?;
        }
        if self.buffer.starts_with(b"--") {
            return Ok(true);
        }
        let line = self.until(b"\r\n").await?;
        let is_padding = line.iter().all(|byte| matches!(byte, b' ' | b'\t'));
        if is_padding { Ok(false) } else { Err(MultipartError::Malformed) }
    }

    async fn head(&mut self) -> Result<PartHead, MultipartError> {
        let block = self.until(b"\r\n\r\n").await?;
        let text = std::str::from_utf8(&block).map_err(|_| MultipartError::Malformed)?;
        let (mut disposition, mut media_type) = (None, None);
        for line in text.split("\r\n") {
            let (name, value) = line.split_once(':').ok_or(MultipartError::Malformed)?;
            let value = value.trim();
            let is_plain = !value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t');
            if !is_plain {
                return Err(MultipartError::Malformed);
            }
            let known = match name.to_ascii_lowercase().as_str() {
                "content-disposition" => disposition.replace(value),
                "content-type" => media_type.replace(value),
                // RFC 7578 section 4.7: deprecated, and nothing but these mean the bytes as they are.
                "content-transfer-encoding" if !is_identity(value) => {
                    return Err(MultipartError::Malformed);
                }
                _ => None,
            };
            if known.is_some() {
                return Err(MultipartError::Malformed);
            }
        }
        let disposition = disposition.ok_or(MultipartError::Malformed)?;
        let (name, file_name) = form_data(disposition).ok_or(MultipartError::Malformed)?;
        Ok(PartHead { name, file_name, media_type: media_type.map(str::to_owned) })
    }

    /// What stands before `end`, which is taken too.
    async fn until(&mut self, end: &[u8]) -> Result<Bytes, MultipartError> {
        loop {
            let window = self.buffer.get(..HEADERS_BYTES_MAX + end.len()).unwrap_or(&self.buffer);
            if let Some(at) = memchr::memmem::find(window, end) {
                let block = self.buffer.split_to(at).freeze();
                self.buffer.advance(end.len());
                return Ok(block);
            }
            if HEADERS_BYTES_MAX + end.len() <= self.buffer.len() {
                return Err(MultipartError::HeadersTooLong);
            }
            self.fill().await?;
        }
    }

    /// Adds a slice of the body to the buffer. A body that ends here ends too early.
    async fn fill(&mut self) -> Result<(), MultipartError> {
        while self.slice.is_empty() {
            let next = self.body.next().await.ok_or(MultipartError::Broken)?;
            self.slice = next.map_err(|_| MultipartError::Broken)?;
        }
        let length = self.slice.len().min(SLICE_BYTES);
        self.buffer.extend_from_slice(&self.slice.split_to(length));
        Ok(())
    }
}

fn is_identity(encoding: &str) -> bool {
    ["7bit", "8bit", "binary"].iter().any(|known| encoding.eq_ignore_ascii_case(known))
}

fn boundary(content_type: &str) -> Option<String> {
    let (_, parameters) = content_type.split_once(';')?;
    let boundary = parameter(parameters, "boundary")?;
    let is_one = (1..=BOUNDARY_BYTES_MAX).contains(&boundary.len())
        && boundary.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    is_one.then_some(boundary)
}

/// The name and the file name of `form-data; name="…"; filename="…"`.
fn form_data(disposition: &str) -> Option<(String, Option<String>)> {
    let (kind, parameters) = disposition.split_once(';')?;
    let name =
        parameter(parameters, "name").filter(|_| kind.trim().eq_ignore_ascii_case("form-data"))?;
    Some((name, parameter(parameters, "filename")))
}

/// The value of a parameter, without its quotes. Of backslashes only those before quotes and backslashes escape: paths of Windows have them too.
fn parameter(parameters: &str, wanted: &str) -> Option<String> {
    let mut rest = parameters.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let (value, after) = if let Some(quoted) = after.strip_prefix('"') {
            unquoted(quoted)?
        } else {
            let end = after.find(';').unwrap_or(after.len());
            let (value, after) = after.split_at_checked(end)?;
            (value.trim().to_owned(), after)
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = after.trim_start().strip_prefix(';').unwrap_or_default().trim_start();
    }
    None
}

/// What stands before the closing quote, and what follows it.
fn unquoted(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => match chars.clone().next() {
                Some((_, escaped @ ('"' | '\\'))) => {
                    value.push(escaped);
                    chars.next();
                }
                _ => value.push(c),
            },
            _ => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests;
