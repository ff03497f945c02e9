//! The body on S3: one object per chunk, signed requests through `egress`.

use std::time::Duration;

use ambient::Clock;
use bytes::Bytes;
use egress::{Egress, EgressError, Limits, Request, Response, Target};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use sigv4::{Payload, Scope};

use crate::{CHUNK_BYTES_MAX, ChunkError, S3Bucket};

/// A chunk goes or comes within this time, or the store is away.
const LIMITS: Limits = Limits { total: Duration::from_secs(20), body_bytes_max: CHUNK_BYTES_MAX };

/// How often a request is sent at most: connections that were kept may be closed by the other side just when they are used.
const ATTEMPTS_MAX: u32 = 3;

/// How long the name of a reason may be.
const CODE_BYTES_MAX: usize = 64;

/// Why a bucket gave or took nothing. The words are for the operator's log.
#[derive(Debug, thiserror::Error)]
enum S3Error {
    #[error("the bucket could not be asked")]
    Egress(#[from] EgressError),
    #[error("the bucket answered with status {status}{}", .code.as_ref().map_or(String::new(), |code| format!(" ({code})")))]
    Refused { status: StatusCode, code: Option<String> },
}

/// Chunks in a bucket.
#[derive(Debug)]
pub(crate) struct S3 {
    bucket: S3Bucket,
    egress: Egress,
    clock: Clock,
}

impl S3 {
    pub fn new(bucket: S3Bucket, egress: Egress, clock: Clock) -> Self {
        Self { bucket, egress, clock }
    }

    pub async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, ChunkError> {
        let response = self.call(Method::GET, key, Bytes::new()).await?;
        match response.status {
            StatusCode::OK => Ok(Some(response.body.into())),
            // A bucket that is not there is another thing than a chunk that is not.
            StatusCode::NOT_FOUND if code(&response.body).as_deref() == Some("NoSuchKey") => {
                Ok(None)
            }
            _ => Err(refused(&response).into()),
        }
    }

    pub async fn set(&self, key: &str, bytes: Vec<u8>) -> Result<(), ChunkError> {
        let response = self.call(Method::PUT, key, Bytes::from(bytes)).await?;
        if response.status.is_success() { Ok(()) } else { Err(refused(&response).into()) }
    }

    pub async fn delete(&self, key: &str) -> Result<(), ChunkError> {
        let response = self.call(Method::DELETE, key, Bytes::new()).await?;
        let is_gone = response.status.is_success()
            || response.status == StatusCode::NOT_FOUND
                && code(&response.body).as_deref() == Some("NoSuchKey");
        if is_gone { Ok(()) } else { Err(refused(&response).into()) }
    }

    /// Sends a request until it is answered. All of them may be repeated: a key has one content, ever.
    async fn call(&self, method: Method, key: &str, body: Bytes) -> Result<Response, S3Error> {
        let path = format!("{}{key}", self.bucket.folder);
        let target = self.bucket.origin.resolve(&path).ok_or(EgressError::Unsendable)?;
        let mut attempt = 1;
        loop {
            let request = self.signed(method.clone(), target.clone(), body.clone())?;
            let outcome = self.egress.send(request, LIMITS).await;
            let is_passing = match &outcome {
                Ok(response) => response.status.is_server_error(),
                Err(error) => matches!(error, EgressError::Interrupted),
            };
            if !is_passing || attempt == ATTEMPTS_MAX {
                return Ok(outcome?);
            }
            attempt += 1;
        }
    }

    fn signed(&self, method: Method, target: Target, body: Bytes) -> Result<Request, EgressError> {
        let S3Bucket { region, credentials, .. } = &self.bucket;
        let signed = sigv4::sign(
            credentials,
            Scope { region, service: "s3" },
            &sigv4::Request {
                method: method.as_str(),
                host: target.authority(),
                path: target.path(),
                query: target.query(),
                headers: &[],
                // Signed with the rest, so that the service refuses bytes that became others on their way.
                payload: Payload::Bytes(&body),
            },
            self.clock.now(),
        );
        let mut request = Request { method, target, headers: HeaderMap::new(), body };
        for (name, value) in signed {
            request = request.with_secret(HeaderName::from_static(name), &value)?;
        }
        Ok(request)
    }
}

impl From<S3Error> for ChunkError {
    fn from(error: S3Error) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

fn refused(response: &Response) -> S3Error {
    S3Error::Refused { status: response.status, code: code(&response.body) }
}

/// The name of the reason in an answer of XML. It is taken for a name only if it is one.
fn code(body: &[u8]) -> Option<String> {
    let text = str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let is_name = (1..=CODE_BYTES_MAX).contains(&code.len())
        && code.bytes().all(|b| b.is_ascii_alphanumeric());
    is_name.then(|| code.to_owned())
}
