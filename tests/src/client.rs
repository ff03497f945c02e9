//! A JSON client over hyper, as a user's own would be.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;

/// The time for which an unused connection is kept.
const IDLE_MAX: Duration = Duration::from_secs(5);

/// Speaks to one server, with or without an access token.
#[derive(Debug, Clone)]
pub struct Client {
    http: HttpClient<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
    token: Option<String>,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

/// An answer as its bytes.
#[derive(Debug)]
pub struct Bare {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Bytes,
}

/// No answer: the connection was refused or broke.
#[derive(Debug)]
pub struct NoAnswer(pub Box<dyn std::error::Error + Send + Sync>);

impl Client {
    /// A client without credentials.
    pub fn new(address: SocketAddr) -> Self {
        // The server closes a silent connection after fifteen seconds; a request must not meet that.
        let http = HttpClient::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_MAX)
            .build(HttpConnector::new());
        Self { http, address, token: None }
    }

    /// The same client with an access token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same client for a server that came up at another address.
    #[must_use]
    pub fn at(&self, address: SocketAddr) -> Self {
        Self { address, ..Self::new(address) }.maybe_token(self.token.clone())
    }

    fn maybe_token(mut self, token: Option<String>) -> Self {
        self.token = token;
        self
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await.expect("the server answers")
    }

    /// `POST` with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await.expect("the server answers")
    }

    /// Any request.
    ///
    /// # Errors
    /// [`NoAnswer`] when no complete answer came back.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, NoAnswer> {
        let headers = body.map(|_| ("content-type", "application/json"));
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let Bare { status, headers, bytes } =
            self.exchange(method, path, headers.as_slice(), body).await?;
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()))
        };
        Ok(Answer { status, headers, body })
    }

    /// Any request of bytes.
    ///
    /// # Errors
    /// [`NoAnswer`] when no complete answer came back.
    pub async fn exchange(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Bare, NoAnswer> {
        let (head, body) = self.begin(method, path, headers, body).await?.into_parts();
        let bytes = body.collect().await.map_err(|error| NoAnswer(Box::new(error)))?.to_bytes();
        Ok(Bare { status: head.status, headers: head.headers, bytes })
    }

    /// Any request, of whose answer only the head is read. Dropping it ends the exchange.
    ///
    /// # Errors
    /// [`NoAnswer`] when no head came back.
    pub async fn begin(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Response<Incoming>, NoAnswer> {
        let mut request =
            Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body)).expect("the request is well-formed");
        self.http.request(request).await.map_err(|error| NoAnswer(Box::new(error)))
    }

    /// Makes as many API keys of the caller and gives a client with each. Each key has its own limit of requests.
    pub async fn api_keys(&self, count: usize) -> Vec<Self> {
        let mut clients = Vec::with_capacity(count);
        for number in 0..count {
            let body = serde_json::json!({ "name": format!("key {number}") });
            let answer = self.post("/api/tokens", &body).await;
            assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
            clients
                .push(self.with_token(answer.body["token"].as_str().expect("a key is shown once")));
        }
        clients
    }

    /// Signs a new user up and returns a client with their token, and the answer.
    pub async fn sign_up(&self, email: &str) -> (Self, Answer) {
        let password = "correct horse battery staple";
        let answer = self
            .post("/api/auth/signup", &serde_json::json!({ "email": email, "password": password }))
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        let token = answer.body["access_token"].as_str().expect("sign-up gives a token");
        (self.with_token(token), answer)
    }
}
