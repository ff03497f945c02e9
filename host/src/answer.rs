//! The answers that the host gives itself, as problem details (RFC 9457).

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use serde::Serialize;
use wasmtime_wasi_http::WasiBody;

/// Why the host answers a request without, or instead of, its component.
///
/// A variant says what the client can know. What happened inside is in the log under the request's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The head of the request contradicts itself or has no valid host.
    BadRequest,
    NoRoute,
    MethodNotAllowed,
    BodyTooLarge,
    BodyTimeout,
    HeadersTooLarge,
    /// The component has as many requests as it may, or there is no room for another instance.
    Overloaded,
    /// The component did not begin to answer in time.
    Timeout,
    /// The component trapped or gave no valid response.
    Failed,
}

impl Refusal {
    /// The HTTP status, the stable code and the sentence of this refusal.
    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::BadRequest => (
                StatusCode::BAD_REQUEST,
                "bad_request",
                "The request needs exactly one valid host.",
            ),
            Self::NoRoute => (StatusCode::NOT_FOUND, "not_found", "There is nothing at this path."),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "This method is not available.",
            ),
            Self::BodyTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                "The request body is larger than this path accepts.",
            ),
            Self::BodyTimeout => (
                StatusCode::REQUEST_TIMEOUT,
                "body_timeout",
                "The request body did not arrive in time.",
            ),
            Self::HeadersTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "headers_too_large",
                "The request has too many or too large header fields.",
            ),
            Self::Overloaded => (
                StatusCode::SERVICE_UNAVAILABLE,
                "overloaded",
                "The server has too much to do; try again in a moment.",
            ),
            Self::Timeout => (StatusCode::GATEWAY_TIMEOUT, "timeout", "The request took too long."),
            Self::Failed => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "The request failed; the log has the reason under its request id.",
            ),
        }
    }

    /// The response to the request with this id.
    pub fn response(self, request_id: &str) -> Response<WasiBody> {
        let (status, code, detail) = self.parts();
        let title = status.canonical_reason().unwrap_or("Error");
        let problem = Problem {
            kind: "about:blank",
            title,
            status: status.as_u16(),
            detail,
            code,
            request_id,
        };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = Response::new(full(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if matches!(self, Self::BodyTooLarge | Self::BodyTimeout) {
            // The rest of the body is not read, so the connection cannot carry another request.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    request_id: &'a str,
}

/// A body that is complete from the start.
pub fn full(bytes: impl Into<Bytes>) -> WasiBody {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_refusal_is_a_problem_with_code_and_request_id() {
        let response = Refusal::Overloaded.response("r1");
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            problem,
            serde_json::json!({
                "type": "about:blank",
                "title": "Service Unavailable",
                "status": 503,
                "detail": "The server has too much to do; try again in a moment.",
                "code": "overloaded",
                "request_id": "r1",
            })
        );
    }

    #[test]
    fn a_refused_body_closes_its_connection() {
        let response = Refusal::BodyTooLarge.response("r1");
        assert_eq!(response.headers()[header::CONNECTION], "close");
        assert!(!Refusal::NoRoute.response("r1").headers().contains_key(header::CONNECTION));
    }
}
