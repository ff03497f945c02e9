//! The README's walk-through: sign up, create a conversation, add messages, read them back, stop, start again, still read them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

use std::path::Path;

use e2e::server::Options;
use e2e::{Client, Policy, Server};
use http::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
async fn a_conversation_survives_ctrl_c() {
    survives(Policy::Deployed, |server| {
        assert!(server.interrupt().success(), "Ctrl-C ends with exit code 0");
    })
    .await;
}

#[tokio::test]
async fn a_conversation_survives_sigterm() {
    survives(Policy::Deployed, |server| {
        assert!(server.terminate().success(), "SIGTERM ends with exit code 0");
    })
    .await;
}

#[tokio::test]
async fn a_conversation_survives_kill_9() {
    survives(Policy::Deployed, |server| assert!(!server.kill().success())).await;
}

#[tokio::test]
async fn a_conversation_survives_ctrl_c_under_spins_policy() {
    survives(Policy::Spin, |server| assert!(server.interrupt().success())).await;
}

fn start(state: &Path, policy: Policy) -> Server {
    let options = Options::new(state);
    match policy {
        Policy::Deployed => options.start(),
        Policy::Spin => options.arg("--spin-instance-policy").start(),
    }
}

async fn survives(policy: Policy, stop: impl FnOnce(Server)) {
    let state = tempfile::tempdir().unwrap();
    let server = start(state.path(), policy);
    let anonymous = Client::new(server.address());
    let (ada, signup) = anonymous.sign_up("ada@example.com").await;

    let created = ada.post("/api/conversations", &json!({ "title": "First" })).await;
    assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    let conversation = created.body["id"].as_str().unwrap().to_owned();
    let messages = format!("/api/conversations/{conversation}/messages");
    for (role, content) in
        [("user", "Where does the thread end?"), ("assistant", "At the selvage.")]
    {
        let appended = ada.post(&messages, &json!({ "role": role, "content": content })).await;
        assert_eq!(appended.status, StatusCode::CREATED, "{appended:?}");
    }
    let before = ada.get(&messages).await;
    assert_eq!(before.status, StatusCode::OK, "{before:?}");
    assert_eq!(contents(&before.body), ["Where does the thread end?", "At the selvage."]);

    stop(server);
    let server = start(state.path(), policy);

    let ada = ada.at(server.address());
    let after = ada.get(&messages).await;
    assert_eq!(after.status, StatusCode::OK, "{after:?}");
    assert_eq!(after.body, before.body, "what was read before the stop is read after it");

    let login = Client::new(server.address())
        .post(
            "/api/auth/login",
            &json!({ "login": "ada@example.com", "password": "correct horse battery staple" }),
        )
        .await;
    assert_eq!(login.status, StatusCode::OK, "{login:?}");
    assert_eq!(login.body["user"]["id"], signup.body["user"]["id"]);
    assert!(server.interrupt().success());
}

fn contents(page: &Value) -> Vec<&str> {
    page["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["content"].as_str().unwrap())
        .collect()
}
