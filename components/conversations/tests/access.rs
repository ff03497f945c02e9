//! Who may do what: every route of the component, against every kind of caller.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use database::Statement;
use serde_json::{Value, json};
use support::{PATH, STRANGE_IDS, Setup, setup};
use testing::{Answer, Client, NOW, Person};

/// Calls a route with a body that it takes.
async fn call(client: &Client, method: &Method, path: &str) -> Answer {
    let message = json!({"role": "user", "content": "x"});
    let body = match *method {
        Method::GET => return client.get(path).await,
        Method::DELETE => return client.delete(path).await,
        // Whoever has a message to fork at: shares.rs.
        _ if path.ends_with("/fork") => json!({"message_id": "msg_01h455vb4pex5vsknk084sn02q"}),
        _ if path.ends_with("/messages") => message,
        _ if path.ends_with("/memory") => json!({"kind": "episode", "value": "x"}),
        _ if path.contains("/facts/") => json!({"value": "x"}),
        _ if path.ends_with("/batch") => json!({"messages": [message]}),
        _ => json!({}),
    };
    match *method {
        Method::PUT => client.put(path, &body).await,
        Method::PATCH => client.patch(path, &body).await,
        _ => client.post(path, &body).await,
    }
}

/// Every declared route, with this id in its path; what deletes comes last.
fn routes(id: &str) -> Vec<(Method, String)> {
    let mut routes: Vec<_> = conversations::declarations()
        .into_iter()
        // A link opens for everyone: shares.rs.
        .filter(|route| !route.path.contains("{token}"))
        .map(|route| {
            let mut path = route.path.replace("{id}", id);
            for (name, value) in [
                ("{continuation_id}", "thread"),
                ("{key}", "color"),
                ("{file_id}", "file_01h455vb4pex5vsknk084sn02q"),
            ] {
                path = path.replace(name, value);
            }
            if path == "/api/memory" && route.method == Method::DELETE {
                path.push_str("?source_conversation_id=conv_01h455vb4pex5vsknk084sn02z");
            }
            (route.method, path)
        })
        .collect();
    routes.sort_by_key(|(method, _)| method == Method::DELETE);
    routes
}

async fn assert_unauthorized(client: &Client, setup: &Setup, why: &str) {
    let conversation = setup.conversation().await;
    let id = conversation.rsplit_once('/').unwrap().1;
    let mut first: Option<Value> = None;
    for (method, path) in routes(id) {
        let answer = call(client, &method, &path).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{why}: {method} {path}");
        assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"selvage\"");
        let mut body = answer.body;
        body["request_id"] = Value::Null;
        assert_eq!(*first.get_or_insert(body.clone()), body, "{why}: {method} {path}");
    }
}

#[tokio::test]
async fn without_a_token_that_counts_every_route_says_the_same_401() {
    let setup = setup().await;
    assert_unauthorized(&setup.anonymous, &setup, "no token").await;
    for token in ["", "x", "a.b.c", &"x".repeat(5000), "eyJhbGciOiJub25lIn0.e30."] {
        assert_unauthorized(&setup.anonymous.with_token(token), &setup, token).await;
    }
    let answer = setup.anonymous.get(PATH).await;
    insta::assert_json_snapshot!(answer.redacted(), @r#"
    {
      "body": {
        "code": "unauthorized",
        "detail": "Send a valid access token: authorization: Bearer …",
        "request_id": "[request]",
        "status": 401,
        "title": "Authentication is needed",
        "type": "urn:selvage:problem:unauthorized"
      },
      "status": 401
    }
    "#);
}

#[tokio::test]
async fn two_credentials_are_refused_even_if_one_is_good() {
    let setup = setup().await;
    let request =
        setup.ada.request(Method::GET, PATH).header("x-api-key", "x").body(Body::empty()).unwrap();
    let answer = setup.anonymous.send(request).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "ambiguous_credentials"));
}

