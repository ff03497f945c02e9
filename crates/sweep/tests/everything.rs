//! The sweep over all accounts.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use ambient::{Entropy, UnixMillis};
use database::{Database, Statement};
use sweep::{Swept, sweep};
use testing::{NOW, Person};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

async fn run(database: &Database, sql: &'static str, account: &str) {
    database.query(Statement::new(sql).bind(account).bind(NOW.0)).await.unwrap();
}

async fn ids(database: &Database, sql: &'static str) -> Vec<String> {
    let rows = database.query(Statement::new(sql)).await.unwrap();
    rows.iter().map(|row| row.get("id").unwrap()).collect()
}

#[tokio::test]
async fn an_empty_database_and_one_in_which_nothing_is_over_stay_as_they_are() {
    let database = testing::database().await;
    assert_eq!(sweep(&database, NOW, &Entropy::system(), |_| {}).await.unwrap(), Swept::default());
    let person = Person::new(&database, "owner", NOW).await;
    let account = person.account_id.to_string();
    run(
        &database,
        "INSERT INTO conversation (account_id, id, lifetime_ms, created_at, updated_at, active_at) \
         VALUES (?1, 'stays', NULL, 0, 0, 0), (?1, 'lasts', 1, ?2, ?2, ?2)",
        &account,
    )
    .await;
    let swept = sweep(&database, NOW, &Entropy::system(), |_| {}).await.unwrap();
    assert_eq!(swept, Swept { accounts: 1, ..Swept::default() });
    assert_eq!(ids(&database, "SELECT id FROM conversation ORDER BY id").await, ["lasts", "stays"]);
    assert_eq!(ids(&database, "SELECT id FROM session").await.len(), 1);
}

#[tokio::test]
async fn what_is_over_leaves_and_nothing_else_in_any_account() {
    let database = testing::database().await;
    let mut accounts = Vec::new();
    for _ in 0..3 {
        let account = Person::new(&database, "owner", NOW).await.account_id.to_string();
        for sql in [
            "INSERT INTO retention (account_id, days, keep_pinned, updated_at) VALUES (?1, 1, 1, ?2)",
            "INSERT INTO conversation (account_id, id, pinned, lifetime_ms, deleted_at, created_at, updated_at, active_at) VALUES \
             (?1, 'ended', 0, 1, NULL, 0, 0, ?2 - 1), (?1, 'lasts', 0, 2, NULL, 0, 0, ?2 - 1), (?1, 'gone', 0, NULL, 1, 0, 0, ?2), \
             (?1, 'quiet', 0, NULL, NULL, 0, 0, ?2 - 86400000), (?1, 'pinned', 1, NULL, NULL, 0, 0, 1), \
             (?1, 'active', 0, NULL, NULL, 0, 0, ?2 - 86399999)",
            "INSERT INTO message (account_id, conversation_id, seq, id, role, status, created_at, wire) \
             SELECT ?1, c.id, n.value, c.id || n.value, 'user', 'completed', 1, '{\"content\":\"word\"}' \
             FROM conversation AS c, json_each('[1,2,3]') AS n WHERE c.account_id = ?1 AND c.id IN ('ended', 'gone', 'lasts') AND ?2",
            "UPDATE conversation SET active_at = ?2 - 1 WHERE account_id = ?1 AND id IN ('ended', 'lasts')",
            "INSERT INTO session (account_id, id, user_id, created_at, last_used_at, expires_at) \
             SELECT ?1, 'over' || n.value, user_id, 0, 0, ?2 FROM membership, json_each('[1,2,3,4,5,6,7,8,9]') AS n WHERE account_id = ?1",
            "INSERT INTO refresh_token (token_hash, account_id, session_id, created_at, expires_at) \
             SELECT randomblob(32), account_id, id, 0, 0 FROM session WHERE account_id = ?1 AND ?2",
            "INSERT INTO invitation (account_id, id, email, role, invited_by, token_hash, created_at, expires_at) \
             SELECT ?1, 'inv' || n.value, 'a' || n.value, 'member', user_id, randomblob(32), 0, ?2 + n.value \
             FROM membership, json_each('[0,1]') AS n WHERE account_id = ?1",
            "INSERT INTO file (account_id, id, bucket, name, mime_type, size_bytes, sha256, state, pending_until, created_at, updated_at) VALUES \
             (?1, 'broken off', 'user-files', 'a', 'text/plain', 1, NULL, 'pending', ?2, 0, 0), \
             (?1, 'on its way', 'user-files', 'a', 'text/plain', 1, NULL, 'pending', ?2 + 1, 0, 0), \
             (?1, 'complete', 'user-files', 'a', 'text/plain', 1, zeroblob(32), 'complete', 0, 0, 0)",
        ] {
            run(&database, sql, &account).await;
        }
        accounts.push(account);
    }
    let mut reports = Vec::new();
    let swept =
        sweep(&database, NOW, &Entropy::system(), |swept| reports.push(*swept)).await.unwrap();
    let expected = Swept {
        accounts: 3,
        conversations: 9,
        messages: 18,
        sessions: 27,
        invitations: 3,
        files: 3,
        runs: 0,
    };
    assert_eq!(swept, expected);
    assert_eq!(reports.last(), Some(&swept));
    let left = ids(&database, "SELECT DISTINCT id FROM conversation ORDER BY id").await;
    assert_eq!(left, ["active", "lasts", "pinned"]);
    let messages = ids(&database, "SELECT DISTINCT conversation_id AS id FROM message").await;
    assert_eq!(messages, ["lasts"]);
    assert_eq!(ids(&database, "SELECT DISTINCT id FROM invitation").await, ["inv1"]);
    let files = ids(&database, "SELECT DISTINCT id FROM file ORDER BY id").await;
    assert_eq!(files, ["complete", "on its way"]);
    assert_eq!(ids(&database, "SELECT id FROM session").await.len(), 3);
    let tokens = "SELECT session_id AS id FROM refresh_token";
    assert_eq!(ids(&database, tokens).await.len(), 3, "one for each session that lives");
    let again = sweep(&database, NOW, &Entropy::system(), |_| {}).await.unwrap();
    assert_eq!(again, Swept { accounts: 3, ..Swept::default() });
    let later = UnixMillis(NOW.0 + 31 * DAY_MS);
    let swept = sweep(&database, later, &Entropy::system(), |_| {}).await.unwrap();
    let expected = Swept {
        accounts: 3,
        conversations: 6,
        messages: 9,
        sessions: 3,
        invitations: 3,
        files: 3,
        runs: 0,
    };
    assert_eq!(swept, expected);
    assert_eq!(ids(&database, "SELECT DISTINCT id FROM conversation").await, ["pinned"]);
    assert_eq!(ids(&database, "SELECT DISTINCT id FROM file").await, ["complete"]);
}

