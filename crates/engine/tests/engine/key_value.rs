use engine::{KeyValue, Options};
use tokio::task::JoinSet;

async fn keys(stores: &KeyValue, store: &str) -> Vec<String> {
    let mut stream = stores.keys(store).await.expect("keys");
    let mut keys = Vec::new();
    while let Some(chunk) = stream.next().await.expect("keys") {
        keys.extend(chunk);
    }
    keys
}

#[tokio::test]
async fn values_are_set_replaced_read_and_deleted_per_store() {
    let stores = KeyValue::in_memory(KeyValue::options()).expect("stores");
    assert_eq!(stores.get("a", "k").await.expect("a read"), None);
    assert!(!stores.exists("a", "k").await.expect("a read"));
    stores.set("a", "k", b"one".to_vec()).await.expect("a write");
    stores.set("b", "k", vec![0, 255, 0]).await.expect("a write");
    stores.set("a", "k", b"two".to_vec()).await.expect("a write");
    stores.set("a", "", vec![]).await.expect("an empty key and value");
    assert_eq!(stores.get("a", "k").await.expect("a read"), Some(b"two".to_vec()));
    assert_eq!(stores.get("b", "k").await.expect("a read"), Some(vec![0, 255, 0]));
    assert_eq!(stores.get("a", "").await.expect("a read"), Some(vec![]));
    assert!(stores.exists("b", "k").await.expect("a read"));
    assert_eq!(keys(&stores, "a").await, ["", "k"]);
    stores.delete("a", "k").await.expect("a delete");
    stores.delete("a", "k").await.expect("nothing to delete");
    assert_eq!(stores.get("a", "k").await.expect("a read"), None);
    assert!(stores.exists("b", "k").await.expect("a read"));
    assert_eq!(keys(&stores, "none").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_keys_are_streamed_in_order_and_survive_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("kv.db");
    let stores = KeyValue::open(&path, KeyValue::options()).expect("stores");
    let mut writers = JoinSet::new();
    for writer in 0..20 {
        let stores = stores.clone();
        writers.spawn(async move {
            for number in 0..100 {
                stores
                    .set("s", &format!("{writer:02}.{number:03}"), vec![7; 100])
                    .await
                    .expect("a write");
            }
        });
    }
    writers.join_all().await;
    assert!(stores.metrics().groups < stores.metrics().grouped);
    stores.close().await.expect("closed");

    let stores = KeyValue::open(&path, KeyValue::options()).expect("stores");
    let keys = keys(&stores, "s").await;
    assert_eq!(keys.len(), 2000);
    assert!(keys.is_sorted());
    let too_large =
        KeyValue::in_memory(Options { result_bytes_max: 1 << 10, ..KeyValue::options() });
    let error =
        too_large.expect("stores").set("s", "k", vec![0; 4096]).await.expect_err("too large");
    assert_eq!(error, engine::EngineError::TooLarge);
}
