//! spin:key-value: every function, errors and grants.

use e2e::conformance::{Application, Running};
use serde_json::{Value, json};

const GRANTED: &str = r#"key_value_stores = ["default"]"#;

async fn run(application: &Running, query: &str, operations: Value) -> Value {
    let path = format!("/keyvalue/run?{query}");
    let answer = application.client().post(&path, &operations).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["outcomes"].clone()
}

#[tokio::test]
async fn every_function_does_what_it_says() {
    let application = Application::of("keyvalue", GRANTED).start().await;
    let outcomes = run(
        &application,
        "",
        json!([
            ["get", "a"],
            ["exists", "a"],
            ["get_keys"],
            ["delete", "a"],
            ["set", "a", "first"],
            ["set", "b", ""],
            ["get", "a"],
            ["get", "b"],
            ["exists", "a"],
            ["exists", "b"],
            ["set", "a", "second"],
            ["get", "a"],
            ["get_keys"],
            ["delete", "a"],
            ["get", "a"],
            ["exists", "a"],
            ["get_keys"],
        ]),
    )
    .await;
    let expected = json!([
        null,
        false,
        [],
        null,
        null,
        null,
        "first",
        "",
        true,
        true,
        null,
        "second",
        ["a", "b"],
        null,
        null,
        false,
        ["b"],
    ]);
    assert_eq!(outcomes, expected);
}

#[tokio::test]
async fn keys_and_values_may_be_anything() {
    let application = Application::of("keyvalue", GRANTED).start().await;
    let strange = "a/b\u{0}c ä\u{1F510}%_'\";--";
    let outcomes = run(
        &application,
        "",
        json!([
            ["set", strange, "under a strange key"],
            ["get", strange],
            ["set", "", "under no key"],
            ["get", ""],
            ["fill", "bytes", 1024],
            ["get", "bytes"],
            ["get_keys"],
        ]),
    )
    .await;
    assert_eq!(outcomes[1], "under a strange key");
    assert_eq!(outcomes[3], "under no key");
    assert_eq!(outcomes[5], json!({ "bytes": 1024, "filled": true }));
    assert_eq!(outcomes[6], json!(["", strange, "bytes"]));
}

#[tokio::test]
async fn a_value_of_a_megabyte_is_kept() {
    let application = Application::of("keyvalue", GRANTED).start().await;
    let outcomes = run(&application, "", json!([["fill", "big", 1 << 20], ["get", "big"]])).await;
    assert_eq!(outcomes[1], json!({ "bytes": 1 << 20, "filled": true }));
}

#[tokio::test]
async fn thousands_of_keys_are_all_listed() {
    let application = Application::of("keyvalue", GRANTED).start().await;
    let keys: Vec<String> = (0..3000).map(|n| format!("key-{n:04}")).collect();
    let sets: Vec<_> = keys.iter().map(|key| json!(["set", key, "x"])).collect();
    run(&application, "", json!(sets)).await;
    let outcomes = run(&application, "", json!([["get_keys"]])).await;
    assert_eq!(outcomes[0], json!(keys));
}

#[tokio::test]
async fn what_was_set_survives_a_restart() {
    let application = Application::of("keyvalue", GRANTED).start().await;
    run(&application, "", json!([["set", "kept", "value"]])).await;
    let application = application.stop().await.start().await;
    assert_eq!(run(&application, "", json!([["get", "kept"]])).await, json!(["value"]));
}

#[tokio::test]
async fn stores_are_apart_from_each_other() {
    let application = Application::of("keyvalue", r#"key_value_stores = ["one", "two"]"#)
        .runtime_config(
            r#"
            [key_value_store.one]
            type = "spin"
            path = "one.db"
            [key_value_store.two]
            type = "spin"
            path = "two.db"
            "#,
        )
        .start()
        .await;
    run(&application, "store=one", json!([["set", "a", "in one"]])).await;
    assert_eq!(run(&application, "store=two", json!([["get", "a"]])).await, json!([null]));
    assert_eq!(run(&application, "store=one", json!([["get", "a"]])).await, json!(["in one"]));
}

#[tokio::test]
async fn two_components_share_a_store_that_both_were_granted() {
    let application = Application::of("keyvalue", GRANTED)
        .component("second", "keyvalue", GRANTED)
        .routed("route = \"/second/...\"\ncomponent = \"second\"")
        .start()
        .await;
    run(&application, "", json!([["set", "a", "from the first"]])).await;
    let answer = application.client().post("/second/run", &json!([["get", "a"]])).await;
    assert_eq!(answer.body["outcomes"], json!(["from the first"]));
}

#[tokio::test]
async fn a_store_that_was_not_granted_is_access_denied() {
    let application = Application::of("keyvalue", GRANTED)
        .component("none", "keyvalue", "")
        .routed("route = \"/none/...\"\ncomponent = \"none\"")
        .start()
        .await;
    let client = application.client();
    for (route, store) in
        [("keyvalue", "other"), ("keyvalue", ""), ("keyvalue", "../default"), ("none", "default")]
    {
        let answer = client.post(&format!("/{route}/run?store={store}"), &json!([])).await;
        assert_eq!(answer.body["open"]["error"], "access-denied", "{route} {store:?}");
    }
}

#[tokio::test]
async fn a_guest_gets_only_so_many_stores() {
    let application = Application::of("keyvalue", GRANTED).start().await;
    for round in 0..2 {
        let answer = application.client().get("/keyvalue/stores?count=20000").await;
        assert_eq!(answer.body["refused"]["error"], "store-table-full", "{round}: {answer:?}");
        assert!(answer.body["opened"].as_u64().unwrap() >= 16, "{round}: {answer:?}");
    }
}
