use std::borrow::Cow;

use http::HeaderValue;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::McpError;
use crate::message::{bounded, object};

/// How long the names of a server may be, and what it says about its use, in characters.
const NAME_CHARS_MAX: usize = 200;
const INSTRUCTIONS_CHARS_MAX: usize = 8000;

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    V2024_11_05,
    V2025_03_26,
    V2025_06_18,
}

/// What a server says of itself, cut to what is reasonable. It is a claim, not an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerInfo {
    pub name: String,
    pub title: Option<String>,
    pub version: String,
    /// What it would like to be told to the model.
    pub instructions: Option<String>,
    /// The version of the protocol that both speak.
    pub protocol: Version,
    /// Whether it has tools at all.
    pub has_tools: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InitializeResult<'a> {
    #[serde(borrow)]
    protocol_version: Cow<'a, str>,
    capabilities: Capabilities,
    #[serde(borrow)]
    server_info: Implementation<'a>,
    #[serde(borrow, default)]
    instructions: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Capabilities {
    #[serde(default)]
    tools: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Implementation<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    title: Option<Cow<'a, str>>,
    #[serde(borrow)]
    version: Cow<'a, str>,
}

impl Version {
    const ALL: [Self; 3] = [Self::V2024_11_05, Self::V2025_03_26, Self::V2025_06_18];

    /// As the protocol writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
        }
    }

    pub(crate) fn header(self) -> HeaderValue {
        HeaderValue::from_static(self.as_str())
    }

    /// Whether several messages may come as one.
    pub(crate) fn has_batches(self) -> bool {
        self < Self::V2025_06_18
    }
}

impl ServerInfo {
    /// Reads the result of `initialize`.
    pub(crate) fn read(result: &str) -> Result<Self, McpError> {
        let result: InitializeResult = object(result)?;
        let protocol = Version::ALL
            .into_iter()
            .find(|version| version.as_str() == result.protocol_version)
            .ok_or(McpError::UnknownVersion)?;
        let name = |text: &str| bounded(text, NAME_CHARS_MAX);
        Ok(Self {
            name: name(&result.server_info.name),
            title: result.server_info.title.as_deref().map(name),
            version: name(&result.server_info.version),
            instructions: result
                .instructions
                .map(|text| text.chars().take(INSTRUCTIONS_CHARS_MAX).collect()),
            protocol,
            has_tools: result.capabilities.tools.is_some(),
        })
    }
}

/// What a client says when it comes: the newest version that it speaks, and that it offers nothing.
pub fn introduction(newest: Version) -> Value {
    json!({
        "protocolVersion": newest.as_str(),
        "capabilities": {},
        "clientInfo": { "name": "selvage", "version": env!("CARGO_PKG_VERSION") },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(version: &str) -> String {
        format!(
            r#"{{"protocolVersion":"{version}","capabilities":{{"tools":{{}}}},
                "serverInfo":{{"name":"n\nm","version":"1"}}}}"#
        )
    }

    #[test]
    fn versions_that_are_not_known_are_refused() {
        for version in ["", "2025-11-25", "2025-06-18 ", "1.0", "draft"] {
            let outcome = ServerInfo::read(&result(version));
            assert_eq!(outcome.unwrap_err(), McpError::UnknownVersion, "{version}");
        }
        for text in ["null", "{}", r#"{"protocolVersion":"2025-06-18"}"#] {
            assert_eq!(ServerInfo::read(text).unwrap_err(), McpError::Malformed, "{text}");
        }
    }

    #[test]
    fn what_a_server_says_of_itself_is_cut() {
        let server = ServerInfo::read(&result("2025-03-26")).unwrap();
        assert_eq!((server.name.as_str(), server.protocol), ("n m", Version::V2025_03_26));
        assert!(server.has_tools && server.protocol.has_batches());
        let long = result("2025-06-18").replace(r"n\nm", &"x".repeat(1000));
        assert_eq!(ServerInfo::read(&long).unwrap().name.len(), NAME_CHARS_MAX);
    }
}
