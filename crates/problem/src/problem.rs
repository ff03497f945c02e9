use std::borrow::Cow;
use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use database::DatabaseError;
use serde::Serialize;

use crate::kinds::{self, Kind};

/// How long a client should wait before it tries again what failed because the database was away.
const RETRY_AFTER_S: u32 = 1;

const INTERNAL_DETAIL: &str = "The server failed. Its log names the cause under this request id.";
const UNAVAILABLE_DETAIL: &str = "The service cannot answer at the moment. Try again shortly.";

/// One occurrence of a problem, on its way to becoming an answer.
#[derive(Debug, Clone)]
pub struct Problem {
    kind: &'static Kind,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    retry_after_s: Option<u32>,
    cause: Option<Cause>,
}

/// One value that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Where it stands in the body: a JSON pointer (RFC 6901), or `/name` for a query parameter.
    pub pointer: String,
    /// What the rule asks for. It does not quote the value.
    pub detail: Cow<'static, str>,
}

/// What the log says and the answer does not.
#[derive(Debug, Clone)]
struct Cause {
    chain: String,
    is_fault: bool,
}

impl FieldError {
    /// An error of the field at `pointer`.
    pub fn new(pointer: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

impl Problem {
    /// A problem that the caller can put right. `detail` says how; it is sent as it is.
    pub fn new(kind: &'static Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, detail: detail.into(), errors: Vec::new(), retry_after_s: None, cause: None }
    }

    /// A fault of ours. The error and its sources are logged once, when the answer is sent, and nothing of them is in the answer.
    pub fn internal(error: &(dyn Error + 'static)) -> Self {
        let mut problem = Self::new(&kinds::INTERNAL_ERROR, INTERNAL_DETAIL);
        problem.cause = Some(Cause { chain: chain(error), is_fault: true });
        problem
    }

    /// Something that we need is away; the caller may try again. Logged like [`Problem::internal`].
    pub fn unavailable(error: &(dyn Error + 'static)) -> Self {
        let mut problem = Self::new(&kinds::UNAVAILABLE, UNAVAILABLE_DETAIL);
        problem.retry_after_s = Some(RETRY_AFTER_S);
        problem.cause = Some(Cause { chain: chain(error), is_fault: false });
        problem
    }

    /// A problem for whose cause somebody else answers. The error and its sources are logged once, and nothing of them is in the answer.
    pub fn upstream(
        kind: &'static Kind,
        detail: impl Into<Cow<'static, str>>,
        error: &(dyn Error + 'static),
    ) -> Self {
        let mut problem = Self::new(kind, detail);
        problem.cause = Some(Cause { chain: chain(error), is_fault: false });
        problem
    }

    /// A limit that is used up until this time has passed. `Retry-After` counts whole seconds, so it is rounded up.
    pub fn rate_limited(wait: Duration) -> Self {
        let detail = "This was tried too often. Try again after the seconds in Retry-After.";
        Self::new(&kinds::RATE_LIMITED, detail).retry_after(wait)
    }

    /// Values that break rules.
    pub fn validation(errors: Vec<FieldError>) -> Self {
        let mut problem =
            Self::new(&kinds::VALIDATION_FAILED, "Values in the request break rules; see errors.");
        problem.errors = errors;
        problem
    }

    /// The answer for what does not exist and for what is not the caller's: nothing in it tells them apart.
    pub fn not_found() -> Self {
        Self::new(&kinds::NOT_FOUND, "There is nothing here for you.")
    }

    /// The same problem that names the places it is about.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// The same problem with a time to wait in `Retry-After`, which counts whole seconds.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after_s = Some(whole_seconds(wait));
        self
    }

    /// Its kind.
    pub fn kind(&self) -> &'static Kind {
        self.kind
    }

    /// Writes the cause to the log, if there is one. [`crate::with_manners`] does it for every answer; only what answers before there is a
    /// router calls it too, with an empty id.
    pub fn log(&self, request_id: &str) {
        let Some(Cause { chain, is_fault }) = &self.cause else { return };
        let code = self.kind.code;
        if *is_fault {
            tracing::error!(request_id, code, cause = chain, "a request failed by our fault");
        } else {
            tracing::warn!(
                request_id,
                code,
                cause = chain,
                "something that a request needs is away"
            );
        }
    }

    /// The body, with the id of the request when that is known.
    pub(crate) fn body(&self, request_id: Option<&str>) -> String {
        #[derive(Serialize)]
        struct Document<'a> {
            r#type: String,
            title: &'static str,
            status: u16,
            detail: &'a str,
            code: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            request_id: Option<&'a str>,
            #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
            errors: &'a [FieldError],
        }
        let document = Document {
            r#type: self.kind.uri(),
            title: self.kind.title,
            status: self.kind.status.as_u16(),
            detail: &self.detail,
            code: self.kind.code,
            request_id,
            errors: &self.errors,
        };
        // Strings and numbers always serialize; an empty body with the right status is still an honest answer.
        serde_json::to_string(&document).unwrap_or_default()
    }
}

impl Problem {
    /// The body as clients of the OpenAI interface expect it.
    pub fn openai_body(&self) -> String {
        #[derive(Serialize)]
        struct Document<'a> {
            error: Members<'a>,
        }
        #[derive(Serialize)]
        struct Members<'a> {
            message: &'a str,
            r#type: &'static str,
            param: Option<&'a str>,
            code: &'static str,
        }
        let status = self.kind.status;
        let kind = match status {
            StatusCode::UNAUTHORIZED => "authentication_error",
            StatusCode::FORBIDDEN => "permission_error",
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            status if status.is_server_error() => "server_error",
            _ => "invalid_request_error",
        };
        let first = self.errors.first();
        let error = Members {
            message: first.map_or(&self.detail, |error| &error.detail),
            r#type: kind,
            param: first.map(|error| error.pointer.trim_start_matches('/')),
            code: self.kind.code,
        };
        // Strings always serialize; an empty body with the right status is still an honest answer.
        serde_json::to_string(&Document { error }).unwrap_or_default()
    }
}

