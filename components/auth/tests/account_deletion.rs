//! What is left when an account goes: nothing of it, and everything of the others.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use axum::http::StatusCode;
use database::{Database, Statement};
use serde_json::json;
use support::{number, setup};
use testing::NOW;

/// How many rows each table holds that are not of this account, and what is in them. The insides of the word indexes are left out: they
/// change with every word that leaves; what they find is asked instead.
async fn others(database: &Database, account_id: &str) -> Vec<(String, String)> {
    let tables = database
        .query(Statement::new("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '%_index%' ORDER BY name"))
        .await
        .unwrap();
    let mut contents = Vec::new();
    for table in tables.iter().map(|row| row.get::<String>("name").unwrap()) {
        let rows = database.query(Statement::new(format!("SELECT * FROM {table}"))).await.unwrap();
        let texts = rows.iter().map(|row| format!("{:?}", row.values()));
        let mut texts: Vec<_> = texts.filter(|text| !text.contains(account_id)).collect();
        texts.sort();
        contents.push((table, texts.join("\n")));
    }
    contents
}

/// How many rows of any table speak of this account.
async fn mentions(database: &Database, account_id: &str) -> Vec<String> {
    let all = others(database, "nobody").await;
    let speaking = all.iter().filter(|(_, text)| text.contains(account_id));
    speaking.map(|(table, _)| table.clone()).collect()
}

#[tokio::test]
async fn deleting_an_account_takes_everything_of_it_and_nothing_else() {
    let setup = setup().await;
    let (team, other) = (setup.team().await, setup.team().await);
    for team in [&team, &other] {
        let id = team.id.to_string();
        let member = setup.member(team, "member").await;
        member.person.api_key(&setup.database, "chat", NOW).await;
        let invite = json!({"email": "new@example.com", "role": "viewer"});
        let answer = team.owner.client.post(&format!("{}/invitations", team.path), &invite).await;
        assert_eq!(answer.status, StatusCode::CREATED);
        for sql in [
            "INSERT INTO conversation (account_id, id, created_at, updated_at, active_at) VALUES (?1, 'conv_1', 1, 1, 1)",
            "INSERT INTO message (account_id, conversation_id, seq, id, role, status, created_at, wire) VALUES (?1, 'conv_1', 1, 'msg_1', 'user', 'completed', 1, '{}')",
        ] {
            setup.database.query(Statement::new(sql).bind(id.as_str())).await.unwrap();
        }
    }
    let id = team.id.to_string();
    let owned = mentions(&setup.database, &id).await;
    for table in [
        "account",
        "api_key",
        "audit_entry",
        "conversation",
        "invitation",
        "membership",
        "message",
        "session",
    ] {
        assert!(owned.iter().any(|name| name == table), "{table} is not tried: {owned:?}");
    }
    let before = others(&setup.database, &id).await;
    let indexed = format!(
        "SELECT count(*) AS n FROM search_index WHERE search_index MATCH 'scope : {}'",
        &id[5..]
    );
    let count = setup.database.query(Statement::new(indexed.clone())).await.unwrap();
    assert_eq!(count.first().unwrap().get::<i64>("n").unwrap(), 1);
    assert_eq!(team.owner.client.delete(&team.path).await.status, StatusCode::NO_CONTENT);
    let count = setup.database.query(Statement::new(indexed)).await.unwrap();
    assert_eq!(count.first().unwrap().get::<i64>("n").unwrap(), 0);
    // The platform's log alone remembers that there was such an account.
    assert_eq!(mentions(&setup.database, &id).await, ["audit_entry"]);
    let sql = "SELECT count(*) AS n FROM audit_entry WHERE account_id = 'platform' AND action = 'account.deleted'";
    assert_eq!(number(&setup.database, sql).await, 1);
    assert_eq!(others(&setup.database, &id).await, before);
    assert_eq!(team.owner.client.get(&team.path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(team.owner.client.delete(&team.path).await.status, StatusCode::NOT_FOUND);
}

/// The bytes of everything that the indexes of words consist of.
async fn index_bytes(database: &Database) -> Vec<u8> {
    let mut bytes = Vec::new();
    for sql in ["SELECT block FROM search_index_data", "SELECT block FROM memory_index_data"] {
        let rows = database.query(Statement::new(sql)).await.unwrap();
        for row in rows.iter() {
            bytes.extend(row.get::<Vec<u8>>("block").unwrap());
        }
    }
    bytes
}

/// How often a piece of a word occurs in the indexes. The beginning is left out: neighbours share it.
async fn occurrences(database: &Database, piece: &str) -> usize {
    let bytes = index_bytes(database).await;
    bytes.windows(piece.len()).filter(|window| *window == piece.as_bytes()).count()
}

#[tokio::test]
async fn words_that_are_deleted_leave_the_indexes_at_once() {
    let setup = setup().await;
    let (team, other) = (setup.team().await, setup.team().await);
    for (team, word) in [(&team, "xyzzyplugh"), (&other, "frobozzmagic")] {
        let (account, user) = (team.id.to_string(), team.owner.person.user_id.to_string());
        for sql in [
            "INSERT INTO conversation (account_id, id, title, created_at, updated_at, active_at) VALUES (?1, 'conv_1', ?3 || ' title', 1, 1, 1)",
            "INSERT INTO message (account_id, conversation_id, seq, id, role, status, created_at, wire) VALUES (?1, 'conv_1', 1, 'msg_1', 'user', 'completed', 1, json_object('content', 'say ' || ?3))",
            "INSERT INTO memory (account_id, user_id, id, kind, key, value, created_at, updated_at) VALUES (?1, ?2, 'mem_1', 'fact', 'magic', ?3, 1, 1)",
        ] {
            let statement = Statement::new(sql).bind(account.as_str()).bind(user.as_str());
            setup.database.query(statement.bind(word)).await.unwrap();
        }
    }
    assert_ne!(occurrences(&setup.database, "zzyplugh").await, 0);
    let kept = occurrences(&setup.database, "obozzmagic").await;
    assert_ne!(kept, 0);
    assert_eq!(team.owner.client.delete(&team.path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(occurrences(&setup.database, "zzyplugh").await, 0);
    assert_eq!(occurrences(&setup.database, "obozzmagic").await, kept);
    for index in ["search_index", "memory_index"] {
        let check = format!("INSERT INTO {index} ({index}) VALUES ('integrity-check')");
        setup.database.query(Statement::new(check)).await.unwrap();
    }
}