#[tokio::test]
async fn what_the_dead_have_reserved_is_settled() {
    let database = testing::database().await;
    for _ in 0..2 {
        let account = Person::new(&database, "owner", NOW).await.account_id.to_string();
        // More than a piece takes.
        let reserve = "INSERT INTO usage_reservation (account_id, run_id, user_id, tokens, reserved_at, expires_at, nth, provider, model, input_tokens) \
             SELECT ?1, n.value, 'a', 9, 0, ?2 + (n.value = 'alive'), 1, 'openai', 'a', 7 \
             FROM json_each('[1,2,3,4,5,6,7,8,9,\"alive\"]') AS n";
        run(&database, reserve, &account).await;
    }
    let swept = sweep(&database, NOW, &Entropy::system(), |_| {}).await.unwrap();
    assert_eq!(swept, Swept { accounts: 2, ..Swept::default() });
    let left = ids(&database, "SELECT run_id AS id FROM usage_reservation").await;
    assert_eq!(left, ["alive", "alive"]);
    let settled = "SELECT run_id AS id FROM usage_entry WHERE is_estimated AND is_last AND input_tokens = 7 AND output_tokens = 0";
    assert_eq!(ids(&database, settled).await.len(), 18);
}

#[tokio::test]
async fn many_sweeps_at_once_do_not_get_in_each_other_s_way() {
    let database = testing::database().await;
    let account = Person::new(&database, "owner", NOW).await.account_id.to_string();
    for sql in [
        "INSERT INTO conversation (account_id, id, lifetime_ms, created_at, updated_at, active_at) \
         SELECT ?1, 'c' || n.value, 1, 0, 0, 0 FROM json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]') AS n WHERE ?2",
        "INSERT INTO message (account_id, conversation_id, seq, id, role, status, created_at, wire) \
         SELECT ?1, c.id, n.value, c.id || n.value, 'user', 'completed', 0, '{\"content\":\"word\"}' \
         FROM conversation AS c, json_each('[1,2,3]') AS n WHERE ?2",
    ] {
        run(&database, sql, &account).await;
    }
    let sweeps: Vec<_> = (0..8)
        .map(|_| {
            let database = database.clone();
            tokio::spawn(
                async move { sweep(&database, NOW, &Entropy::system(), |_| {}).await.unwrap() },
            )
        })
        .collect();
    let (mut conversations, mut messages) = (0, 0);
    for sweep in sweeps {
        let swept = sweep.await.unwrap();
        conversations += swept.conversations;
        messages += swept.messages;
    }
    assert_eq!((conversations, messages), (20, 60), "each was removed once");
}
