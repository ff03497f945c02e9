//! Whoever asks: enough accounts that none has more answers at once than it may.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use e2e::{Answer, Client};
use serde_json::{Value, json};

use super::listen::{Door, Route};
use crate::process::Side;

/// Their API keys. They are valid at each server that has a copy of the database and its master key.
#[derive(Debug)]
pub struct People(Vec<String>);

impl People {
    /// Signs so many up, through the host, which makes the state directory on the way.
    pub async fn sign_up(state: &Path, count: usize) -> Result<Self> {
        let server = Side::Host.options(state)?.start();
        let client = Client::new(server.address());
        let mut keys = Vec::with_capacity(count);
        for number in 0..count {
            let (person, _) = client.sign_up(&format!("person{number}@example.com")).await;
            let body = json!({"name": "bench", "scopes": ["chat", "conversations:write"]});
            keys.push(text(&person.post("/api/tokens", &body).await, "token")?);
        }
        ensure!(server.interrupt().success(), "the host did not end in order");
        Ok(Self(keys))
    }

    /// Where they ask for so many answers, in turn. Each run has a conversation of its own, without a past.
    pub async fn doors(
        &self,
        address: SocketAddr,
        route: Route,
        count: usize,
    ) -> Result<Vec<Door>> {
        let client = Client::new(address);
        let mut doors = Vec::with_capacity(count);
        for key in self.0.iter().cycle().take(count) {
            doors.push(match route {
                Route::Completions => Door::completions(address, key),
                Route::Runs => {
                    let created =
                        client.with_token(key).post("/api/conversations", &json!({})).await;
                    Door::runs(address, &text(&created, "id")?, key)
                }
            });
        }
        Ok(doors)
    }
}

fn text(answer: &Answer, field: &str) -> Result<String> {
    let value = answer.body.get(field).and_then(Value::as_str);
    let value = value.with_context(|| format!("no {field} in {} {}", answer.status, answer.body));
    value.map(str::to_owned)
}
