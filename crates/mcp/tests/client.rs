//! What the client says to a server, and what it makes of good answers.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use std::time::Duration;

use egress::{Egress, EgressError, UrlPolicy};
use mcp::{Client, Content, Credentials, Limits, McpError, ToolResult, Transport, Version};
use serde_json::{Map, Value, json};
use testing::{McpFault, McpServer, RawRequest, Step, Wrong};

/// A path of the server for each way to speak to it.
const WAYS: [(&str, Transport); 3] = [
    ("/mcp", Transport::StreamableHttp),
    ("/json", Transport::StreamableHttp),
    ("/sse", Transport::Sse),
];

/// Long for a machine with much to do, short for a test that waits for it.
const LONGEST: Duration = Duration::from_secs(1);

async fn connect(server: &McpServer, path: &str, transport: Transport) -> Client {
    let policy: UrlPolicy = server.origin().parse().unwrap();
    let target = policy.check(&format!("{}{path}?key=hunter2", server.origin())).unwrap();
    let credentials = Credentials::new([("authorization", "Bearer hunter2")]).unwrap();
    let limits = Limits { request: LONGEST, ..Limits::default() };
    let egress = Egress::new().unwrap();
    Client::connect(egress, target, transport, credentials, limits).await.unwrap()
}

async fn faulty(at: &'static str, wrong: Wrong) -> McpServer {
    McpServer::start(Some(McpFault { at, wrong })).await
}

async fn echo(client: &mut Client, value: i32) -> Result<ToolResult, McpError> {
    let arguments = Map::from_iter([("value".to_owned(), Value::from(value))]);
    client.call_tool("echo", &arguments).await
}

/// The text of a result with nothing else.
fn text(result: &ToolResult) -> &str {
    match &result.content[..] {
        [Content::Text(text)] => text,
        other => panic!("{other:?}"),
    }
}

fn write(text: String) -> Step {
    Step::Write(text.into())
}

fn event(message: &Value) -> Step {
    write(format!("data: {message}\n\n"))
}

/// A good answer to `tools/call` with the id as its text.
fn called(id: u64) -> Value {
    let content = json!([{"type": "text", "text": id.to_string()}]);
    json!({"jsonrpc": "2.0", "id": id, "result": {"content": content}})
}

#[tokio::test]
async fn what_takes_too_long_is_cancelled_and_its_late_answer_is_no_other_s() {
    for (path, transport) in [WAYS[0], WAYS[2]] {
        // The first call is request 2.
        let late = |id| match id {
            2 => vec![Step::Pause(LONGEST * 3 / 2), event(&called(2))],
            id => vec![event(&called(id))],
        };
        let server = faulty("tools/call", Wrong::Events(late)).await;
        let mut client = connect(&server, path, transport).await;
        let error = echo(&mut client, 1).await.unwrap_err();
        assert_eq!(error, McpError::Egress(EgressError::Timeout), "{path}");
        let last = server.messages().pop().unwrap();
        assert_eq!(last["method"], "notifications/cancelled");
        assert_eq!(last["params"]["requestId"], 2);
        tokio::time::sleep(LONGEST * 7 / 10).await;
        assert_eq!(text(&echo(&mut client, 2).await.unwrap()), "3", "{path}");
    }
}

#[tokio::test]
async fn a_forgotten_session_is_begun_again_once() {
    fn forgotten(id: u64) -> Vec<Step> {
        // Request 3 is repeated as request 5, in the session that request 4 begins.
        if id == 3 {
            return vec![write("HTTP/1.1 404 Gone\r\ncontent-length: 0\r\n\r\n".to_owned())];
        }
        let body = called(id).to_string();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length:";
        vec![write(format!("{head} {}\r\nconnection: close\r\n\r\n{body}", body.len()))]
    }
    let server = faulty("tools/call", Wrong::Http(forgotten)).await;
    let mut client = connect(&server, "/mcp", Transport::StreamableHttp).await;
    assert_eq!(text(&echo(&mut client, 1).await.unwrap()), "2");
    assert_eq!(text(&echo(&mut client, 1).await.unwrap()), "5");
    let sessions: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.header("mcp-session-id").map(str::to_owned))
        .collect();
    let (first, second) = (Some("session-1".to_owned()), Some("session-4".to_owned()));
    let expected =
        [None, first.clone(), first.clone(), first, None, second.clone(), second].to_vec();
    assert_eq!(sessions, expected);
}

