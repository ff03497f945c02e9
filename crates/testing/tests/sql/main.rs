//! Proofs over every SQL file of the repository: it fits the schema, it never leaves its account, and it never reads a whole table.
//!
//! This is the project's row-level security: not a promise of a database server, but a property of each statement, checked on each commit.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod expression;
mod files;
mod plan;
mod tenancy;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use database::Statement;

use crate::files::{Query, queries};
use crate::tenancy::{Tenants, prove};

#[test]
fn there_are_queries_and_each_file_is_one_statement() {
    let queries = queries();
    assert!(10 < queries.len(), "the walk found only {} files", queries.len());
    for Query { path, sql } in queries {
        assert_eq!(plan::statements(&sql), Ok(1), "{path}");
    }
}

#[tokio::test]
async fn every_statement_fits_the_migrated_schema() {
    let database = testing::database().await;
    for Query { path, sql } in queries() {
        let explained = plan::run(&database, plan::unbound("EXPLAIN", &sql)).await;
        assert!(explained.is_ok(), "{path}: {explained:?}");
    }
}

#[tokio::test]
async fn every_statement_on_a_tenant_table_stays_in_one_account() {
    let tenants = tenants().await;
    let allowed = files::allowed();
    let mut needed = BTreeSet::new();
    let mut violations = Vec::new();
    for Query { path, sql } in queries() {
        let Err(reasons) = prove(&sql, &tenants) else { continue };
        if allowed.contains_key(&path) {
            needed.insert(path);
        } else {
            violations.push(format!("{path}: {}", reasons.join("; ")));
        }
    }
    assert!(violations.is_empty(), "{violations:#?}");
    let stale: Vec<_> = allowed.keys().filter(|path| !needed.contains(*path)).collect();
    assert!(stale.is_empty(), "these need no exception any more, or do not exist: {stale:?}");
}

#[tokio::test]
async fn no_statement_reads_a_whole_table() {
    let database = testing::database().await;
    let mut report = String::new();
    let mut violations = Vec::new();
    for Query { path, sql } in queries() {
        let lines = plan::explain(&database, &sql).await;
        violations.extend(plan::scans(&lines).into_iter().map(|line| format!("{path}: {line}")));
        let plan = lines.join("\n  ");
        writeln!(report, "{path}\n  {plan}\n").unwrap();
    }
    assert!(violations.is_empty(), "{violations:#?}");
    insta::assert_snapshot!("query_plans", report);
}

/// The tables and views with an account, from the schema itself: a new one is protected from its first day.
async fn tenants() -> Tenants {
    let database = testing::database().await;
    let sql = "SELECT t.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c WHERE t.type IN ('table', 'view') AND c.name = 'account_id'";
    let rows = database.query(Statement::new(sql)).await.unwrap();
    let names = rows.iter().map(|row| row.get::<String>("name").unwrap());
    let tenants: Tenants = names
        .map(|name| (name, "account_id".to_owned()))
        .chain([("account".to_owned(), "id".to_owned())])
        .collect();
    for table in ["account", "conversation", "membership", "message", "refresh_token", "session"] {
        assert!(tenants.contains_key(table), "{table}");
    }
    tenants
}

