use ambient::Afterwards;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::redact;

/// Sends requests to a router, with or without an access token.
#[derive(Debug, Clone)]
pub struct Client {
    router: Router,
    token: Option<String>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// The body as JSON; null when there was none.
    pub body: Value,
}

impl Client {
    /// A client without credentials.
    pub fn new(router: Router) -> Self {
        Self { router, token: None }
    }

    /// The same client with an access token.
    #[must_use]
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self { router: self.router.clone(), token: Some(token.into()) }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path).body(Body::empty()).unwrap()).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send_json(Method::PATCH, path, body.to_string()).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send_json(Method::PUT, path, body.to_string()).await
    }

    /// Posts JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_text(path, body.to_string()).await
    }

    /// Posts a text as `application/json`, whatever it is.
    pub async fn post_text(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.send_json(Method::POST, path, body).await
    }

    async fn send_json(&self, method: Method, path: &str, body: impl Into<Body>) -> Answer {
        let request = self
            .request(method, path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.into())
            .unwrap();
        self.send(request).await
    }

    /// A request with this client's token, to be completed.
    pub fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        let request = Request::builder().method(method).uri(path);
        match &self.token {
            Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        }
    }

    /// The router itself, for requests whose answers are no JSON.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Posts each of these texts and expects each to be refused as what the route does not take, before anything is done.
    ///
    /// Panics with the first that is not.
    pub async fn refuses(&self, path: &str, bodies: impl IntoIterator<Item = impl Into<String>>) {
        for body in bodies {
            let body = body.into();
            let answer = self.post_text(path, body.clone()).await;
            assert_eq!(
                (answer.status, answer.code()),
                (StatusCode::BAD_REQUEST, "invalid_request"),
                "{path} {body}"
            );
        }
    }

    /// Sends any request, and does the work that follows the answer.
    ///
    /// Panics when the answer has a body that is no JSON, or breaks what every answer promises: a request id that the body repeats.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (mut parts, body) = response.into_parts();
        let afterwards = parts.extensions.remove::<Afterwards>();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body =
            if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        let request_id = parts.headers.get("x-request-id").map(|value| value.to_str().unwrap());
        assert!(request_id.is_some(), "every answer has a request id");
        if parts.status.is_client_error() || parts.status.is_server_error() {
            assert_eq!(body["request_id"].as_str(), request_id);
            assert_eq!(parts.headers[header::CONTENT_TYPE], "application/problem+json");
        }
        if let Some(work) = afterwards {
            work.run().await;
        }
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

impl Answer {
    /// Status and body for a snapshot, without what differs between runs.
    pub fn redacted(&self) -> Value {
        let mut body = self.body.clone();
        redact(&mut body);
        if let Some(id) = body.get_mut("request_id") {
            *id = "[request]".into();
        }
        serde_json::json!({"status": self.status.as_u16(), "body": body})
    }

    /// The member `code` of a problem.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The JSON pointers in the member `errors` of a problem.
    pub fn pointers(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().filter_map(|error| error["pointer"].as_str()).collect()
    }
}
