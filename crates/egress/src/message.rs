use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;

use crate::Target;

/// How many headers an answer may have, and how many bytes in them.
const HEADERS_MAX: usize = 100;
const HEADER_BYTES_MAX: usize = 64 * 1024;

/// A request to another server. `Debug` shows neither headers nor body: both may hold secrets.
#[derive(Clone)]
pub struct Request {
    pub method: Method,
    pub target: Target,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// What a request may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest time from the call to the last byte of the answer.
    pub total: Duration,
    /// The largest body of an answer, in bytes.
    pub body_bytes_max: usize,
}

/// The answer of another server, whole.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Why there is no answer. Classes alone: what the other side or the network said stays out of answers and logs (SECURITY R72).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    #[error("the other server could not be reached")]
    Unreachable,
    #[error("the other server took too long")]
    Timeout,
    #[error("the other server broke off or did not speak HTTP")]
    Interrupted,
    #[error("the answer was too large")]
    TooLarge,
    #[error("the other server redirected, which is not followed")]
    Redirected,
    #[error("the request cannot be expressed in HTTP")]
    Unsendable,
}

impl Request {
    /// A `GET` for JSON.
    pub fn get(target: Target) -> Self {
        let accept = (header::ACCEPT, HeaderValue::from_static("application/json"));
        let headers = HeaderMap::from_iter([accept]);
        Self { method: Method::GET, target, headers, body: Bytes::new() }
    }

    /// A `POST` of this body, for JSON.
    pub fn post(target: Target, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut request = Self::get(target);
        request.method = Method::POST;
        request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        request.body = body.into();
        request
    }

    /// The same request with a header that is a secret: no log shows it.
    ///
    /// # Errors
    /// [`EgressError::Unsendable`] when the value is none of a header.
    pub fn with_secret(mut self, name: HeaderName, value: &str) -> Result<Self, EgressError> {
        let mut value = HeaderValue::from_str(value).map_err(|_| EgressError::Unsendable)?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self)
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

impl Default for Limits {
    /// Half a minute, one MiB.
    fn default() -> Self {
        Self { total: Duration::from_secs(30), body_bytes_max: 1024 * 1024 }
    }
}

/// Refuses answers that lead elsewhere or whose head is too large.
pub(crate) fn check_head(status: StatusCode, headers: &HeaderMap) -> Result<(), EgressError> {
    if status.is_redirection() {
        return Err(EgressError::Redirected);
    }
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if HEADERS_MAX < headers.len() || HEADER_BYTES_MAX < bytes {
        return Err(EgressError::TooLarge);
    }
    Ok(())
}

/// Reads a body up to a size.
pub(crate) async fn read<B>(mut body: B, bytes_max: usize) -> Result<Bytes, EgressError>
where
    B: BodyExt<Data = Bytes> + Unpin,
{
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| EgressError::Interrupted)?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes_max < bytes.len() + data.len() {
            return Err(EgressError::TooLarge);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}