/// The prover, tried on statements that must not pass.
#[tokio::test]
async fn statements_that_could_leave_their_account_are_refused() {
    let tenants = tenants().await;
    for sql in [
        "SELECT id FROM conversation",
        "SELECT id FROM conversation WHERE id = ?1",
        "SELECT id FROM conversation_life WHERE id = ?1",
        "SELECT id FROM conversation WHERE account_id = 'acct_1'",
        "SELECT id FROM conversation WHERE account_id = account_id",
        "SELECT id FROM conversation WHERE account_id <> ?1",
        "SELECT id FROM conversation WHERE account_id IN (?1, ?2)",
        "SELECT id FROM conversation WHERE account_id = ?1 OR id = ?2",
        "SELECT id FROM conversation WHERE NOT account_id = ?1",
        "SELECT id FROM conversation WHERE (account_id = ?1) = 0",
        "SELECT id FROM conversation WHERE account_id = ?1 UNION ALL SELECT id FROM conversation",
        "SELECT c.id FROM conversation AS c, message AS m WHERE c.account_id = ?1",
        "SELECT c.id FROM conversation AS c, message AS m WHERE c.account_id = ?1 AND m.conversation_id = c.id",
        "SELECT c.id FROM conversation AS c JOIN message AS m ON m.account_id = c.account_id",
        "SELECT c.id FROM conversation AS c LEFT JOIN message AS m ON c.account_id = ?1 AND m.account_id = ?1",
        "SELECT c.id FROM conversation AS c RIGHT JOIN message AS m ON m.account_id = c.account_id WHERE c.account_id = ?1",
        "SELECT c.id FROM conversation AS c JOIN message AS m USING (account_id) WHERE c.account_id = ?1",
        "SELECT c.id FROM conversation AS c NATURAL JOIN message AS m WHERE c.account_id = ?1",
        "SELECT (SELECT max(seq) FROM message) FROM conversation WHERE account_id = ?1",
        "SELECT id FROM conversation WHERE account_id = ?1 AND EXISTS (SELECT 1 FROM message AS m WHERE m.conversation_id = ?2)",
        "SELECT id FROM conversation WHERE account_id = ?1 AND id IN (SELECT conversation_id FROM message)",
        "SELECT id FROM conversation WHERE account_id = ?1 ORDER BY (SELECT count(*) FROM message)",
        "SELECT id FROM conversation WHERE account_id = ?1 LIMIT (SELECT count(*) FROM message)",
        "SELECT 1 WHERE ?1 IN session",
        "SELECT d.id FROM (SELECT id, account_id FROM conversation) AS d WHERE d.account_id = ?1",
        "WITH d AS (SELECT id, account_id FROM conversation) SELECT id FROM d WHERE account_id = ?1",
        "SELECT id FROM \"conversation\" WHERE id = ?1",
        "SELECT id FROM main.conversation WHERE id = ?1",
        "SELECT id FROM CONVERSATION WHERE id = ?1",
        "SELECT account.name FROM account JOIN membership AS m ON m.account_id = account.id WHERE m.user_id = ?1",
        "UPDATE conversation SET title = ?1 WHERE id = ?2",
        "UPDATE conversation SET title = ?1",
        "UPDATE conversation SET account_id = ?1 WHERE account_id = ?2",
        "UPDATE user SET name = ?1 WHERE id IN (SELECT user_id FROM membership)",
        "UPDATE user SET name = c.title FROM conversation AS c WHERE user.id = ?1",
        "DELETE FROM conversation WHERE id = ?1",
        "DELETE FROM message WHERE account_id = ?1 RETURNING (SELECT count(*) FROM session)",
        "INSERT INTO conversation VALUES (?1, ?2)",
        "INSERT INTO conversation (id, account_id) VALUES (?1, 'acct_1')",
        "INSERT INTO conversation (id, account_id) VALUES (?1, ?2), (?3, 'acct_1')",
        "INSERT INTO conversation (id) VALUES (?1)",
        "INSERT INTO message (account_id, id) SELECT account_id, id FROM conversation",
        "INSERT INTO message (account_id, id) SELECT c.id, c.id FROM conversation AS c WHERE c.account_id = ?1",
        "INSERT OR REPLACE INTO conversation (id, account_id) VALUES (?1, ?2)",
        "REPLACE INTO conversation (id, account_id) VALUES (?1, ?2)",
        "INSERT INTO conversation (id, account_id) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET title = 'x'",
        "INSERT INTO conversation (id, account_id) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET title = 'x'",
        "INSERT INTO conversation (id, account_id) VALUES (?1, ?2) ON CONFLICT (account_id, id) DO UPDATE SET account_id = ?3",
        "INSERT INTO user (id) SELECT user_id FROM membership",
        "SELECT text FROM search_index WHERE search_index MATCH ?1",
        "SELECT text FROM search_index AS s JOIN search_entry AS e ON e.id = s.rowid WHERE s.text MATCH ?1",
        "SELECT text FROM search_index AS s, search_entry AS e WHERE e.account_id = ?1 AND s.text MATCH ?2",
        "SELECT text FROM search_index AS s JOIN search_entry AS e ON e.seq = s.rowid WHERE e.account_id = ?1",
        "SELECT text FROM memory_index AS s JOIN search_entry AS e ON e.id = s.rowid WHERE e.account_id = ?1",
    ] {
        assert!(prove(sql, &tenants).is_err(), "{sql}");
    }
}

