//! `/api/mcp-servers` and `/api/system/mcp-servers`
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use std::sync::{Arc, Mutex};

use axum::http::{Method, StatusCode};
use bytes::Bytes;
use hyper::Response;
use serde_json::{Value, json};
use support::{
    STRANGE_IDS, assert_bad_requests, assert_broken_rules, instance, send, setup, setup_with, with,
};
use testing::{Client, HttpServer, hostile_urls};

const SERVERS: &str = "/api/mcp-servers";
const SYSTEM: &str = "/api/system/mcp-servers";

fn server(name: &str) -> Value {
    json!({"name": name, "url": "https://mcp.example.com/mcp", "transport": "streamable-http"})
}

/// A server that speaks the protocol to whoever shows the token, with two pages of tools.
async fn mcp_server(token: &'static str, heard: Arc<Mutex<Vec<String>>>) -> HttpServer {
    HttpServer::start(move |request| {
        heard.lock().unwrap().push(format!("{request:?}"));
        let shown = request.headers().get("authorization").map(|value| value.as_bytes().to_vec());
        let answer = |status: u16, body: String| {
            let response = Response::builder().status(status).header("content-type", "application/json");
            Some(response.body(Bytes::from(body)).unwrap())
        };
        if shown.as_deref() != Some(token.as_bytes()) {
            return answer(401, "hunter2".to_owned());
        }
        let Ok(call) = serde_json::from_slice::<Value>(request.body()) else {
            return answer(200, String::new());
        };
        let result = match call["method"].as_str().unwrap_or_default() {
            "initialize" => json!({
                "protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
                "serverInfo": {"name": "everything", "version": "1.2.3"},
            }),
            "tools/list" if call["params"]["cursor"].is_null() => json!({
                "tools": [{"name": "echo", "description": "x".repeat(600), "inputSchema": {"type": "object"}}],
                "nextCursor": "2",
            }),
            "tools/list" => json!({"tools": [{"name": "add", "inputSchema": {"type": "object"}}]}),
            _ => return answer(202, String::new()),
        };
        answer(200, json!({"jsonrpc": "2.0", "id": call["id"], "result": result}).to_string())
    })
    .await
}

