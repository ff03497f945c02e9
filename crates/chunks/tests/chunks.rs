//! Chunks as they are kept and given.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use chunks::{CHUNK_BYTES_MAX, ChunkError, ChunkStore, KeyValueChunks, Prefix, count};

fn is_damaged(result: &Result<Vec<u8>, ChunkError>, missing: bool) -> bool {
    matches!(result, Err(ChunkError::Damaged { is_missing, .. }) if *is_missing == missing)
}

#[tokio::test]
async fn what_is_missing_changed_or_in_another_s_place_is_no_data() {
    let chunks = KeyValueChunks::in_memory().unwrap();
    let store = ChunkStore::from(chunks.clone());
    let prefix = Prefix::new("acct_1", "file_1", "part_1");
    let first = store.put(&prefix, 0, b"first".to_vec()).await.unwrap();
    let second = store.put(&prefix, 1, b"second".to_vec()).await.unwrap();
    assert_eq!(store.get(&prefix, 0, &first).await.unwrap(), b"first");
    assert!(is_damaged(&store.get(&prefix, 0, &second).await, false));
    assert!(is_damaged(&store.get(&prefix, 2, &second).await, true));
    let other = Prefix::new("acct_2", "file_1", "part_1");
    assert!(is_damaged(&store.get(&other, 0, &first).await, true));
    for bit in 0..8 * 6 {
        let mut bytes = b"second".to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        chunks.set("acct_1/file_1/part_1/1", bytes).await.unwrap();
        assert!(is_damaged(&store.get(&prefix, 1, &second).await, false), "bit {bit}");
    }
}

#[tokio::test]
async fn removal_takes_what_is_there_and_may_be_repeated() {
    let chunks = KeyValueChunks::in_memory().unwrap();
    let store = ChunkStore::from(chunks.clone());
    let (one, other) = (Prefix::new("a", "f", "p"), Prefix::new("a", "f", "q"));
    for prefix in [&one, &other] {
        store.put(prefix, 0, vec![1]).await.unwrap();
        store.put(prefix, 1, vec![2]).await.unwrap();
    }
    store.remove(&one, 5).await.unwrap();
    store.remove(&one, 5).await.unwrap();
    assert_eq!(chunks.keys().await.unwrap(), ["a/f/q/0", "a/f/q/1"]);
}

#[tokio::test]
async fn a_store_that_is_away_says_so() {
    let chunks = KeyValueChunks::in_memory().unwrap();
    let store = ChunkStore::from(chunks.clone());
    chunks.close().await.unwrap();
    let put = store.put(&Prefix::new("a", "f", "p"), 0, vec![1]).await;
    assert!(matches!(put, Err(ChunkError::Unavailable(_))));
}

#[test]
fn sizes_are_counted_in_chunks() {
    let max = CHUNK_BYTES_MAX as u64;
    for (bytes, chunks) in [(0, 0), (1, 1), (max - 1, 1), (max, 1), (max + 1, 2), (100 * max, 100)]
    {
        assert_eq!(count(bytes), chunks, "{bytes}");
    }
}