#[tokio::test]
async fn servers_get_nothing_for_what_they_ask() {
    fn asks(id: u64) -> Vec<Step> {
        let ask = |id: &str, method| json!({"jsonrpc": "2.0", "id": id, "method": method});
        let notice = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {}});
        vec![
            write(": a comment\n\n".to_owned()),
            event(&ask("p", "ping")),
            event(&notice),
            event(&ask("s", "sampling/createMessage")),
            event(&ask("r", "roots/list")),
            event(&ask("e", "elicitation/create")),
            event(&called(id)),
        ]
    }
    for (path, transport) in [WAYS[0], WAYS[2]] {
        let server = faulty("tools/call", Wrong::Events(asks)).await;
        let mut client = connect(&server, path, transport).await;
        assert_eq!(text(&echo(&mut client, 1).await.unwrap()), "2");
        let replies: Vec<_> =
            server.messages().into_iter().filter(|message| message["method"].is_null()).collect();
        let refusal = |id| {
            let error = json!({"code": -32601, "message": "Method not found"});
            json!({"jsonrpc": "2.0", "id": id, "error": error})
        };
        let pong = json!({"jsonrpc": "2.0", "id": "p", "result": {}});
        assert_eq!(replies, [pong, refusal("s"), refusal("r"), refusal("e")], "{path}");
    }
}

#[tokio::test]
async fn the_version_that_was_agreed_on_goes_with_every_request() {
    let server = faulty("initialize", Wrong::Version("2025-03-26")).await;
    let client = connect(&server, "/mcp", Transport::StreamableHttp).await;
    assert_eq!(client.server().protocol, Version::V2025_03_26);
    let versions: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.header("mcp-protocol-version").map(str::to_owned))
        .collect();
    assert_eq!(versions, [None, Some("2025-03-26".to_owned())]);
}

#[tokio::test]
async fn tools_are_listed_and_called() {
    for (path, transport) in WAYS {
        let server = McpServer::start(None).await;
        let mut client = connect(&server, path, transport).await;
        assert_eq!(client.server().name, "one of tests");
        assert_eq!(client.server().protocol, Version::V2025_06_18);
        let names: Vec<_> =
            client.list_tools().await.unwrap().into_iter().map(|tool| tool.name).collect();
        assert_eq!(names, ["echo", "fail"], "{path}");
        let result = echo(&mut client, 7).await.unwrap();
        assert_eq!((text(&result), result.is_error), (r#"{"value":7}"#, false));
        assert!(client.call_tool("fail", &Map::new()).await.unwrap().is_error);
        assert!(!format!("{client:?}").contains("hunter2"), "{client:?}");
        assert!(!format!("{client:?}").contains("session-1"), "{client:?}");
        client.close().await;
        check_requests(&server.requests(), path);
    }
}

/// Every request has the credentials, and all but the first the version; sessions are ended where there are some.
fn check_requests(requests: &[RawRequest], path: &str) {
    assert!(requests.iter().all(|one| one.header("authorization") == Some("Bearer hunter2")));
    let posts: Vec<_> = requests.iter().filter(|one| one.method == "POST").collect();
    let methods: Vec<_> = posts
        .iter()
        .map(|post| serde_json::from_slice::<Value>(&post.body).unwrap()["method"].clone())
        .collect();
    let expected = ["initialize", "notifications/initialized", "tools/list", "tools/list"];
    assert_eq!(methods, [&expected[..], &["tools/call"; 2]].concat(), "{path}");
    for post in &posts {
        assert_eq!(post.header("accept"), Some("application/json, text/event-stream"));
        assert_eq!(post.header("content-type"), Some("application/json"));
    }
    let versions = posts.iter().skip(1).map(|post| post.header("mcp-protocol-version"));
    assert!(versions.into_iter().all(|version| version == Some("2025-06-18")), "{path}");
    let ends: Vec<_> = requests.iter().filter(|one| one.method == "DELETE").collect();
    match (path, &ends[..]) {
        ("/mcp", [end]) => assert_eq!(end.header("mcp-session-id"), Some("session-1")),
        ("/json" | "/sse", []) => {}
        (_, ends) => panic!("{path}: {ends:?}"),
    }
}
