//! Sums of tokens and of files: in the interface, in the database, and at the provider.

use std::ops::AddAssign;
use std::path::Path;
use std::time::Duration;

use http::StatusCode;
use rusqlite::{Connection, OptionalExtension as _};
use serde_json::Value;

use crate::Client;

/// Requests to a model, and the tokens that they took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    pub requests: u64,
    pub input: u64,
    pub output: u64,
}

impl AddAssign for Tokens {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.input += other.input;
        self.output += other.output;
    }
}

impl Tokens {
    /// Tokens in and out.
    pub fn total(&self) -> u64 {
        self.input + self.output
    }
}

/// Reads a whole list of the interface, page by page.
pub async fn read_list(client: &Client, path: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    let separator = if path.contains('?') { '&' } else { '?' };
    loop {
        let page = client.get(&format!("{path}{separator}limit=200{cursor}")).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {page:?}");
        items.extend(page.body["data"].as_array().expect("a list has data").iter().cloned());
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

/// Adds up the usage of an account over all its days.
///
/// The account is as old as the test, so nothing depends on the day or the quota period in which a request happened to arrive.
pub async fn usage(client: &Client) -> Tokens {
    let mut sum = Tokens::default();
    for row in read_list(client, "/api/usage").await {
        let number = |name: &str| row[name].as_u64().expect("a row of usage has numbers");
        sum += Tokens {
            requests: number("requests"),
            input: number("input_tokens"),
            output: number("output_tokens"),
        };
    }
    sum
}

/// Waits until no tokens are reserved any more, and gives the quota.
///
/// # Panics
/// When some still are after a minute.
pub async fn settled_quota(client: &Client) -> Value {
    let mut quota = Value::Null;
    for _ in 0..600 {
        quota = client.get("/api/quota").await.body;
        if quota["reserved"] == 0 && quota["user"]["reserved"] == 0 {
            return quota;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("tokens are still reserved: {quota}");
}

/// Checks the ledger of an account against what the provider counted.
///
/// The quota counts the current period, which may have begun within the test.
pub async fn check(client: &Client, served: Tokens) {
    let before = settled_quota(client).await;
    let used = usage(client).await;
    assert_eq!(used, served, "the ledger differs from the provider's count");
    let after = settled_quota(client).await;
    let quota = after["used"].as_u64().expect("a quota has numbers");
    assert!(quota <= used.total(), "{after} {used:?}");
    if before["resets_at"] == after["resets_at"] && started_in_period(client).await {
        assert_eq!(quota, used.total(), "the quota differs from the ledger: {after}");
    }
}

/// Whether all usage of the account has the date of one day: then it is of one period.
async fn started_in_period(client: &Client) -> bool {
    let rows = read_list(client, "/api/usage").await;
    rows.iter().all(|row| row["date"] == rows[0]["date"])
}

/// Checks the database of a server that ended in order: as [`check_sums`], and no generation is open.
pub fn check_database(state: &Path) {
    check_sums(state);
    check_none(
        state,
        &[
            ("tokens are reserved", "SELECT account_id || ' ' || run_id FROM usage_reservation"),
            ("a run has not ended", "SELECT id || ' ' || status FROM run WHERE status = 'running'"),
        ],
    );
}

/// Checks the database of a stopped server: its pages, and all sums that are stored beside what they add up.
pub fn check_sums(state: &Path) {
    let integrity: String = open(state)
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("the database can be checked");
    assert_eq!(integrity, "ok");
    check_none(
        state,
        &[
            (
                "a foreign key leads nowhere",
                "SELECT \"table\" || parent FROM pragma_foreign_key_check",
            ),
            (
                "file_usage differs from the files",
                "SELECT account_id || ' ' || u.files || ' ' || u.size_bytes || ' ' || count(f.id) || ' ' || coalesce(sum(f.size_bytes), 0) \
             FROM file_usage u LEFT JOIN file f USING (account_id) GROUP BY account_id \
             HAVING u.files <> count(f.id) OR u.size_bytes <> coalesce(sum(f.size_bytes), 0)",
            ),
            (
                "usage_sum differs from usage_entry",
                "SELECT s.account_id || ' ' || s.day FROM usage_sum s WHERE s.user_id = '' AND s.tokens <> \
             (SELECT sum(input_tokens + output_tokens) FROM usage_entry e WHERE e.account_id = s.account_id AND e.at / 86400000 = s.day)",
            ),
            (
                "usage_day differs from usage_entry",
                "SELECT account_id FROM (SELECT account_id, sum(requests) AS n, sum(input_tokens + output_tokens) AS t FROM usage_day GROUP BY account_id) d \
             JOIN (SELECT account_id, count(*) AS n, sum(input_tokens + output_tokens) AS t FROM usage_entry GROUP BY account_id) e USING (account_id) \
             WHERE d.n <> e.n OR d.t <> e.t",
            ),
        ],
    );
}

/// None of these statements may find anything.
fn check_none(state: &Path, statements: &[(&str, &str)]) {
    let database = open(state);
    for (what, sql) in statements {
        let offence: Option<String> =
            database.query_row(sql, [], |row| row.get(0)).optional().expect("the sum can be read");
        assert_eq!(offence, None, "{what}");
    }
}

fn open(state: &Path) -> Connection {
    Connection::open(state.join("selvage.db")).expect("the database opens")
}
