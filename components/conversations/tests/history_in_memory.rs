//! How much memory a page takes, wherever in a history of 100,000 messages it is. A test binary of its own, because it counts every
//! allocation of its process.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use axum::http::StatusCode;
use database::{Database, Statement};
use peak_alloc::PeakAlloc;
use serde_json::Value;
use support::{Setup, setup};
use testing::NOW;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Reads a page and gives how many messages it has and how many bytes it took at most, all copies counted.
async fn page(setup: &Setup, url: &str) -> (usize, usize) {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let page = setup.ada.get(url).await;
    let peak = ALLOCATOR.peak_usage();
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    (page.body["data"].as_array().map_or(0, Vec::len), peak - before)
}

/// Messages of a kilobyte each.
async fn fill(database: &Database, conversation: &str) {
    let id = conversation.rsplit_once('/').unwrap().1;
    let sql = "WITH RECURSIVE n (seq) AS (SELECT c.message_count + 1 FROM conversation AS c WHERE c.id = ?1 UNION ALL SELECT seq + 1 FROM n LIMIT ?2) \
               INSERT INTO message (account_id, conversation_id, seq, id, parent_id, role, status, created_at, wire) \
               SELECT c.account_id, c.id, n.seq, 'msg_' || n.seq, CASE WHEN n.seq > 1 THEN 'msg_' || (n.seq - 1) END, 'user', 'completed', ?3, \
                 json_object('id', 'msg_' || n.seq, 'seq', n.seq, 'role', 'user', 'content', printf('%.*c', 1000, 'x')) \
               FROM n, conversation AS c WHERE c.id = ?1";
    for _ in 0..10 {
        let statement = Statement::new(sql).bind(id).bind(10_000).bind(NOW.0);
        database.query(statement).await.unwrap();
    }
}

#[tokio::test]
async fn a_page_takes_the_same_memory_wherever_it_is() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    fill(&setup.database, &conversation).await;
    assert_ne!(setup.ada.get(&conversation).await.body["message_count"], Value::Null);
    let path = format!("{conversation}/messages?limit=100");
    let places = ["&after=0", "&before=101", "&after=50000", "&before=50001", "&after=99900", ""];
    let mut taken = Vec::new();
    // What is allocated once, is in the first round.
    for _ in 0..2 {
        taken.clear();
        for place in places {
            let (messages, bytes) = page(&setup, &format!("{path}{place}")).await;
            assert_eq!(messages, 100);
            taken.push(bytes);
        }
    }
    let (least, most) = (*taken.iter().min().unwrap(), *taken.iter().max().unwrap());
    eprintln!("bytes that a page of 100 KB takes at most: {taken:?}");
    assert!(most < least + least / 4, "first, middle and last page: {taken:?} bytes");
    assert!(most < 4 * 1024 * 1024, "{taken:?} bytes, and the history has 100 MB");
}
