use bytes::Bytes;
use egress::{Egress, Request, StreamLimits, StreamedResponse, Target};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use crate::{Credentials, Limits, McpError, Version};

pub const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

const EVENTS: &str = "text/event-stream";
const JSON: &str = "application/json";

/// What all requests to one server have in common.
#[derive(Debug)]
pub struct Wire {
    pub limits: Limits,
    /// The session that the server began, if it has such a thing.
    pub session: Option<HeaderValue>,
    /// The version that was agreed on; `None` before.
    pub version: Option<Version>,
    egress: Egress,
    credentials: Credentials,
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    Json,
    Events,
    Other,
}

impl Wire {
    pub fn new(egress: Egress, credentials: Credentials, limits: Limits) -> Self {
        Self { limits, session: None, version: None, egress, credentials }
    }

    /// Sends a message, and gives the answer if it is a good one.
    pub async fn post(&self, to: &Target, text: String) -> Result<StreamedResponse, McpError> {
        let mut request = self.request(Method::POST, to, "application/json, text/event-stream");
        request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
        request.body = text.into();
        self.send(request, self.limits.exchange()).await
    }

    /// Sends a message to which there is no answer.
    pub async fn tell(&self, to: &Target, text: String) -> Result<(), McpError> {
        self.post(to, text).await.map(drop)
    }

    /// Opens the stream of the older transport.
    pub async fn listen(&self, to: &Target) -> Result<StreamedResponse, McpError> {
        self.send(self.request(Method::GET, to, EVENTS), self.limits.session()).await
    }

    /// Ends the session.
    pub async fn end(&self, to: &Target) -> Result<(), McpError> {
        let request = self.request(Method::DELETE, to, JSON);
        self.send(request, self.limits.exchange()).await.map(drop)
    }

    fn request(&self, method: Method, to: &Target, accept: &'static str) -> Request {
        let mut headers = self.credentials.headers();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        if let Some(session) = &self.session {
            headers.insert(SESSION_ID, session.clone());
        }
        if let Some(version) = self.version {
            headers.insert(PROTOCOL_VERSION, version.header());
        }
        Request { method, target: to.clone(), headers, body: Bytes::new() }
    }

    async fn send(
        &self,
        request: Request,
        limits: StreamLimits,
    ) -> Result<StreamedResponse, McpError> {
        // A request takes kilobytes, and the futures of all that await one would hold it several times.
        let response = Box::pin(self.egress.stream(request, limits)).await?;
        match response.status {
            status if status.is_success() => Ok(response),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(McpError::Unauthorized),
            StatusCode::NOT_FOUND if self.session.is_some() => Err(McpError::SessionLost),
            status => Err(McpError::Status(status)),
        }
    }
}

impl Media {
    pub fn of(headers: &HeaderMap) -> Self {
        let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = value.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case(JSON) {
            Self::Json
        } else if essence.eq_ignore_ascii_case(EVENTS) {
            Self::Events
        } else {
            Self::Other
        }
    }
}