#[tokio::test]
async fn without_a_credential_or_the_right_nothing_is_done() {
    let setup = setup().await;
    let path = setup.created(&setup.ada, SERVERS, &server("a")).await;
    let viewer = setup.colleague("viewer").await;
    for (method, path) in [
        (Method::POST, SERVERS.to_owned()),
        (Method::PATCH, path.clone()),
        (Method::DELETE, path.clone()),
        (Method::POST, format!("{path}/test")),
    ] {
        let anonymous = send(&setup.anonymous, method.clone(), &path, &server("b")).await;
        assert_eq!(anonymous.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        let low = send(&viewer, method.clone(), &path, &server("b")).await;
        assert_eq!(low.status, StatusCode::FORBIDDEN, "{method} {path}");
    }
    let low = setup.ada.post(SYSTEM, &server("b")).await;
    assert_eq!(low.status, StatusCode::FORBIDDEN);
    assert_eq!(setup.count("SELECT count(*) AS n FROM mcp_server").await, 1);
}

#[tokio::test]
async fn what_is_not_the_account_s_is_not_there() {
    let setup = setup().await;
    let path = setup.created(&setup.ada, SERVERS, &server("a")).await;
    let foreign = path.rsplit('/').next().unwrap();
    for id in STRANGE_IDS.into_iter().chain([foreign]) {
        let path = format!("{SERVERS}/{id}");
        for (method, path) in [
            (Method::GET, path.clone()),
            (Method::PATCH, path.clone()),
            (Method::DELETE, path.clone()),
            (Method::POST, format!("{path}/test")),
        ] {
            let answer = send(&setup.eve, method.clone(), &path, &json!({"name": "b"})).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
        }
    }
    assert_eq!(setup.eve.get(SERVERS).await.body["data"], json!([]));
}

#[tokio::test]
async fn what_would_start_a_process_is_refused_wherever_it_stands() {
    let setup = setup().await;
    let path = setup.created(&setup.ada, SERVERS, &server("a")).await;
    let fine = server("b");
    let mut bodies = vec![with(&fine, "transport", json!("stdio"))];
    for field in ["command", "args", "env", "stdio", "cwd", "shell", "COMMAND"] {
        bodies.push(with(&fine, field, json!("/bin/sh")));
        bodies.push(with(&fine, "config", json!({field: ["-c", "id"]})));
        bodies.push(with(&fine, "config", json!({"a": [{"b": {field: {}}}]})));
    }
    for (client, path) in [(&setup.ada, SERVERS), (&setup.admin, SYSTEM)] {
        assert_bad_requests(client, Method::POST, path, &bodies).await;
    }
    let changes: Vec<_> = bodies
        .into_iter()
        .map(|mut body| {
            body.as_object_mut().unwrap().remove("name");
            body
        })
        .collect();
    assert_bad_requests(&setup.ada, Method::PATCH, &path, &changes).await;
    let answer = setup.ada.post(SERVERS, &with(&fine, "config", json!({"x": {"env": 1}}))).await;
    assert_eq!(answer.pointers(), ["/config/x/env"]);
}

#[tokio::test]
async fn what_is_no_server_is_refused() {
    let setup = setup().await;
    let fine = server("a");
    let bodies = [
        json!(null),
        json!({}),
        with(&fine, "enabled", json!("yes")),
        with(&fine, "config", json!([])),
        with(&fine, "enabled_tools", json!("echo")),
        with(&fine, "secret", json!(7)),
        with(&fine, "secret", json!({"authorization": 7})),
        with(&fine, "has_secret", json!(true)),
        with(&fine, "tools", json!([])),
        with(&fine, "account_id", json!("platform")),
    ];
    assert_bad_requests(&setup.ada, Method::POST, SERVERS, &bodies).await;
    let rules = [
        (with(&fine, "name", json!(" ")), "/name"),
        (with(&fine, "qualified_name", json!("")), "/qualified_name"),
        (with(&fine, "transport", json!("websocket")), "/transport"),
        (with(&fine, "config", json!({"a": "x".repeat(64 * 1024)})), "/config"),
        (with(&fine, "enabled_tools", json!([""])), "/enabled_tools"),
        (with(&fine, "enabled_tools", json!(vec!["x"; 257])), "/enabled_tools"),
        (with(&fine, "secret", json!({"host": "evil.example"})), "/secret"),
        (with(&fine, "secret", json!({"x-key": "a\r\nb: c"})), "/secret"),
        (with(&fine, "secret", json!("a\nb")), "/secret"),
    ];
    assert_broken_rules(&setup.ada, Method::POST, SERVERS, &rules).await;
    assert_eq!(setup.count("SELECT count(*) AS n FROM mcp_server").await, 0);
}

#[tokio::test]
async fn a_server_is_made_read_changed_and_deleted_and_its_credentials_never_come_back() {
    let setup = setup().await;
    let body = json!({
        "name": "Search", "qualified_name": "@acme/search", "url": "https://mcp.example.com/mcp?tenant=1",
        "transport": "sse", "config": {"region": "eu"}, "enabled_tools": ["echo"], "secret": {"x-api-key": "hunter2"},
    });
    let created = setup.ada.post(SERVERS, &body).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
    let expected = json!({
        "id": created.body["id"], "scope": "account", "qualified_name": "@acme/search", "name": "Search",
        "url": "https://mcp.example.com/mcp?tenant=1", "transport": "sse", "config": {"region": "eu"}, "enabled": true,
        "enabled_tools": ["echo"], "has_secret": true, "server": null, "tools": [], "tools_at": null,
        "created_at": "2026-11-22T02:33:09.250Z", "updated_at": "2026-11-22T02:33:09.250Z",
    });
    assert_eq!(created.body, expected);
    let path = format!("{SERVERS}/{}", created.body["id"].as_str().unwrap());
    assert_eq!(setup.ada.get(&path).await.body, expected);
    assert_eq!(setup.ada.get(SERVERS).await.body["data"], json!([expected]));
    assert_eq!(setup.ada.get("/api/config").await.body["mcp_servers"], json!([expected]));
    let moved = [(json!({"url": "https://evil.example/mcp"}), "/secret")];
    assert_broken_rules(&setup.ada, Method::PATCH, &path, &moved).await;
    let change = json!({"enabled": false, "enabled_tools": null, "name": "Found"});
    let changed = setup.ada.patch(&path, &change).await.body;
    let seen = (&changed["enabled"], &changed["enabled_tools"], &changed["has_secret"]);
    assert_eq!(seen, (&json!(false), &Value::Null, &json!(true)));
    let again = json!({"url": "https://other.example/mcp", "secret": "token"});
    assert_eq!(setup.ada.patch(&path, &again).await.body["url"], "https://other.example/mcp");
    let without = setup.ada.patch(&path, &json!({"secret": null})).await.body;
    assert_eq!(without["has_secret"], false);
    assert_eq!(setup.count("SELECT count(*) AS n FROM secret").await, 0);
    setup.ada.patch(&path, &json!({"secret": "token"})).await;
    let taken = setup.ada.post(SERVERS, &with(&server("x"), "name", json!("Found"))).await;
    assert_eq!((taken.status, taken.code()), (StatusCode::CONFLICT, "name_taken"));
    assert_eq!(setup.ada.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(setup.ada.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(setup.count("SELECT count(*) AS n FROM secret").await, 0);
}

#[tokio::test]
async fn a_test_lists_the_tools_and_keeps_them_with_the_time() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let mcp = mcp_server("Bearer right", Arc::clone(&heard)).await;
    let origin = mcp.origin();
    let setup = setup_with(&[("egress_allow", &origin)]).await;
    let body = with(&server("a"), "url", json!(format!("{origin}/mcp")));
    let path = setup.created(&setup.ada, SERVERS, &with(&body, "secret", json!("wrong"))).await;
    let refused = setup.ada.post(&format!("{path}/test"), &Value::Null).await;
    assert_eq!(refused.status, StatusCode::OK, "{}", refused.body);
    assert_eq!(
        (&refused.body["ok"], &refused.body["error"]),
        (&json!(false), &json!("unauthorized"))
    );
    assert!(!refused.body.to_string().contains("hunter2"));
    setup.ada.patch(&path, &json!({"secret": "right"})).await;
    let tested = setup.ada.post(&format!("{path}/test"), &Value::Null).await.body;
    assert_eq!(tested["ok"], true, "{tested} {:#?}", heard.lock().unwrap());
    let server =
        json!({"name": "everything", "version": "1.2.3", "protocol_version": "2025-06-18"});
    assert_eq!(tested["server"], server);
    let tools = json!([
        {"name": "echo", "description": "x".repeat(500)},
        {"name": "add", "description": null},
    ]);
    assert_eq!(tested["tools"], tools);
    let kept = setup.ada.get(&path).await.body;
    assert_eq!((&kept["server"], &kept["tools"]), (&server, &tools));
    assert_eq!(kept["tools_at"], "2026-11-22T02:33:09.250Z");
    let renamed =
        setup.ada.patch(&path, &json!({"name": "b", "enabled_tools": ["add"]})).await.body;
    assert_eq!(renamed["tools"], tools, "a name changes nothing about them");
    let moved = json!({"url": format!("{origin}/other"), "secret": "right"});
    assert_eq!(setup.ada.patch(&path, &moved).await.body["tools"], json!([]));
}

#[tokio::test]
async fn the_platform_s_servers_are_seen_by_all_and_their_credentials_sent_by_its_administrators() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let mcp = mcp_server("Bearer right", Arc::clone(&heard)).await;
    let origin = mcp.origin();
    let setup = setup_with(&[("egress_allow", &origin)]).await;
    let body = with(&server("a"), "url", json!(format!("{origin}/mcp")));
    let path = setup.created(&setup.admin, SYSTEM, &with(&body, "secret", json!("right"))).await;
    let id = path.rsplit('/').next().unwrap();
    let seen = setup.ada.get(&format!("{SERVERS}/{id}")).await;
    assert_eq!((seen.status, &seen.body["scope"]), (StatusCode::OK, &json!("system")));
    for (method, path) in [
        (Method::PATCH, format!("{SERVERS}/{id}")),
        (Method::DELETE, format!("{SERVERS}/{id}")),
        (Method::POST, format!("{SERVERS}/{id}/test")),
    ] {
        let answer = send(&setup.ada, method.clone(), &path, &json!({"name": "x"})).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method}");
    }
    assert!(heard.lock().unwrap().is_empty());
    let tested = setup.admin.post(&format!("{path}/test"), &Value::Null).await.body;
    assert_eq!(tested["ok"], true, "{tested}");
    assert_eq!(
        setup.ada.get(&format!("{SERVERS}/{id}")).await.body["tools"].as_array().unwrap().len(),
        2
    );
    assert_eq!(setup.admin.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(setup.count("SELECT count(*) AS n FROM secret").await, 0);
}

#[tokio::test]
async fn an_account_has_at_most_fifty_servers() {
    let setup = setup().await;
    for n in 0..50 {
        setup.created(&setup.ada, SERVERS, &server(&format!("s{n}"))).await;
    }
    let answer = setup.ada.post(SERVERS, &with(&server("one more"), "secret", json!("x"))).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::CONFLICT, "limit_reached"));
    assert_eq!(setup.count("SELECT count(*) AS n FROM secret").await, 0);
}

