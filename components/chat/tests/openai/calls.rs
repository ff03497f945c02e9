//! Requests as an SDK sends them.

use axum::body::Body;
use axum::http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use testing::Client;
use tower::ServiceExt as _;

use crate::world::World;

pub const COMPLETIONS: &str = "/v1/chat/completions";

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// The code of an error; the error has the form that OpenAI's SDKs expect.
    pub fn code(&self) -> String {
        let body = self.json();
        let error = &body["error"];
        assert!(error["message"].is_string() && error["type"].is_string(), "{body}");
        error["code"].as_str().unwrap().to_owned()
    }

    /// The data of the events, which end as OpenAI's do unless there was an error.
    pub fn events(&self) -> Vec<Value> {
        let mut data: Vec<_> = self
            .text
            .split("\n\n")
            .filter(|block| !block.is_empty())
            .map(|block| block.strip_prefix("data: ").unwrap())
            .collect();
        let is_done = data.last() == Some(&"[DONE]");
        if is_done {
            data.pop();
        }
        let events: Vec<Value> =
            data.into_iter().map(|data| serde_json::from_str(data).unwrap()).collect();
        let has_failed = events.last().is_some_and(|event| event.get("error").is_some());
        assert!(is_done != has_failed, "{}", self.text);
        events
    }

    /// The events of a response, each with its number, one after another.
    pub fn tale(&self) -> Vec<Value> {
        let blocks = self.text.split("\n\n").filter(|block| block.starts_with("event: "));
        let events: Vec<Value> = blocks
            .map(|block| {
                let (name, data) = block.split_once("\ndata: ").unwrap();
                let event: Value = serde_json::from_str(data).unwrap();
                assert_eq!(name.strip_prefix("event: "), event["type"].as_str());
                event
            })
            .collect();
        let first = events[0]["sequence_number"].as_u64().unwrap();
        for (n, event) in (first..).zip(&events) {
            assert_eq!(event["sequence_number"], n, "{}", self.text);
        }
        events
    }

    /// What the pieces of text say.
    pub fn said(&self) -> String {
        let events = self.events();
        let deltas =
            events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str());
        deltas.collect()
    }
}

pub async fn send(
    client: &Client,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> Reply {
    let mut request = client.request(method, path).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = body.map(Value::to_string).unwrap_or_default();
    let response = client.router().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    assert!(headers.contains_key("x-request-id"));
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    Reply { status, headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
}

pub async fn get(client: &Client, path: &str) -> Reply {
    send(client, Method::GET, path, &[], None).await
}

pub async fn complete(client: &Client, body: &Value) -> Reply {
    send(client, Method::POST, COMPLETIONS, &[], Some(body)).await
}

pub async fn post(client: &Client, path: &str, body: &Value) -> Reply {
    send(client, Method::POST, path, &[], Some(body)).await
}

pub async fn delete(client: &Client, path: &str) -> Reply {
    send(client, Method::DELETE, path, &[], None).await
}

/// A question to a model.
pub fn question(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "How are you?"}]})
}

/// The object with another value for one member.
pub fn with(body: &Value, name: &str, value: Value) -> Value {
    let mut body = body.clone();
    body[name] = value;
    body
}

/// What Ada's account has used and reserved.
pub async fn standing(world: &World) -> (i64, i64) {
    let body = world.ada.get("/api/quota").await.body;
    (body["used"].as_i64().unwrap(), body["reserved"].as_i64().unwrap())
}

/// Waits until nothing is reserved any more: what nobody hears is settled a little later.
pub async fn settled(world: &World) -> i64 {
    loop {
        let (used, reserved) = standing(world).await;
        if reserved == 0 {
            return used;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
