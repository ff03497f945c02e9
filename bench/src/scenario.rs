//! What is asked of the servers.

use anyhow::Result;
use bytes::Bytes;
use clap::ValueEnum;
use http::{Method, Request, header};
use http_body_util::Full;
use serde_json::json;

use crate::seed::{Seed, sought};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    Health,
    History,
    Append,
    Search,
    Upload,
    Download,
}

/// Files of 10 MB fill the wire of this machine with a few connections.
const FILE_CONNECTIONS_MAX: u16 = 8;

impl Scenario {
    pub const ALL: [Self; 6] =
        [Self::Health, Self::History, Self::Append, Self::Search, Self::Upload, Self::Download];

    pub fn name(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::History => "history",
            Self::Append => "append",
            Self::Search => "search",
            Self::Upload => "upload",
            Self::Download => "download",
        }
    }

    /// The least share of the native server's requests per second that we mean to reach.
    pub fn goal(self) -> Option<f64> {
        match self {
            Self::History => Some(0.6),
            Self::Append | Self::Upload | Self::Download => Some(0.5),
            Self::Health | Self::Search => None,
        }
    }

    /// The longest that 99 % of the host's requests may take, in milliseconds.
    pub fn latency_goal(self) -> Option<f64> {
        (self == Self::Append).then_some(10.0)
    }

    /// How many of the planned connections are used.
    pub fn connections(self, planned: u16) -> usize {
        usize::from(match self {
            Self::Upload | Self::Download => planned.min(FILE_CONNECTIONS_MAX),
            Self::Health | Self::History | Self::Append | Self::Search => planned,
        })
    }

    /// The status of an answer that counts.
    pub fn status(self) -> u16 {
        match self {
            Self::Append | Self::Upload => 201,
            Self::Health | Self::History | Self::Search | Self::Download => 200,
        }
    }

    /// Request `number` on a connection.
    pub fn request(
        self,
        seed: &Seed,
        token: &str,
        connection: usize,
        number: usize,
    ) -> Result<Request<Full<Bytes>>> {
        let word = sought(connection * 7 + number);
        let (method, path, body) = match self {
            Self::Health => (Method::GET, "/api/health".to_owned(), None),
            Self::History => {
                let path = format!("/api/conversations/{}/messages?limit=100", seed.page);
                (Method::GET, path, None)
            }
            Self::Append => {
                let own = seed.own.get(connection % seed.own.len()).map_or("", String::as_str);
                let text = format!(
                    "Message {number} of connection {connection} is about {word} and other things that people say to a model."
                );
                let body = json!({"role": "user", "content": text}).to_string();
                let body = Some(("application/json", Bytes::from(body)));
                (Method::POST, format!("/api/conversations/{own}/messages"), body)
            }
            Self::Search => (Method::GET, format!("/api/search?q={word}&limit=20"), None),
            Self::Upload => {
                let body = Some(("text/plain", seed.content.clone()));
                (Method::POST, "/api/files?name=bench.txt".to_owned(), body)
            }
            Self::Download => (Method::GET, format!("/api/files/{}/content", seed.file), None),
        };
        let mut request =
            Request::builder().method(method).uri(path).header(header::HOST, "localhost");
        if self != Self::Health {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some((media_type, _)) = &body {
            request = request.header(header::CONTENT_TYPE, *media_type);
        }
        Ok(request.body(Full::from(body.map(|(_, bytes)| bytes).unwrap_or_default()))?)
    }
}
