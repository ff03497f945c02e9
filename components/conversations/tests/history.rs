//! Many writers, readers among them, and a history of 100,000 messages.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::StatusCode;
use database::{Database, Statement};
use rusqlite::StatementStatus;
use serde_json::{Value, json};
use support::{Setup, setup};
use testing::Client;

const WRITERS: i64 = 64;
const APPENDS: i64 = 200;

fn seqs(page: &Value) -> Vec<i64> {
    let data = page["data"].as_array().unwrap();
    data.iter().map(|message| message["seq"].as_i64().unwrap()).collect()
}

/// Everything that the cursors lead to.
async fn read_all(client: &Client, path: &str, start: &str, limit: i64) -> Vec<i64> {
    let mut seen = Vec::new();
    let mut next = Some(format!("{path}?limit={limit}{start}"));
    while let Some(url) = next {
        let page = client.get(&url).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        seen.extend(seqs(&page.body));
        next = page.body["next_cursor"]
            .as_str()
            .map(|cursor| format!("{path}?limit={limit}&cursor={cursor}"));
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_writers_with_200_appends_each_no_seq_is_missing_and_none_is_there_twice() {
    let setup = setup().await;
    let path = setup.conversation().await + "/messages";
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (client, path) = (setup.ada.clone(), path.clone());
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for number in 0..APPENDS {
                    let body = json!({"role": "user", "content": format!("{writer}.{number}")});
                    let answer = client.post(&path, &body).await;
                    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
                    acknowledged.push(answer.body["seq"].as_i64().unwrap());
                }
                acknowledged
            })
        })
        .collect();
    let mut acknowledged = Vec::new();
    for writer in writers {
        let own = writer.await.unwrap();
        assert!(own.is_sorted(), "a writer's own messages keep their order");
        acknowledged.extend(own);
    }
    acknowledged.sort_unstable();
    let expected: Vec<_> = (1..=WRITERS * APPENDS).collect();
    assert_eq!(acknowledged, expected);
    assert_eq!(read_all(&setup.ada, &path, "&after=0", 200).await, expected);
    let runs = "SELECT count(*) AS n FROM message_run";
    let rows = setup.database.query(Statement::new(runs)).await.unwrap();
    assert_eq!(rows.first().unwrap().get::<i64>("n").unwrap(), 0, "the chain is one line");
}

/// Readers follow cursors in both directions with pages of every size while others append, also to other branches. What a reader sees is
/// one path, each message once, in order, up to the newest message of the moment when it began.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_among_writers_sees_each_message_exactly_once() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    let path = format!("{conversation}/messages");
    let first = setup.append(&conversation, &["m"; 50]).await;
    let parents = Arc::new(parents_of(&setup).await);
    assert_eq!(parents.len(), 50);
    let done = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..3)
        .map(|writer| {
            let (client, path, done) = (setup.ada.clone(), path.clone(), Arc::clone(&done));
            let branch_from = first["id"].clone();
            tokio::spawn(async move {
                for number in 0.. {
                    if done.load(Ordering::Relaxed) {
                        return;
                    }
                    let mut body = json!({"role": "user", "content": "m"});
                    if writer == 0 && number % 10 == 9 {
                        body["parent_id"] = branch_from.clone();
                    }
                    assert_eq!(client.post(&path, &body).await.status, StatusCode::CREATED);
                }
            })
        })
        .collect();
    let mut reads = Vec::new();
    for limit in [1, 2, 3, 7, 16, 50] {
        for start in ["", "&after=0", "&all=true", "&all=true&after=0"] {
            let seen = read_all(&setup.ada, &path, start, limit).await;
            reads.push((format!("limit {limit} {start}"), start.contains("all"), seen));
        }
    }
    done.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    let parents = parents_of(&setup).await;
    for (what, all, seen) in reads {
        let distinct: BTreeSet<_> = seen.iter().copied().collect();
        assert_eq!(distinct.len(), seen.len(), "{what}: a message twice");
        let tip = *distinct.last().unwrap();
        assert!(50 <= tip, "{what}");
        let expected: BTreeSet<i64> = if all {
            (1..=tip).collect()
        } else {
            let up = |seq: &i64| {
                let parent = parents[usize::try_from(*seq - 1).unwrap()];
                (parent != 0).then_some(parent)
            };
            std::iter::successors(Some(tip), up).collect()
        };
        assert_eq!(distinct, expected, "{what}");
    }
}