#[tokio::test]
async fn what_ends_a_session_acts_on_the_next_request_even_when_the_token_is_remembered() {
    for (why, sql) in [
        ("revoked", "UPDATE session SET revoked_at = 1"),
        ("session over", "UPDATE session SET expires_at = 1"),
        ("disabled", "UPDATE user SET is_active = 0"),
        ("left the account", "DELETE FROM membership"),
        ("user deleted", "DELETE FROM user"),
        ("account deleted", "DELETE FROM account"),
        ("key retired", "UPDATE signing_key SET retired_at = 1"),
        ("key gone", "DELETE FROM signing_key"),
    ] {
        let setup = setup().await;
        assert_eq!(setup.ada.get(PATH).await.status, StatusCode::OK);
        setup.database.query(Statement::new(sql)).await.unwrap();
        assert_eq!(setup.ada.get(PATH).await.status, StatusCode::UNAUTHORIZED, "{why}");
    }
}

#[tokio::test]
async fn a_token_ends_with_its_time_even_when_it_is_remembered() {
    let setup = setup().await;
    setup.hand.advance(Duration::from_mins(10));
    assert_eq!(setup.ada.get(PATH).await.status, StatusCode::OK);
    setup.hand.advance(Duration::from_secs(30));
    assert_unauthorized_once(&setup.ada).await;
}

