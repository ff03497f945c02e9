//! How much memory a history takes that is read whole: that of a page. A test binary of its own, because it measures its process.
#![cfg(target_os = "linux")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use std::fs;

use axum::http::StatusCode;
use database::{Database, Statement};
use serde_json::Value;
use support::{Setup, setup};
use testing::NOW;

const MESSAGES: i64 = 100_000;
const LIMIT: i64 = 100;

/// The most memory that this process has held since [`forget_peak`], in KiB.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}

fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").unwrap();
}

/// Reads a page and gives its seqs and the cursor to the next.
async fn page(setup: &Setup, url: &str) -> (Vec<i64>, Option<String>) {
    let page = setup.ada.get(url).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let data = page.body["data"].as_array().unwrap();
    let seqs = data.iter().map(|message| message["seq"].as_i64().unwrap()).collect();
    (seqs, page.body["next_cursor"].as_str().map(str::to_owned))
}

async fn fill(database: &Database, conversation: &str) {
    let id = conversation.rsplit_once('/').unwrap().1;
    let sql = "WITH RECURSIVE n (seq) AS (SELECT c.message_count + 1 FROM conversation AS c WHERE c.id = ?1 UNION ALL SELECT seq + 1 FROM n LIMIT ?2) \
               INSERT INTO message (account_id, conversation_id, seq, id, parent_id, role, status, created_at, wire) \
               SELECT c.account_id, c.id, n.seq, 'msg_' || n.seq, CASE WHEN n.seq > 1 THEN 'msg_' || (n.seq - 1) END, 'user', 'completed', ?3, \
                 json_object('id', 'msg_' || n.seq, 'seq', n.seq, 'role', 'user', 'content', printf('%.*c', 1000, 'x')) \
               FROM n, conversation AS c WHERE c.id = ?1";
    for _ in 0..MESSAGES / 10_000 {
        let statement = Statement::new(sql).bind(id).bind(10_000).bind(NOW.0);
        database.query(statement).await.unwrap();
    }
}

#[tokio::test]
async fn a_history_of_100_megabytes_is_read_in_the_memory_of_a_page() {
    // The database lies in memory, too, but is as large after as before: what grows is what a request holds.
    let setup = setup().await;
    let conversation = setup.conversation().await;
    fill(&setup.database, &conversation).await;
    let path = format!("{conversation}/messages?limit={LIMIT}");
    // Whatever is allocated once is, before the first measurement.
    for place in ["&after=0", "&after=50000", ""] {
        page(&setup, &format!("{path}{place}")).await;
    }
    let mut peaks = Vec::new();
    for place in ["&after=0", "&after=50000", ""] {
        forget_peak();
        for _ in 0..10 {
            assert_eq!(page(&setup, &format!("{path}{place}")).await.0.len(), 100);
        }
        peaks.push(peak_kib());
    }
    let (least, most) = (*peaks.iter().min().unwrap(), *peaks.iter().max().unwrap());
    assert!(most - least < 4 * 1024, "first, middle and last page: {peaks:?} KiB");
    forget_peak();
    let mut expected = 1;
    let mut next = Some(format!("{path}&after=0"));
    while let Some(url) = next {
        let (seqs, cursor) = page(&setup, &url).await;
        assert_eq!(seqs.first(), Some(&expected));
        expected += i64::try_from(seqs.len()).unwrap();
        next = cursor.map(|cursor| format!("{path}&cursor={cursor}"));
    }
    assert_eq!(expected, MESSAGES + 1);
    let whole = peak_kib();
    assert!(whole < most + 4 * 1024, "one page {most} KiB, all of them {whole} KiB");
    assert_ne!(setup.ada.get(&conversation).await.body["message_count"], Value::Null);
}