/// For each message in order the seq of the one that it answers, 0 for none.
async fn parents_of(setup: &Setup) -> Vec<i64> {
    let sql = "SELECT coalesce(parent.seq, 0) AS parent FROM message AS m \
               LEFT JOIN message AS parent ON parent.account_id = m.account_id AND parent.id = m.parent_id ORDER BY m.seq";
    let rows = setup.database.query(Statement::new(sql)).await.unwrap();
    rows.iter().map(|row| row.get("parent").unwrap()).collect()
}

/// Writes messages as the component does, but all in a few statements.
async fn fill(database: &Database, conversation: &str, messages: i64) {
    let id = conversation.rsplit_once('/').unwrap().1;
    let sql = "WITH RECURSIVE n (seq) AS (SELECT c.message_count + 1 FROM conversation AS c WHERE c.id = ?1 UNION ALL SELECT seq + 1 FROM n LIMIT ?2) \
               INSERT INTO message (account_id, conversation_id, seq, id, parent_id, role, status, created_at, wire) \
               SELECT c.account_id, c.id, n.seq, 'msg_' || n.seq, CASE WHEN n.seq > 1 THEN 'msg_' || (n.seq - 1) END, 'user', 'completed', 1, \
                 '{\"id\":\"msg_' || n.seq || '\",\"seq\":' || n.seq || ',\"role\":\"user\",\"content\":\"message number ' || n.seq || '\"}' \
               FROM n, conversation AS c WHERE c.id = ?1";
    for _ in 0..messages / 10_000 {
        let statement = Statement::new(sql).bind(id).bind(10_000);
        database.query(statement).await.unwrap();
    }
}

#[tokio::test]
async fn a_page_of_100_000_messages_costs_the_same_wherever_it_is() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    fill(&setup.database, &conversation, 100_000).await;
    let path = format!("{conversation}/messages");
    let count = setup.ada.get(&conversation).await.body["message_count"].clone();
    assert_eq!(count, 100_000);
    for (query, expected) in [
        ("after=0", 1..=100),
        ("before=101", 1..=100),
        ("after=50000", 50_001..=50_100),
        ("before=50001", 49_901..=50_000),
        ("", 99_901..=100_000),
        ("after=99900", 99_901..=100_000),
        ("all=true", 99_901..=100_000),
    ] {
        let page = setup.ada.get(&format!("{path}?limit=100&{query}")).await;
        assert_eq!(seqs(&page.body), expected.collect::<Vec<i64>>(), "{query}");
    }
    assert_eq!(read_all(&setup.ada, &path, "", 200).await.len(), 100_000);
}

/// Counted in steps of SQLite's virtual machine, of which each row that is read takes the same number.
#[tokio::test]
async fn a_page_takes_the_same_number_of_steps_wherever_it_is_and_however_long_the_history() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("history.db");
    let database = Database::open(&file).unwrap();
    migrations::ensure(&database, 1).await.unwrap();
    for sql in [
        "INSERT INTO account (id, name, kind, created_at, updated_at) VALUES ('acct_1', 'a', 'team', 1, 1), ('acct_2', 'a', 'team', 1, 1)",
        "INSERT INTO conversation (account_id, id, created_at, updated_at, active_at) VALUES ('acct_1', 'long', 1, 1, 1), ('acct_2', 'short', 1, 1, 1)",
    ] {
        database.query(Statement::new(sql)).await.unwrap();
    }
    fill(&database, "/short", 10_000).await;
    fill(&database, "/long", 100_000).await;
    database.close().await.unwrap();
    let connection = rusqlite::Connection::open(&file).unwrap();
    let steps = |sql: &str, account: &str, conversation: &str, seq: i64| {
        let none: Option<i64> = None;
        let values = rusqlite::params![
            account,
            conversation,
            seq,
            100,
            4 * 1024 * 1024,
            none,
            none,
            false,
            2
        ];
        let mut statement = connection.prepare(sql).unwrap();
        let messages: i64 = statement
            .query_row(values, |row| {
                Ok(row.get::<_, i64>("last_seq")? - row.get::<_, i64>("first_seq")? + 1)
            })
            .unwrap();
        assert_eq!(messages, 100);
        assert_eq!(statement.get_status(StatementStatus::AutoIndex), 0);
        statement.get_status(StatementStatus::VmStep)
    };
    for (sql, places) in [
        (include_str!("../queries/page_messages_before.sql"), [101, 50_000, i64::MAX]),
        (include_str!("../queries/page_messages_after.sql"), [0, 50_000, 99_900]),
    ] {
        let counts = places.map(|seq| steps(sql, "acct_1", "long", seq));
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        assert!(most - least <= 4, "first, middle and last page: {counts:?} steps");
        let short = steps(sql, "acct_2", "short", 200);
        assert!((short - most).abs() <= 4, "{counts:?} steps among 100,000, {short} among 10,000");
    }
}
