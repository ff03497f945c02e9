use ambient::UnixMillis;
use ids::McpServerId;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::owner::Owner;

/// How a server is spoken to. There is none that would start a process (SECURITY R73).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    StreamableHttp,
    Sse,
}

/// What a server says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Introduced {
    pub name: String,
    pub version: String,
    /// The version of the protocol that both speak.
    pub protocol_version: String,
}

/// A tool, as far as people choose by it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ToolEntry {
    pub name: String,
    pub description: Option<String>,
}

/// A server as it is stored: what the view `mcp_server_entry` gives.
#[derive(Debug, Clone, Deserialize)]
pub struct ServerEntry {
    #[serde(rename = "account_id")]
    pub owner: Owner,
    pub id: McpServerId,
    pub qualified_name: Option<String>,
    pub name: String,
    pub url: String,
    pub transport: Transport,
    pub config: Map<String, Value>,
    pub enabled: bool,
    pub enabled_tools: Option<Vec<String>>,
    pub has_secret: bool,
    pub server: Option<Introduced>,
    pub tools: Option<Vec<ToolEntry>>,
    pub tools_at: Option<i64>,
    pub version: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

/// A server as the API gives it: everything but its credentials.
#[derive(Debug, Serialize)]
pub struct McpServer {
    pub id: McpServerId,
    pub scope: &'static str,
    pub qualified_name: Option<String>,
    pub name: String,
    pub url: String,
    pub transport: Transport,
    pub config: Map<String, Value>,
    pub enabled: bool,
    /// The names of those that may be used; null for all.
    pub enabled_tools: Option<Vec<String>>,
    pub has_secret: bool,
    pub server: Option<Introduced>,
    /// What the server had when it was last asked.
    pub tools: Vec<ToolEntry>,
    pub tools_at: Option<UnixMillis>,
    pub created_at: UnixMillis,
    pub updated_at: UnixMillis,
}

impl Transport {
    /// Its name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StreamableHttp => "streamable-http",
            Self::Sse => "sse",
        }
    }
}

impl<'de> Deserialize<'de> for Transport {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "streamable-http" => Ok(Self::StreamableHttp),
            "sse" => Ok(Self::Sse),
            // What starts processes is no value that breaks a rule: this API has no such thing, as it has no field `command`.
            "stdio" => Err(D::Error::custom("invalid type: stdio, expected a transport over HTTP")),
            _ => Err(D::Error::unknown_variant(&text, &["streamable-http", "sse"])),
        }
    }
}

impl From<ServerEntry> for McpServer {
    fn from(entry: ServerEntry) -> Self {
        Self {
            id: entry.id,
            scope: entry.owner.scope(),
            qualified_name: entry.qualified_name,
            name: entry.name,
            url: entry.url,
            transport: entry.transport,
            config: entry.config,
            enabled: entry.enabled,
            enabled_tools: entry.enabled_tools,
            has_secret: entry.has_secret,
            server: entry.server,
            tools: entry.tools.unwrap_or_default(),
            tools_at: entry.tools_at.map(UnixMillis),
            created_at: UnixMillis(entry.created_at),
            updated_at: UnixMillis(entry.updated_at),
        }
    }
}