async fn assert_unauthorized_once(client: &Client) {
    assert_eq!(client.get(PATH).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_forged_signature_is_refused_before_and_after_the_true_one_was_seen() {
    let setup = setup().await;
    let token = &setup.ada_person.token;
    let (head, signature) = token.rsplit_once('.').unwrap();
    let forged =
        format!("{head}.{}{}", if signature.starts_with('A') { 'B' } else { 'A' }, &signature[1..]);
    for _ in 0..2 {
        assert_unauthorized_once(&setup.anonymous.with_token(&forged)).await;
        assert_eq!(setup.ada.get(PATH).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn what_is_not_the_callers_looks_like_what_does_not_exist() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    let foreign = conversation.rsplit_once('/').unwrap().1;
    let mut first: Option<Value> = None;
    for id in STRANGE_IDS.into_iter().chain([foreign]) {
        for (method, path) in routes(id) {
            // A parameter of a query is no place in the path.
            if path.contains('?') || !path.contains(id) {
                continue;
            }
            let answer = call(&setup.eve, &method, &path).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
            let mut body = answer.body;
            body["request_id"] = Value::Null;
            assert_eq!(*first.get_or_insert(body.clone()), body, "{method} {path}");
        }
    }
    assert_eq!(setup.eve.get(PATH).await.body["data"], json!([]));
    assert_eq!(setup.ada.get(&conversation).await.body["message_count"], 0);
}

#[tokio::test]
async fn a_token_of_one_account_opens_no_other_of_the_same_person() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    let other = Person::new(&setup.database, "owner", NOW).await;
    let in_ada_s = other.joins(&setup.database, setup.ada_person.account_id, "member", NOW).await;
    let (own, joined) =
        (setup.anonymous.with_token(other.token), setup.anonymous.with_token(in_ada_s.token));
    assert_eq!(own.get(&conversation).await.status, StatusCode::NOT_FOUND);
    assert_eq!(joined.get(&conversation).await.status, StatusCode::OK);
}

#[tokio::test]
async fn viewers_read_and_members_write() {
    let setup = setup().await;
    for role in ["viewer", "member", "admin", "owner"] {
        let client = setup.colleague(role).await;
        let conversation = setup.conversation().await;
        let id = conversation.rsplit_once('/').unwrap().1;
        for (method, path) in routes(id) {
            let status = call(&client, &method, &path).await.status;
            // These need things of their own: files.rs, memory.rs, shares.rs.
            let is_special = path.starts_with("/api/memory/conv_")
                || path.starts_with("/api/shares/")
                || path.contains("/files/")
                || path.ends_with("/fork");
            let is_for_admins = method == Method::PUT && path.ends_with("/retention");
            if (role == "viewer" && method != Method::GET) || (role == "member" && is_for_admins) {
                assert_eq!(status, StatusCode::FORBIDDEN, "{role} {method} {path}");
            } else if !is_special {
                assert!(status.is_success(), "{role} {method} {path}: {status}");
            }
        }
    }
    let answer = setup.colleague("viewer").await.post(PATH, &json!({})).await;
    insta::assert_json_snapshot!(answer.redacted(), @r#"
    {
      "body": {
        "code": "forbidden",
        "detail": "This needs the role member in the account.",
        "request_id": "[request]",
        "status": 403,
        "title": "The role does not allow this",
        "type": "urn:selvage:problem:forbidden"
      },
      "status": 403
    }
    "#);
}

#[test]
fn the_table_is_what_the_contract_says() {
    let lines: Vec<_> = conversations::declarations()
        .iter()
        .map(|route| {
            format!("{} {} {} {:?}", route.method, route.path, route.operation_id, route.access)
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    POST /api/conversations create_conversation Account(Member, ConversationsWrite)
    GET /api/conversations list_conversations Account(Viewer, ConversationsRead)
    PUT /api/conversations/by-continuation/{continuation_id} put_conversation_by_continuation Account(Member, ConversationsWrite)
    GET /api/conversations/{id} get_conversation Account(Viewer, ConversationsRead)
    PATCH /api/conversations/{id} update_conversation Account(Member, ConversationsWrite)
    DELETE /api/conversations/{id} delete_conversation Account(Member, ConversationsWrite)
    GET /api/conversations/retention get_retention Account(Viewer, ConversationsRead)
    PUT /api/conversations/retention put_retention Account(Admin, AccountAdmin)
    POST /api/conversations/{id}/messages append_message Account(Member, ConversationsWrite)
    POST /api/conversations/{id}/messages/batch append_messages Account(Member, ConversationsWrite)
    GET /api/conversations/{id}/messages list_messages Account(Viewer, ConversationsRead)
    GET /api/conversations/{id}/context get_context Account(Viewer, ConversationsRead)
    PUT /api/conversations/{id}/context put_context Account(Member, ConversationsWrite)
    GET /api/conversations/{id}/files list_attached_files Account(Viewer, ConversationsRead)
    GET /api/conversations/{id}/files/{file_id} get_attached_file Account(Viewer, ConversationsRead)
    PUT /api/conversations/{id}/files/{file_id} attach_file Account(Member, ConversationsWrite)
    DELETE /api/conversations/{id}/files/{file_id} detach_file Account(Member, ConversationsWrite)
    GET /api/search search Account(Viewer, ConversationsRead)
    POST /api/memory create_memory Account(Member, MemoryWrite)
    GET /api/memory list_memories Account(Viewer, MemoryRead)
    DELETE /api/memory delete_memories Account(Member, MemoryWrite)
    PUT /api/memory/facts/{key} put_fact Account(Member, MemoryWrite)
    GET /api/memory/{id} get_memory Account(Viewer, MemoryRead)
    PATCH /api/memory/{id} update_memory Account(Member, MemoryWrite)
    DELETE /api/memory/{id} delete_memory Account(Member, MemoryWrite)
    POST /api/conversations/{id}/fork fork_conversation Account(Member, ConversationsWrite)
    POST /api/conversations/{id}/shares create_share Account(Member, ConversationsWrite)
    GET /api/conversations/{id}/shares list_shares Account(Viewer, ConversationsRead)
    DELETE /api/shares/{id} delete_share Account(Member, ConversationsWrite)
    GET /api/shared/{token} get_shared Public
    POST /api/shared/{token}/copy copy_shared Account(Member, ConversationsWrite)
    "#);
}