impl Problem {
    /// The body as clients of the Anthropic interface expect it, with the id of the request when that is known.
    pub fn anthropic_body(&self, request_id: Option<&str>) -> String {
        #[derive(Serialize)]
        struct Document<'a> {
            r#type: &'static str,
            error: Members<'a>,
            #[serde(skip_serializing_if = "Option::is_none")]
            request_id: Option<&'a str>,
        }
        #[derive(Serialize)]
        struct Members<'a> {
            r#type: &'static str,
            message: &'a str,
            details: Details,
        }
        #[derive(Serialize)]
        struct Details {
            error_code: &'static str,
        }
        let kind = match self.kind.status {
            StatusCode::UNAUTHORIZED => "authentication_error",
            StatusCode::FORBIDDEN => "permission_error",
            StatusCode::NOT_FOUND => "not_found_error",
            StatusCode::PAYLOAD_TOO_LARGE => "request_too_large",
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            StatusCode::SERVICE_UNAVAILABLE => "overloaded_error",
            StatusCode::GATEWAY_TIMEOUT => "timeout_error",
            status if status.is_server_error() => "api_error",
            _ => "invalid_request_error",
        };
        let details = Details { error_code: self.kind.code };
        let error = Members { r#type: kind, message: &self.anthropic_message(), details };
        // Strings always serialize; an empty body with the right status is still an honest answer.
        serde_json::to_string(&Document { r#type: "error", error, request_id }).unwrap_or_default()
    }

    /// The detail, or all the places that it is about: `messages.0.content: What the rule asks for.`
    fn anthropic_message(&self) -> Cow<'_, str> {
        if self.errors.is_empty() {
            return Cow::Borrowed(&self.detail);
        }
        let place = |FieldError { pointer, detail }: &FieldError| match pointer.get(1..) {
            Some(place) if !place.is_empty() => format!("{}: {detail}", place.replace('/', ".")),
            _ => detail.to_string(),
        };
        Cow::Owned(self.errors.iter().map(place).collect::<Vec<_>>().join(" "))
    }
}

/// The error and its sources, outermost first, for a log.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        // Writing to a String cannot fail.
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}

impl From<DatabaseError> for Problem {
    /// Busy and away are worth another try; everything else is a fault of ours. A component maps the constraints that it expects first.
    fn from(error: DatabaseError) -> Self {
        match &error {
            DatabaseError::Busy | DatabaseError::Unavailable(_) => Self::unavailable(&error),
            DatabaseError::Constraint { .. }
            | DatabaseError::Address { .. }
            | DatabaseError::TooLarge
            | DatabaseError::Statement { .. }
            | DatabaseError::Column { .. } => Self::internal(&error),
        }
    }
}

impl IntoResponse for Problem {
    /// The answer without a request id; [`crate::with_manners`] puts that in.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body(None)));
        *response.status_mut() = self.kind.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.kind.status == StatusCode::UNAUTHORIZED {
            // RFC 9110 section 15.5.2 asks for it, RFC 6750 gives the scheme. It is the same for every cause.
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"selvage\""),
            );
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(self);
        response
    }
}
/// Rounded up, and at least one.
fn whole_seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1000).max(1)).unwrap_or(u32::MAX)
}
