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
}

impl Scenario {
    pub const ALL: [Self; 4] = [Self::Health, Self::History, Self::Append, Self::Search];

    pub fn name(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::History => "history",
            Self::Append => "append",
            Self::Search => "search",
        }
    }

    /// The least share of the native server's requests per second that we mean to reach.
    pub fn goal(self) -> Option<f64> {
        match self {
            Self::History => Some(0.6),
            Self::Append => Some(0.5),
            Self::Health | Self::Search => None,
        }
    }

    /// The longest that 99 % of the host's requests may take, in milliseconds.
    pub fn latency_goal(self) -> Option<f64> {
        (self == Self::Append).then_some(10.0)
    }

    /// The status of an answer that counts.
    pub fn status(self) -> u16 {
        if self == Self::Append { 201 } else { 200 }
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
                (Method::POST, format!("/api/conversations/{own}/messages"), Some(body))
            }
            Self::Search => (Method::GET, format!("/api/search?q={word}&limit=20"), None),
        };
        let mut request =
            Request::builder().method(method).uri(path).header(header::HOST, "localhost");
        if self != Self::Health {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        Ok(request.body(Full::from(body.unwrap_or_default()))?)
    }
}
