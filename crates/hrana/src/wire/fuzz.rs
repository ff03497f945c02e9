//! Bytes from a hostile server: nothing may panic, whatever comes.

use super::*;
use crate::{HranaError, batch};

const VALID: &[&str] = &[
    r#"{"baton":"b","base_url":"https://x.example.com","results":[{"type":"ok","response":{"type":"execute","result":{"cols":[{"name":"a","decltype":"TEXT"}],"rows":[[{"type":"integer","value":"-9223372036854775808"}],[{"type":"float","value":1e300}],[{"type":"text","value":"\u0000\ud83d\ude00"}],[{"type":"blob","base64":"AP/+"}],[{"type":"null"}]],"affected_row_count":1,"last_insert_rowid":"7","replication_index":"3"}}},{"type":"error","error":{"message":"SQLite error: x","code":"SQLITE_ERROR"}}]}"#,
    r#"{"baton":null,"base_url":null,"results":[{"type":"ok","response":{"type":"batch","result":{"step_results":[{"cols":[],"rows":[],"affected_row_count":0,"last_insert_rowid":null},null,null,null],"step_errors":[null,{"message":"m","code":"c"},null,null],"replication_index":null}}},{"type":"ok","response":{"type":"get_autocommit","is_autocommit":true}}]}"#,
];
/// What JSON is made of, and what numbers and texts break on.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "null",
    "true",
    "-",
    "1e999",
    "-0",
    "99999999999999999999",
    "\\u0000",
    "\\ud800",
    "\"type\":\"none\"",
    "\"type\":\"row\"",
    "=",
    "\u{feff}",
    "\n",
];
const ROUNDS: usize = 20_000;

/// `SplitMix64`, so that a seed reproduces a run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }
}

/// A new seed for each run; the output names it, and `HRANA_SEED` repeats it.
fn seed() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a test's own switch, not configuration")]
    let given = std::env::var("HRANA_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| {
        use std::hash::{BuildHasher, RandomState};
        RandomState::new().hash_one(())
    });
    #[expect(clippy::print_stderr, reason = "the seed of a failed run must be known")]
    {
        eprintln!("HRANA_SEED={seed}");
    }
    seed
}

/// Everything that is done with a response; the result does not matter.
fn digest(bytes: &[u8]) {
    for requests in 0..3 {
        if let Ok(mut reply) = Reply::parse(bytes, requests) {
            let _ = reply.execute();
            let _ = reply.autocommit();
        }
        if let Ok(mut reply) = Reply::parse(bytes, requests)
            && let Ok(result) = reply.batch()
        {
            let _ = batch::atomic_result(result, 1);
        }
    }
    let _ = HranaError::from_status(500, bytes);
}

#[test]
fn arbitrary_bytes_never_panic() {
    let mut random = Random(seed());
    for _ in 0..ROUNDS {
        let length = random.below(200);
        let bytes: Vec<u8> = (0..length).map(|_| random.next().to_le_bytes()[0]).collect();
        digest(&bytes);
    }
}

#[test]
fn mutated_responses_never_panic() {
    let mut random = Random(seed());
    for _ in 0..ROUNDS {
        let mut bytes = VALID[random.below(VALID.len())].as_bytes().to_vec();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            match random.below(4) {
                0 => bytes[at] = random.next().to_le_bytes()[0],
                1 => bytes.truncate(at.max(1)),
                2 => {
                    let piece = PIECES[random.below(PIECES.len())].bytes();
                    bytes.splice(at..at, piece);
                }
                _ => {
                    let end = (at + random.below(40)).min(bytes.len());
                    let copy = bytes[at..end].to_vec();
                    let to = random.below(bytes.len());
                    bytes.splice(to..to, copy);
                }
            }
        }
        digest(&bytes);
    }
}

#[test]
fn the_valid_responses_are_valid() {
    let mut reply = Reply::parse(VALID[0].as_bytes(), 2).unwrap();
    assert_eq!(reply.execute().unwrap().rows.len(), 5);
    assert_eq!(reply.autocommit().unwrap_err().to_string(), "x");
    let mut reply = Reply::parse(VALID[1].as_bytes(), 2).unwrap();
    assert_eq!(batch::atomic_result(reply.batch().unwrap(), 1).unwrap_err().to_string(), "m");
    assert!(reply.autocommit().unwrap());
}

#[test]
fn deep_nesting_is_an_error() {
    let deep = "[".repeat(1_000_000);
    assert!(Reply::parse(deep.as_bytes(), 1).is_err());
}
