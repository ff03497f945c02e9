//! `POST /api/models/{id}/test`, against a provider that keeps everything it hears (SECURITY R70).
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use std::sync::{Arc, Mutex};

use axum::http::{Method, StatusCode};
use bytes::Bytes;
use hyper::Response;
use serde_json::{Value, json};
use support::{MODELS, Setup, send, setup_with, with};
use testing::HttpServer;

const KEYS: &str = "/api/keys";
const OPERATOR: &str = "sk-operator-0123456789abcdef";
const ADA: &str = "sk-ada-0123456789abcdef";
const EVE: &str = "sk-eve-0123456789abcdef";
const MEANT: &str = "sk-meant-0123456789abcdef";

/// A server that keeps all requests and answers with these status, headers and body.
struct Provider {
    heard: Arc<Mutex<Vec<String>>>,
    server: HttpServer,
}

impl Provider {
    async fn start(status: u16, header: (&'static str, String), body: Vec<u8>) -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heard);
        let server = HttpServer::start(move |request| {
            kept.lock().unwrap().push(format!("{request:?}"));
            let response = Response::builder().status(status).header(header.0, header.1.as_str());
            Some(response.body(Bytes::from(body.clone())).unwrap())
        })
        .await;
        Self { heard, server }
    }

    async fn with_models() -> Self {
        let body = json!({"data": [{"id": "gpt-4o-mini"}, {"id": "a\nb"}]}).to_string();
        Self::start(200, ("content-type", "application/json".to_owned()), body.into_bytes()).await
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// People, an operator and what they have entrusted, where this server may be called.
    async fn setup(&self) -> Setup {
        let origin = self.server.origin();
        let variables = [
            ("egress_allow", origin.as_str()),
            ("openai_api_key", OPERATOR),
            ("anthropic_api_key", OPERATOR),
            ("gemini_api_key", OPERATOR),
        ];
        setup_with(&variables).await
    }
}

fn key(provider: &str, value: &str) -> Value {
    json!({"provider": provider, "name": "k", "value": value})
}

/// What somebody might add so that a key goes along.
fn overrides(ada: &str, eve: &str, origin: &str) -> Vec<Value> {
    let headers = json!({"authorization": "Bearer x", "host": "api.openai.com"});
    vec![
        json!({}),
        json!({"key_id": ada}),
        json!({"key_id": eve}),
        json!({"headers": headers}),
        json!({"extra_headers": headers, "api_base": origin}),
        json!({"parameters": {"api_base": origin}}),
        json!({"parameters": {"base_url": origin, "temperature": 1}}),
        json!({"parameters": {"extra_headers": headers}}),
        json!({"api_key": "${OPENAI_API_KEY}", "organization": "o"}),
        json!({"origin": "https://api.openai.com", "scope": "system"}),
    ]
}

fn merged(mut body: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[tokio::test]
async fn a_url_that_someone_chose_gets_no_key_that_was_not_given_for_it() {
    let provider = Provider::with_models().await;
    let setup = provider.setup().await;
    let origin = provider.server.origin();
    let ada = setup.created(&setup.ada, KEYS, &key("openai", ADA)).await;
    let eve = setup.created(&setup.eve, KEYS, &key("openai", EVE)).await;
    setup.created(&setup.eve, KEYS, &key("anthropic", EVE)).await;
    let [ada, eve] = [&ada, &eve].map(|path| path.rsplit('/').next().unwrap().to_owned());
    let paths = ["/v1", "", "/v1/", "/api.openai.com/v1", "/https://api.openai.com/v1"];
    let providers = ["openai", "anthropic", "gemini", "ollama", "openai-compatible"];
    let (mut attempts, mut tested) = (0, 0);
    for name in providers {
        for path in paths {
            for more in overrides(&ada, &eve, &origin) {
                attempts += 2;
                let url = format!("{origin}{path}");
                let body = json!({"name": format!("m{attempts}"), "provider": name, "model": "m"});
                let body = merged(body, &more);
                let created = setup.eve.post(MODELS, &with(&body, "base_url", json!(url))).await;
                let mut entries = vec![created.body["id"].as_str().map(str::to_owned)];
                // And in two steps: first without a URL, which is then moved.
                let body = json!({"name": format!("n{attempts}"), "provider": "openai", "model": "m", "key_id": eve});
                let moved = setup.created(&setup.eve, MODELS, &body).await;
                let change = merged(json!({"base_url": url, "provider": name}), &more);
                let answer = setup.eve.patch(&moved, &change).await;
                entries.push(
                    answer
                        .status
                        .is_success()
                        .then(|| moved.rsplit('/').next().unwrap().to_owned()),
                );
                for id in entries.into_iter().flatten() {
                    let answer = setup.eve.post(&format!("{MODELS}/{id}/test"), &Value::Null).await;
                    assert!([200, 422].contains(&answer.status.as_u16()), "{}", answer.body);
                    tested += 1;
                    setup.eve.delete(&format!("{MODELS}/{id}")).await;
                }
                setup.eve.delete(&moved).await;
            }
        }
    }
    let heard = provider.heard();
    println!("attempts {attempts}, tests {tested}, requests that arrived {}", heard.len());
    assert!(500 <= attempts && 0 < tested && !heard.is_empty());
    for request in &heard {
        for secret in [OPERATOR, ADA, EVE, "Bearer"] {
            assert!(!request.contains(secret), "{request}");
        }
    }
}

#[tokio::test]
async fn a_key_that_was_given_for_a_url_goes_there_and_is_noted_as_used() {
    let provider = Provider::with_models().await;
    let setup = provider.setup().await;
    let url = json!(format!("{}/v1", provider.server.origin()));
    for name in ["openai", "anthropic", "gemini", "openai-compatible", "ollama"] {
        setup.created(&setup.ada, KEYS, &with(&key(name, MEANT), "base_url", url.clone())).await;
        let body = json!({"name": name, "provider": name, "model": "gpt-4o-mini", "base_url": url});
        let path = setup.created(&setup.ada, MODELS, &body).await;
        let answer = setup.ada.post(&format!("{path}/test"), &Value::Null).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let seen = (&answer.body["ok"], &answer.body["is_listed"], &answer.body["models"]);
        assert_eq!(seen, (&json!(true), &json!(true), &json!(["gpt-4o-mini"])), "{name}");
        let request = provider.heard().pop().unwrap();
        assert!(request.contains(MEANT), "{name} {request}");
        assert!(request.contains("/v1/models"), "{request}");
        assert!(!request.contains(OPERATOR), "{request}");
    }
    let keys = setup.ada.get(KEYS).await.body;
    let used = keys["data"].as_array().unwrap().iter().all(|key| key["last_used_at"].is_string());
    assert!(used, "{keys}");
}

#[tokio::test]
async fn failures_are_classes_and_redirects_are_not_followed() {
    let elsewhere = Provider::with_models().await;
    let to = format!("{}/v1/models", elsewhere.server.origin());
    for (status, header, body, error) in [
        (302, ("location", to.clone()), "", "bad_answer"),
        (307, ("location", to), "", "bad_answer"),
        (401, ("x", String::new()), "hunter2", "unauthorized"),
        (403, ("x", String::new()), "hunter2", "unauthorized"),
        (404, ("x", String::new()), "hunter2", "not_found"),
        (429, ("x", String::new()), "hunter2", "rate_limited"),
        (500, ("x", String::new()), "hunter2", "provider_error"),
        (200, ("x", String::new()), "hunter2", "bad_answer"),
        (200, ("x", String::new()), "{\"data\": 7}", "bad_answer"),
    ] {
        let provider = Provider::start(status, header, body.as_bytes().to_vec()).await;
        let setup = provider.setup().await;
        let url = json!(format!("{}/v1", provider.server.origin()));
        setup
            .created(&setup.ada, KEYS, &with(&key("openai", MEANT), "base_url", url.clone()))
            .await;
        let body = json!({"name": "m", "provider": "openai", "model": "m", "base_url": url});
        let path = setup.created(&setup.ada, MODELS, &body).await;
        let answer = setup.ada.post(&format!("{path}/test"), &Value::Null).await;
        let seen = (answer.status, &answer.body["ok"], &answer.body["error"]);
        assert_eq!(seen, (StatusCode::OK, &json!(false), &json!(error)), "{status}");
        assert!(!answer.body.to_string().contains("hunter2"));
        assert!(!answer.body.to_string().contains("127.0.0.1"));
    }
    assert!(elsewhere.heard().is_empty());
}

#[tokio::test]
async fn without_a_key_nothing_is_sent_and_what_is_closed_is_not_called() {
    let provider = Provider::with_models().await;
    let setup = provider.setup().await;
    let url = json!(format!("{}/v1", provider.server.origin()));
    let body = json!({"name": "m", "provider": "openai", "model": "m", "base_url": url});
    let path = setup.created(&setup.ada, MODELS, &body).await;
    let answer = send(&setup.ada, Method::POST, &format!("{path}/test"), &Value::Null).await;
    let seen = (answer.status, answer.code());
    assert_eq!(seen, (StatusCode::UNPROCESSABLE_ENTITY, "model_key_missing"));
    // The operator closes what was open when the model was made.
    let body = json!({"name": "n", "provider": "openai-compatible", "model": "m", "base_url": url});
    let path = setup.created(&setup.ada, MODELS, &body).await;
    let router = support::instance(&setup.database, setup.clock.clone(), &[]);
    let ada = testing::Client::new(router).with_token(&setup.ada_person.token);
    let answer = ada.post(&format!("{path}/test"), &Value::Null).await;
    assert_eq!(answer.body["error"], "url_refused");
    assert!(provider.heard().is_empty());
}
