use axum::http::{Method, StatusCode};
use database::Statement;
use ids::{Id, McpServerId};
use serde_json::{Value, json};
use testing::{McpServer, ProviderReply, ProviderServer};

use crate::world::{Event, World, listen, names, soon, text};

const ECHO: &str = "srv__echo";

/// A world whose model calls a tool and then says what it thinks, with a server that has the tool.
async fn world(settings: &Value) -> (World, McpServer) {
    let call = ProviderReply::call(ECHO, &json!({"word": "canary"}));
    let provider = ProviderServer::scripted([call, ProviderReply::text("That is it.")]).await;
    let (world, server) = (World::with(provider, &[]).await, McpServer::start(None).await);
    let (account, now) = (world.ada_person.account_id.to_string(), world.clock.now());
    let id: McpServerId = Id::generate(now, &ambient::Entropy::system()).unwrap();
    let batch = vec![
        Statement::new(
            "INSERT INTO mcp_server (account_id, id, name, url, transport, config, enabled, has_secret, created_at, updated_at) \
             VALUES (?1, ?2, 'srv', ?3, 'streamable-http', '{}', 1, 0, ?4, ?4)",
        )
        .bind(account.as_str())
        .bind(id.to_string())
        .bind(format!("{}/mcp", server.origin()))
        .bind(now.0),
        Statement::new(
            "INSERT INTO account_settings (account_id, version, schema_version, updated_at, document) VALUES (?1, 1, 1, ?2, json_object('mcp', json(?3)))",
        )
        .bind(account)
        .bind(now.0)
        .bind(settings.to_string()),
    ];
    world.database.batch(batch).await.unwrap();
    (world, server)
}

fn calls(server: &McpServer) -> usize {
    server.messages().iter().filter(|message| message["method"] == "tools/call").count()
}

/// What waits for a decision, and where it is decided about.
fn waiting(events: &[Event]) -> (String, Value) {
    let last = events.last().unwrap();
    assert_eq!(last.name, "message.approval_required");
    assert_eq!(last.data["run"]["status"], "queued");
    let path = format!("/api/runs/{}/approvals", last.data["run"]["id"].as_str().unwrap());
    (path, last.data["approvals"][0].clone())
}

fn decision(approval: &Value, approve: bool) -> Value {
    let (id, digest) = (&approval["tool_call_id"], &approval["digest"]);
    json!({"approvals": [{"tool_call_id": id, "digest": digest, "approve": approve}]})
}

