//! Whether a server can be reached with its credentials: it is asked who it is and which tools it has.

use std::time::Duration;

use egress::EgressError;
use ids::McpServerId;
use mcp::{Client, Credentials, Limits, McpError};
use serde::Serialize;

use crate::error::ConfigError;
use crate::owner::Owner;
use crate::servers::credentials::credentials;
use crate::servers::entry::{Introduced, ServerEntry, ToolEntry, Transport};
use crate::servers::store;
use crate::service::Config;

/// How long someone waits for a server to introduce itself, and again for its tools.
const REQUEST_MAX: Duration = Duration::from_secs(15);

/// How much of a description is kept, in characters: people choose by it.
const DESCRIPTION_CHARS_MAX: usize = 500;

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Tested {
    pub ok: bool,
    pub latency_ms: i64,
    /// A class of failures; nothing of what the server said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    pub server: Option<Introduced>,
    pub tools: Vec<ToolEntry>,
}

/// Why it did not work (SECURITY R72).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The URL may not be called any more.
    UrlRefused,
    Unreachable,
    Timeout,
    /// What answered does not speak the protocol, or not correctly, or says too much, or leads elsewhere.
    BadAnswer,
    /// The server does not take the credentials.
    Unauthorized,
    ServerError,
}

impl Config {
    /// Asks a server of the owner's who it is and which tools it has, and keeps what it says with the time.
    pub async fn test_server(&self, owner: Owner, id: McpServerId) -> Result<Tested, ConfigError> {
        let entry = self.own_server(owner, id).await?;
        let headers = match self.open_headers(owner, id).await? {
            Some(secret) => credentials(&secret),
            None => Ok(Credentials::default()),
        };
        // They were checked when they were sealed.
        let headers =
            headers.map_err(|error| ConfigError::invalid("/secret", error.to_string()))?;
        let began = self.clock.now();
        let outcome = self.ask(&entry, headers).await;
        let now = self.clock.now();
        let latency_ms = now.0.saturating_sub(began.0).max(0);
        match outcome {
            Ok((server, tools)) => {
                store::keep_tools(&self.database, &entry, &server, &tools, now).await?;
                Ok(Tested { ok: true, latency_ms, error: None, server: Some(server), tools })
            }
            Err(failure) => {
                let (error, tools) = (Some(failure), Vec::new());
                Ok(Tested { ok: false, latency_ms, error, server: None, tools })
            }
        }
    }

    async fn ask(
        &self,
        entry: &ServerEntry,
        headers: Credentials,
    ) -> Result<(Introduced, Vec<ToolEntry>), Failure> {
        // The operator may have closed meanwhile what was open.
        let target = self.settings.egress.check(&entry.url).map_err(|_| Failure::UrlRefused)?;
        let transport = match entry.transport {
            Transport::StreamableHttp => mcp::Transport::StreamableHttp,
            Transport::Sse => mcp::Transport::Sse,
        };
        let limits = Limits { request: REQUEST_MAX, ..Limits::default() };
        let egress = self.egress.clone();
        let mut client = Client::connect(egress, target, transport, headers, limits).await?;
        let introduced = Introduced {
            name: client.server().name.clone(),
            version: client.server().version.clone(),
            protocol_version: client.server().protocol.as_str().to_owned(),
        };
        let tools = client.list_tools().await;
        client.close().await;
        let tools = tools?.into_iter().map(|tool| ToolEntry {
            name: tool.name,
            description: tool.description.map(|text| shortened(&text)),
        });
        Ok((introduced, tools.collect()))
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(DESCRIPTION_CHARS_MAX).collect()
}

impl From<McpError> for Failure {
    fn from(error: McpError) -> Self {
        match error {
            McpError::Egress(EgressError::Unreachable) => Self::Unreachable,
            McpError::Egress(EgressError::Timeout) => Self::Timeout,
            McpError::Unauthorized => Self::Unauthorized,
            McpError::Status(_) | McpError::Refused { .. } | McpError::SessionLost => {
                Self::ServerError
            }
            McpError::Egress(_)
            | McpError::Malformed
            | McpError::UnknownVersion
            | McpError::TooMuch => Self::BadAnswer,
        }
    }
}