#[tokio::test]
async fn what_the_operator_has_closed_meanwhile_can_still_be_renamed_and_not_called() {
    let mcp = mcp_server("Bearer right", Arc::default()).await;
    let origin = mcp.origin();
    let setup = setup_with(&[("egress_allow", &origin)]).await;
    let body = with(&server("a"), "url", json!(format!("{origin}/mcp")));
    let path = setup.created(&setup.ada, SERVERS, &with(&body, "secret", json!("right"))).await;
    let tested = setup.ada.post(&format!("{path}/test"), &Value::Null).await.body;
    assert_eq!(tested["ok"], true, "{tested}");
    let router = instance(&setup.database, setup.clock.clone(), &[]);
    let ada = Client::new(router).with_token(&setup.ada_person.token);
    for url in [format!("{origin}/other"), format!("{origin}/mcp/")] {
        let answer = ada.patch(&path, &json!({"url": url, "secret": "right"})).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{url}");
        assert_eq!(answer.pointers(), ["/url"], "{url}");
    }
    for change in [json!({"name": "b"}), json!({"enabled": false}), body] {
        let answer = ada.patch(&path, &change).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }
    let closed = ada.post(&format!("{path}/test"), &Value::Null).await.body;
    assert_eq!((&closed["ok"], &closed["error"]), (&json!(false), &json!("url_refused")));
    let kept = ada.get(&path).await.body;
    assert_eq!(kept["tools"], tested["tools"], "a failure forgets nothing");
    assert_eq!(kept["tools_at"], "2026-11-22T02:33:09.250Z");
}

#[tokio::test]
async fn no_hostile_url_is_taken() {
    let setup = setup().await;
    let path = setup.created(&setup.ada, SERVERS, &server("a")).await;
    let urls = hostile_urls();
    assert!(600 <= urls.len());
    for url in urls {
        let body = with(&server("b"), "url", json!(url));
        for answer in [
            setup.ada.post(SERVERS, &body).await,
            setup.admin.post(SYSTEM, &body).await,
            setup.ada.patch(&path, &json!({"url": url})).await,
        ] {
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{url:?}");
            assert_eq!(answer.pointers(), ["/url"], "{url:?}");
        }
    }
}
