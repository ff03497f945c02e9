//! Hostile queries of `GET /api/search`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use axum::http::StatusCode;
use support::{setup, url};

/// What would mean something to FTS5, SQL, HTML or a shell.
const PIECES: &[&str] = &[
    "\"",
    "\"\"",
    "'",
    "''",
    "`",
    "*",
    "^",
    "(",
    ")",
    "()",
    "{",
    "}",
    ":",
    "-",
    "+",
    "AND",
    "OR",
    "NOT",
    "NEAR",
    "NEAR(",
    "NEAR(a b, 2)",
    "scope :",
    "text:",
    "{scope text}:",
    "scope : \"x\"",
    "a*",
    "^a",
    "a AND",
    "OR b",
    "NOT",
    "a NOT b",
    "\0",
    "a\0b",
    "\u{1}",
    "\u{2}",
    "\u{3}",
    "\u{7f}",
    "\u{feff}",
    "\u{200f}",
    "\u{301}",
    "é",
    "ß",
    "東京",
    "🦀",
    "👩‍👩‍👧",
    "\u{10ffff}",
    "%",
    "_",
    "\\",
    "\\\"",
    "/",
    "//",
    "--",
    "; DROP TABLE message",
    "' OR 1=1 --",
    "?1",
    ":a",
    "$x",
    "@y",
    "<mark>",
    "</mark><script>",
    "&amp;",
    "\r\n",
    "\t",
    " ",
    "rowid",
    "rank",
    "search_index",
    "integrity-check",
    "NULL",
    "0x00",
    "1e999",
];

/// Five hundred queries made of them, of every length.
#[tokio::test]
async fn hostile_queries_are_data() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    setup
        .append(&conversation, &["the AND or NOT near scope text \" ' quoted \u{1f980} crab 東京"])
        .await;
    let mut queries = vec![
        "x".repeat(1_000),
        "\"".repeat(1_000),
        "(".repeat(1_000),
        "a ".repeat(500),
        "a AND ".repeat(160),
        "🦀".repeat(1_000),
        "x".repeat(10_000),
        "\" ".repeat(5_000),
    ];
    queries.extend(PIECES.iter().map(|piece| (*piece).to_owned()));
    let mut n = 7_usize;
    while queries.len() < 500 {
        n = n.wrapping_mul(48_271) % 2_147_483_647;
        let count = 1 + n % 5;
        let query: String = (0..count)
            .map(|k| PIECES[(n / 7_usize.pow(u32::try_from(k).unwrap())) % PIECES.len()])
            .collect::<Vec<_>>()
            .join(if n.is_multiple_of(2) { " " } else { "" });
        queries.push(query);
    }
    for query in &queries {
        let answer = setup.ada.get(&url(&[("q", query)])).await;
        let expected = if 1_000 < query.chars().count() {
            StatusCode::UNPROCESSABLE_ENTITY
        } else {
            StatusCode::OK
        };
        assert_eq!(answer.status, expected, "{query:?} {}", answer.body);
    }
    assert_eq!(queries.len(), 500);
    let found = setup.ada.get(&url(&[("q", "東京 crab NOT"), ("role", "user")])).await;
    assert_eq!(found.body["data"].as_array().unwrap().len(), 1);
}