#[tokio::test]
async fn a_tool_is_called_and_its_result_told() {
    let (world, server) =
        world(&json!({"approval": "per_tool", "tools": {"srv": {"echo": "never"}}})).await;
    let conversation = world.conversation().await;
    let events = soon(world.stream(&conversation, &json!({"content": "echo"}))).await;
    let expected = [
        "run.created",
        "message.tool_call",
        "message.completed",
        "message.tool_result",
        "message.completed",
        "run.completed",
    ];
    assert_eq!(names(&events), expected);
    assert_eq!(text(&events), "That is it.");
    assert_eq!(
        (calls(&server), events[3].data["content"].as_str()),
        (1, Some(r#"{"word":"canary"}"#))
    );
    let messages = world.messages(&conversation).await;
    let roles: Vec<_> = messages.iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "assistant"]);
    for pair in messages.windows(2) {
        assert_eq!(pair[1]["parent_id"], pair[0]["id"]);
    }
    let call = &messages[1]["content"][0];
    assert_eq!((&call["name"], &call["arguments"]), (&json!(ECHO), &json!({"word": "canary"})));
    assert_eq!(messages[2]["content"][0]["tool_call_id"], call["id"]);
    let asked = world.provider.requests();
    assert_eq!(asked[0].body["tools"][0]["function"]["name"], ECHO);
    assert_eq!(asked[1].last_text(), r#"{"word":"canary"}"#);
    let run = &events.last().unwrap().data["run"];
    assert_eq!((&run["steps"], &run["usage"]["output_tokens"]), (&json!(2), &json!(4)));
}

#[tokio::test]
async fn without_anybody_s_word_no_tool_is_called() {
    let (world, server) = world(&json!({})).await;
    let conversation = world.conversation().await;
    let events = soon(world.stream(&conversation, &json!({"content": "echo"}))).await;
    let (path, approval) = waiting(&events);
    assert_eq!((&approval["tool"], &approval["server_name"]), (&json!("echo"), &json!("srv")));
    assert_eq!(calls(&server), 0);
    // What is not exactly a decision about this call is none.
    for (body, pointer) in [
        (json!({"approvals": []}), "/approvals"),
        (
            json!({"approvals": [{"tool_call_id": approval["tool_call_id"], "digest": "0", "approve": true}]}),
            "/approvals/0/digest",
        ),
    ] {
        let answer = world.ada.post(&path, &body).await;
        assert_eq!(
            (answer.status, answer.pointers()),
            (StatusCode::UNPROCESSABLE_ENTITY, vec![pointer])
        );
    }
    let both = json!({"approvals": [{"tool_call_id": "x", "digest": "0", "approve": true}, decision(&approval, true)["approvals"][0]]});
    assert_eq!(world.ada.post(&path, &both).await.pointers(), ["/approvals/0/tool_call_id"]);
    assert_eq!(
        world.eve.post(&path, &decision(&approval, true)).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(calls(&server), 0);
    // Whoever follows is not kept waiting for somebody else's decision.
    let follow = path.replace("approvals", "events");
    assert_eq!(soon(listen(&world.ada, Method::GET, &follow, None).await.rest()).await, events);

    let body = decision(&approval, true);
    let rest =
        soon(listen(&world.ada_elsewhere(), Method::POST, &path, Some(&body)).await.rest()).await;
    assert_eq!(names(&rest), ["message.tool_result", "message.completed", "run.completed"]);
    assert_eq!(rest[0].id, events.last().unwrap().id + 1);
    assert_eq!(calls(&server), 1);
    let again = world.ada.post(&path, &body).await;
    assert_eq!((again.status, again.code()), (StatusCode::CONFLICT, "run_not_waiting"));
}

#[tokio::test]
async fn a_model_is_told_of_a_refusal() {
    let (world, server) = world(&json!({"approval": "always"})).await;
    let conversation = world.conversation().await;
    let first = soon(world.answer(&conversation, &json!({"content": "echo"}))).await;
    assert_eq!(first.body["run"]["status"], "queued", "{}", first.body);
    let approval = &first.body["run"]["approvals"][0];
    let path = format!("/api/runs/{}/approvals", first.body["run"]["id"].as_str().unwrap());
    let mut body = decision(approval, false);
    body["stream"] = json!(false);
    let second = soon(world.ada.post(&path, &body)).await;
    assert_eq!(second.body["message"]["content"], "That is it.", "{}", second.body);
    assert_eq!(calls(&server), 0);
    assert_eq!(world.provider.requests()[1].last_text(), "The person refused this call.");
}

#[tokio::test]
async fn what_has_changed_since_is_decided_about_anew() {
    let (world, server) = world(&json!({})).await;
    let conversation = world.conversation().await;
    let events = soon(world.stream(&conversation, &json!({"content": "echo"}))).await;
    let (path, approval) = waiting(&events);
    world.execute("UPDATE mcp_server SET url = replace(url, '/mcp', '/json')").await;
    let body = decision(&approval, true);
    let again = soon(listen(&world.ada, Method::POST, &path, Some(&body)).await.rest()).await;
    let (path, changed) = waiting(&again);
    assert_ne!(changed["digest"], approval["digest"]);
    assert_eq!(calls(&server), 0);
    let body = decision(&changed, true);
    let rest = soon(listen(&world.ada, Method::POST, &path, Some(&body)).await.rest()).await;
    assert_eq!(rest.last().unwrap().name, "run.completed");
    assert_eq!(calls(&server), 1);
}

#[tokio::test]
async fn of_many_who_decide_one_goes_on_and_a_run_that_waits_can_be_stopped() {
    let (world, server) = world(&json!({})).await;
    let conversation = world.conversation().await;
    let events = soon(world.stream(&conversation, &json!({"content": "echo"}))).await;
    let (path, approval) = waiting(&events);
    let mut body = decision(&approval, true);
    body["stream"] = json!(false);
    let answers =
        soon(futures::future::join_all((0..8).map(|_| world.ada.post(&path, &body)))).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == StatusCode::OK).count(),
        1,
        "{statuses:?}"
    );
    assert!(statuses.iter().all(|status| matches!(status.as_u16(), 200 | 409)), "{statuses:?}");
    assert_eq!(calls(&server), 1);

    let (world, _server) = self::world(&json!({})).await;
    let conversation = world.conversation().await;
    let (path, _) = waiting(&soon(world.stream(&conversation, &json!({"content": "echo"}))).await);
    let stopped = soon(world.ada.post(&path.replace("approvals", "cancel"), &Value::Null)).await;
    assert_eq!(
        (&stopped.body["status"], &stopped.body["approvals"]),
        (&json!("cancelled"), &json!([]))
    );
}

#[tokio::test]
async fn what_is_not_allowed_is_not_offered_and_cannot_be_called() {
    for change in [
        "UPDATE mcp_server SET enabled = 0",
        "UPDATE mcp_server SET enabled_tools = '[\"fail\"]'",
        "UPDATE mcp_server SET url = 'http://127.0.0.1:1/mcp'",
        "UPDATE mcp_server SET has_secret = 1",
    ] {
        let (world, server) = world(&json!({"approval": "never"})).await;
        world.execute(change).await;
        let conversation = world.conversation().await;
        let events = soon(world.stream(&conversation, &json!({"content": "echo"}))).await;
        assert_eq!(events.last().unwrap().name, "run.completed", "{change}");
        assert_eq!(calls(&server), 0, "{change}");
        let asked = world.provider.requests();
        assert!(!asked[0].body["tools"].to_string().contains(ECHO), "{change}");
        assert_eq!(asked[1].last_text(), "There is no such tool.", "{change}");
    }
    let (world, server) = world(&json!({"approval": "never"})).await;
    let conversation = world.conversation().await;
    soon(world.stream(&conversation, &json!({"content": "echo", "tools": "none"}))).await;
    assert_eq!((calls(&server), server.requests().len()), (0, 0));
}
