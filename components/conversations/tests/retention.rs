//! Conversations that end: temporary ones, `/api/conversations/retention`, and deletion in pieces.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use std::time::Duration;

use ambient::{Entropy, UnixMillis};
use axum::http::StatusCode;
use database::Statement;
use serde_json::{Value, json};
use support::{PATH, Setup, setup, url};
use testing::{NOW, Person};

const RETENTION: &str = "/api/conversations/retention";
const DAY: Duration = Duration::from_hours(24);

/// Lets time pass, and signs Ada in anew: no token lasts as long as the times in here.
async fn later(setup: &mut Setup, duration: Duration) -> UnixMillis {
    setup.hand.advance(duration);
    let now = setup.now();
    let person = Person::new(&setup.database, "owner", now).await;
    let person = person.joins(&setup.database, setup.ada_person.account_id, "owner", now).await;
    setup.ada = setup.anonymous.with_token(person.token);
    now
}

async fn create(setup: &Setup, body: Value) -> String {
    let answer = setup.ada.post(PATH, &body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    format!("{PATH}/{}", answer.body["id"].as_str().unwrap())
}

async fn titles(setup: &Setup, query: &str) -> Vec<String> {
    let page = setup.ada.get(&format!("{PATH}?{query}")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let data = page.body["data"].as_array().unwrap();
    data.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
}

async fn put_retention(setup: &Setup, days: i64, keep_pinned: bool) {
    let body = json!({"days": days, "keep_pinned": keep_pinned});
    let answer = setup.ada.put(RETENTION, &body).await;
    assert_eq!((answer.status, answer.body), (StatusCode::OK, body));
}

/// Whether every way to a conversation says that there is none.
async fn assert_gone(setup: &Setup, path: &str) {
    let message = json!({"role": "user", "content": "x"});
    let id = path.rsplit_once('/').unwrap().1;
    for answer in [
        setup.ada.get(path).await,
        setup.ada.patch(path, &json!({"temporary": false})).await,
        setup.ada.delete(path).await,
        setup.ada.get(&format!("{path}/messages")).await,
        setup.ada.get(&format!("{path}/messages?after=0&all=true")).await,
        setup.ada.post(&format!("{path}/messages"), &message).await,
        setup.ada.post(&format!("{path}/messages/batch"), &json!({"messages": [message]})).await,
        setup.ada.get(&format!("{path}/context")).await,
        setup.ada.put(&format!("{path}/context"), &json!({})).await,
        setup.ada.get(&format!("{path}/shares")).await,
        setup.ada.post(&format!("{path}/shares"), &json!({})).await,
        setup.ada.get(&format!("{path}/files")).await,
    ] {
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{}", answer.body);
    }
    let memory = json!({"kind": "episode", "value": "x", "source_conversation_id": id});
    let answer = setup.ada.post("/api/memory", &memory).await;
    assert_eq!(answer.pointers(), ["/source_conversation_id"]);
    for query in ["", "temporary=true"] {
        let page = setup.ada.get(&format!("{PATH}?{query}")).await.body.to_string();
        assert!(!page.contains(id), "{page}");
    }
    let found = setup.ada.get(&url(&[("q", "unmistakable"), ("conversation_id", id)])).await;
    assert_eq!(found.body["data"], json!([]));
}

#[tokio::test]
async fn lifetimes_and_periods_that_make_no_sense_are_refused() {
    let setup = setup().await;
    let path = setup.conversation().await;
    for body in [
        json!({"expires_in": 59}),
        json!({"expires_in": 31_536_001}),
        json!({"expires_in": -1, "temporary": true}),
        json!({"expires_in": i64::MAX}),
        json!({"expires_in": 60, "temporary": false}),
    ] {
        for answer in [setup.ada.post(PATH, &body).await, setup.ada.patch(&path, &body).await] {
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
            assert_eq!(answer.pointers(), ["/expires_in"], "{body}");
        }
    }
    for body in [
        json!({"expires_in": "60"}),
        json!({"expires_in": 60.5}),
        json!({"temporary": "yes"}),
        json!({"expires_at": "2027-01-01T00:00:00Z"}),
        json!({"lifetime_ms": 1}),
        json!({"deleted_at": 1}),
    ] {
        assert_eq!(setup.ada.post(PATH, &body).await.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(setup.ada.patch(&path, &body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(setup.ada.get(&format!("{PATH}?temporary=1")).await.status, StatusCode::BAD_REQUEST);
    for days in [json!(0), json!(-1), json!(3651)] {
        let answer = setup.ada.put(RETENTION, &json!({"days": days})).await;
        assert_eq!((answer.status.as_u16(), answer.pointers()), (422, vec!["/days"]));
    }
    for body in [json!({"days": 1.5}), json!({"days": 1, "account_id": "x"}), json!([])] {
        assert_eq!(setup.ada.put(RETENTION, &body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    let keeps = json!({"days": null, "keep_pinned": false});
    assert_eq!(setup.ada.get(RETENTION).await.body, keeps);
}

#[tokio::test]
async fn a_temporary_conversation_is_out_of_the_way_and_ends_after_its_last_message() {
    let mut setup = setup().await;
    create(&setup, json!({"title": "kept"})).await;
    let body = json!({"title": "passing", "temporary": true, "expires_in": 3600, "continuation_id": "thread"});
    let path = create(&setup, body).await;
    setup.append(&path, &["an unmistakable word"]).await;
    let shown = setup.ada.get(&path).await.body;
    assert_eq!(shown["temporary"], true);
    assert_eq!(shown["expires_at"], json!(UnixMillis(NOW.0 + 3_600_000)));
    assert_eq!(titles(&setup, "").await, ["kept"]);
    assert_eq!(titles(&setup, "temporary=false").await, ["kept"]);
    assert_eq!(titles(&setup, "temporary=true").await, ["passing"]);
    let id = path.rsplit_once('/').unwrap().1;
    let found = setup.ada.get(&url(&[("q", "unmistakable")])).await;
    assert_eq!(found.body["data"], json!([]));
    let found = setup.ada.get(&url(&[("q", "unmistakable"), ("conversation_id", id)])).await;
    assert_eq!(found.body["data"].as_array().unwrap().len(), 1);
    // Whoever goes on with it has as much time again.
    later(&mut setup, Duration::from_mins(59)).await;
    setup.append(&path, &["more"]).await;
    let now = later(&mut setup, Duration::from_mins(59)).await;
    let expected = UnixMillis(now.0 + 60_000);
    assert_eq!(setup.ada.get(&path).await.body["expires_at"], json!(expected));
    let share = setup.ada.post(&format!("{path}/shares"), &json!({})).await.body;
    let link = format!("/api/shared/{}", share["token"].as_str().unwrap());
    assert_eq!(setup.anonymous.get(&link).await.status, StatusCode::OK);
    later(&mut setup, Duration::from_mins(1)).await;
    assert_gone(&setup, &path).await;
    assert_eq!(setup.anonymous.get(&link).await.status, StatusCode::NOT_FOUND);
    let copy = setup.eve.post(&format!("{link}/copy"), &json!({})).await.status;
    assert!(copy == StatusCode::NOT_FOUND || copy == StatusCode::UNAUTHORIZED);
    let revoke = format!("/api/shares/{}", share["id"].as_str().unwrap());
    assert_eq!(setup.ada.delete(&revoke).await.status, StatusCode::NOT_FOUND);
    // Nothing was swept so far; the next write does it, and the name is free at once.
    assert_eq!(setup.count("SELECT count(*) AS n FROM message").await, 2);
    let again = setup.ada.put(&format!("{PATH}/by-continuation/thread"), &json!({})).await;
    assert_eq!((again.status, &again.body["message_count"]), (StatusCode::CREATED, &json!(0)));
    assert_ne!(again.body["id"], json!(id));
    assert_eq!(setup.count("SELECT count(*) AS n FROM message").await, 0);
    assert_eq!(setup.count("SELECT count(*) AS n FROM share").await, 0);
    assert_eq!(setup.count("SELECT count(*) AS n FROM conversation").await, 2);
}

#[tokio::test]
async fn a_temporary_conversation_can_be_kept_and_another_made_temporary() {
    let mut setup = setup().await;
    let kept = create(&setup, json!({"temporary": true})).await;
    let passing = create(&setup, json!({"title": "t"})).await;
    let answer = setup.ada.patch(&kept, &json!({"temporary": false})).await;
    assert_eq!(
        (&answer.body["temporary"], &answer.body["expires_at"]),
        (&json!(false), &Value::Null)
    );
    let answer = setup.ada.patch(&passing, &json!({"temporary": true})).await;
    let expected = json!(UnixMillis(NOW.0 + 24 * 3_600_000));
    assert_eq!((&answer.body["temporary"], &answer.body["expires_at"]), (&json!(true), &expected));
    let untouched = setup.ada.patch(&passing, &json!({"pinned": true})).await.body;
    assert_eq!(untouched["temporary"], true);
    later(&mut setup, DAY).await;
    assert_eq!(setup.ada.get(&kept).await.status, StatusCode::OK);
    assert_gone(&setup, &passing).await;
}

#[tokio::test]
async fn a_fork_of_a_temporary_conversation_is_temporary_and_someone_else_s_copy_is_not() {
    let setup = setup().await;
    let path = create(&setup, json!({"temporary": true})).await;
    let message = setup.append(&path, &["one"]).await;
    let fork = setup.ada.post(&format!("{path}/fork"), &json!({"message_id": message["id"]})).await;
    assert_eq!((fork.status, &fork.body["temporary"]), (StatusCode::CREATED, &json!(true)));
    let share = setup.ada.post(&format!("{path}/shares"), &json!({})).await.body;
    let link = format!("/api/shared/{}/copy", share["token"].as_str().unwrap());
    let copy = setup.eve.post(&link, &json!({})).await;
    assert_eq!((copy.status, &copy.body["temporary"]), (StatusCode::CREATED, &json!(false)));
}

#[tokio::test]
async fn an_account_s_period_ends_what_nobody_goes_on_with_and_only_there() {
    let mut setup = setup().await;
    let foreign = setup.eve.post(PATH, &json!({})).await.body["id"].clone();
    let quiet = create(&setup, json!({"title": "quiet"})).await;
    let pinned = create(&setup, json!({"title": "pinned"})).await;
    let active = create(&setup, json!({"title": "active"})).await;
    setup.ada.patch(&pinned, &json!({"pinned": true})).await;
    put_retention(&setup, 30, true).await;
    assert_eq!(setup.ada.get(RETENTION).await.body, json!({"days": 30, "keep_pinned": true}));
    assert_eq!(setup.ada.get(&pinned).await.body["expires_at"], Value::Null);
    later(&mut setup, 29 * DAY).await;
    setup.append(&active, &["still here"]).await;
    let expected = json!(UnixMillis(NOW.0 + 30 * 24 * 3_600_000));
    let shown = setup.ada.get(&quiet).await.body;
    assert_eq!((&shown["expires_at"], &shown["temporary"]), (&expected, &json!(false)));
    let now = later(&mut setup, DAY).await;
    assert_gone(&setup, &quiet).await;
    assert_eq!(titles(&setup, "").await, ["active", "pinned"]);
    // A shorter period holds at once; one that keeps nothing pinned, too.
    put_retention(&setup, 1, false).await;
    assert_gone(&setup, &pinned).await;
    assert_gone(&setup, &active).await;
    // What was not swept yet is there again when the period was a mistake.
    put_retention(&setup, 30, true).await;
    assert_eq!(titles(&setup, "").await, ["active", "pinned"]);
    let swept = sweep::sweep(&setup.database, now, &Entropy::system(), |_| {}).await.unwrap();
    assert_eq!((swept.conversations, swept.accounts > 1), (1, true));
    let eve = Person::new(&setup.database, "owner", now).await;
    let eve = eve.joins(&setup.database, setup.eve_person.account_id, "owner", now).await;
    let path = format!("{PATH}/{}", foreign.as_str().unwrap());
    let kept = setup.anonymous.with_token(eve.token).get(&path).await;
    assert_eq!((kept.status, &kept.body["expires_at"]), (StatusCode::OK, &Value::Null));
}

#[tokio::test]
async fn a_period_that_changes_is_recorded_and_the_same_again_is_not() {
    let setup = setup().await;
    for (days, keep_pinned) in [(30, false), (30, false), (7, true)] {
        put_retention(&setup, days, keep_pinned).await;
    }
    for _ in 0..2 {
        let answer = setup.ada.put(RETENTION, &json!({"days": null})).await;
        assert_eq!(answer.body, json!({"days": null, "keep_pinned": false}));
    }
    let sql = "SELECT actor, action, detail FROM audit_entry ORDER BY seq";
    let rows = setup.database.query(Statement::new(sql)).await.unwrap();
    let actor = setup.ada_person.user_id.to_string();
    let details: Vec<String> = rows.iter().map(|row| row.get("detail").unwrap()).collect();
    for row in rows.iter() {
        assert_eq!(row.get::<&str>("actor").unwrap(), actor);
        assert_eq!(row.get::<&str>("action").unwrap(), "retention.changed");
    }
    assert_eq!(
        details,
        [
            r#"{"days":30,"keep_pinned":false}"#,
            r#"{"days":7,"keep_pinned":true}"#,
            r#"{"days":null,"keep_pinned":false}"#,
        ]
    );
}

/// Deletes a long conversation: it is gone at once, and its messages go in pieces, by later writes and by the sweep.
#[tokio::test]
async fn a_long_conversation_is_gone_at_once_and_removed_in_pieces() {
    let setup = setup().await;
    let path = create(&setup, json!({"title": "long", "continuation_id": "thread"})).await;
    let kept = setup.conversation().await;
    setup.append(&kept, &["an unmistakable word"]).await;
    let messages: Vec<_> =
        (0..200).map(|n| json!({"role": "user", "content": format!("unmistakable {n}")})).collect();
    for _ in 0..10 {
        let batch = json!({"messages": messages});
        let answer = setup.ada.post(&format!("{path}/messages/batch"), &batch).await;
        assert_eq!(answer.status, StatusCode::CREATED);
    }
    let first =
        setup.ada.get(&format!("{path}/messages?after=0&limit=1")).await.body["data"][0]["id"]
            .clone();
    for _ in 0..3 {
        // Branches leave with their messages.
        let body = json!({"role": "user", "content": "branch", "parent_id": first});
        setup.ada.post(&format!("{path}/messages"), &body).await;
    }
    let memory = json!({"kind": "episode", "value": "x", "source_conversation_id": path.rsplit_once('/').unwrap().1});
    let memory = setup.ada.post("/api/memory", &memory).await.body;
    assert_eq!(setup.ada.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_gone(&setup, &path).await;
    let left = setup.count("SELECT count(*) AS n FROM message").await;
    assert!((1000..1500).contains(&left), "{left} messages are left");
    let found = setup.ada.get(&url(&[("q", "unmistakable"), ("limit", "200")])).await;
    let found = found.body["data"].as_array().unwrap();
    // Its message and the title that this gave it.
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|hit| kept.ends_with(hit["conversation_id"].as_str().unwrap())));
    let memory = setup.ada.get(&format!("/api/memory/{}", memory["id"].as_str().unwrap())).await;
    assert_eq!(memory.body["source_conversation_id"], Value::Null);
    // A write in passing removes a piece, and the name is free.
    let again = setup.ada.put(&format!("{PATH}/by-continuation/thread"), &json!({})).await;
    assert_eq!(again.status, StatusCode::CREATED);
    assert_eq!(setup.count("SELECT count(*) AS n FROM message").await, left - 200);
    let mut pieces = Vec::new();
    let swept =
        sweep::sweep(&setup.database, NOW, &Entropy::system(), |swept| pieces.push(swept.messages))
            .await
            .unwrap();
    assert_eq!((swept.messages, swept.conversations), (left.unsigned_abs() - 200 - 1, 1));
    assert!(pieces.windows(2).all(|two| two[1] - two[0] <= 200), "{pieces:?}");
    for (sql, expected) in [
        ("SELECT count(*) AS n FROM message", 1),
        ("SELECT count(*) AS n FROM message_run", 0),
        ("SELECT count(*) AS n FROM search_entry", 2),
        ("SELECT count(*) AS n FROM conversation", 2),
        ("SELECT count(*) AS n FROM pragma_foreign_key_check", 0),
    ] {
        assert_eq!(setup.count(sql).await, expected, "{sql}");
    }
    let check = "INSERT INTO search_index (search_index) VALUES ('integrity-check')";
    setup.database.query(Statement::new(check)).await.unwrap();
    let again = sweep::sweep(&setup.database, NOW, &Entropy::system(), |_| {}).await.unwrap();
    assert_eq!((again.messages, again.conversations), (0, 0));
}