/// And on statements that must.
#[tokio::test]
async fn statements_that_stay_in_their_account_pass() {
    let tenants = tenants().await;
    for sql in [
        "SELECT id FROM user WHERE email = ?1",
        "SELECT id FROM conversation WHERE account_id = ?1",
        "SELECT id FROM conversation WHERE ?1 = account_id AND (title = ?2 OR title IS NULL)",
        "SELECT id FROM conversation WHERE (account_id = :account)",
        "SELECT m.id FROM conversation AS c JOIN message AS m ON m.account_id = c.account_id WHERE c.account_id = ?1",
        "SELECT m.id FROM conversation AS c LEFT JOIN message AS m ON c.account_id = m.account_id WHERE c.account_id = ?1",
        "SELECT m.id FROM conversation AS c, message AS m WHERE m.account_id = ?1 AND c.account_id = m.account_id",
        "SELECT id FROM conversation AS c WHERE account_id = ?1 AND EXISTS (SELECT 1 FROM message AS m WHERE m.account_id = c.account_id)",
        "WITH d AS (SELECT id FROM conversation WHERE account_id = ?1) SELECT id FROM d",
        "SELECT name FROM account WHERE id = ?1",
        "UPDATE conversation SET title = ?1 WHERE account_id = ?2 AND id = ?3",
        "DELETE FROM conversation WHERE account_id = ?1 AND id = ?2 RETURNING id",
        "INSERT INTO conversation (id, account_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        "INSERT INTO conversation (id, account_id) VALUES (?1, ?2) ON CONFLICT (account_id, id) DO UPDATE SET title = excluded.title",
        "INSERT INTO message (account_id, id) SELECT c.account_id, ?2 FROM conversation AS c WHERE c.account_id = ?1",
        "SELECT text FROM search_index AS s JOIN search_entry AS e ON e.id = s.rowid WHERE e.account_id = ?1",
        "SELECT text FROM memory_index JOIN memory AS m ON memory_index.rowid = m.number WHERE m.account_id = ?1",
    ] {
        assert_eq!(prove(sql, &tenants), Ok(()), "{sql}");
    }
}

#[tokio::test]
async fn statements_that_read_a_whole_table_are_noticed() {
    let database = testing::database().await;
    for sql in [
        "SELECT id FROM conversation WHERE title = ?1",
        "SELECT c.id FROM conversation AS c WHERE c.account_id LIKE ?1",
        "SELECT name FROM user WHERE name = ?1",
        "SELECT m.id FROM conversation AS c, message AS m WHERE c.account_id = ?1 AND c.id = ?2",
        "UPDATE conversation SET title = ?1 WHERE id = ?2",
        "DELETE FROM message WHERE id = ?1",
        "SELECT count(*) AS n FROM session",
    ] {
        let lines = plan::explain(&database, sql).await;
        assert!(!plan::scans(&lines).is_empty(), "{sql}: {lines:?}");
    }
    let lines = plan::explain(&database, "SELECT id FROM conversation WHERE account_id = ?1").await;
    assert!(plan::scans(&lines).is_empty(), "{lines:?}");
}
