//! spin:sqlite: values, rows, errors and grants, through both halves of the interface.

use e2e::conformance::{Application, Running};
use serde_json::{Value, json};

const GRANTED: &str = r#"sqlite_databases = ["default"]"#;

/// The outcomes of statements that run in turn on one connection.
async fn run(application: &Running, query: &str, statements: Value) -> Vec<Value> {
    let answer = application.client().post(&format!("/sqlite/run?{query}"), &statements).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["outcomes"].as_array().unwrap_or_else(|| panic!("{answer:?}")).clone()
}

#[tokio::test]
async fn every_type_of_value_comes_back_as_it_went_in() {
    let all_bytes: String = (0..=255_u8).map(|byte| format!("{byte:02x}")).collect();
    let values = json!([
        { "integer": 0 },
        { "integer": i64::MAX },
        { "integer": i64::MIN },
        { "real": "1.5" },
        { "real": "inf" },
        { "real": "-inf" },
        { "real": "5e-324" },
        { "text": "" },
        { "text": "Zwölf Boxkämpfer \u{1F94A} \u{0} after a zero" },
        { "blob": "" },
        { "blob": all_bytes },
        { "null": true },
    ]);
    let types = [
        "integer", "integer", "integer", "real", "real", "real", "real", "text", "text", "blob",
        "blob", "null",
    ];
    let application = Application::of("sqlite", GRANTED).start().await;
    for mode in ["sync", "async"] {
        let count = values.as_array().unwrap().len();
        let placeholders: Vec<_> = (1..=count).map(|at| format!("(?{at})")).collect();
        let insert = format!("INSERT INTO kept VALUES {}", placeholders.join(", "));
        let outcomes = run(
            &application,
            &format!("mode={mode}"),
            json!([
                { "sql": "DROP TABLE IF EXISTS kept" },
                { "sql": "CREATE TABLE kept (value ANY) STRICT" },
                { "sql": insert, "parameters": values },
                { "sql": "SELECT value, typeof(value) AS type FROM kept ORDER BY rowid" },
            ]),
        )
        .await;
        assert_eq!(outcomes[3]["columns"], json!(["value", "type"]), "{mode}");
        let rows = outcomes[3]["rows"].as_array().unwrap();
        assert_eq!(rows.len(), count, "{mode}");
        for (at, row) in rows.iter().enumerate() {
            assert_eq!(row[0], sent_as_read(&values[at]), "{mode}: value {at}");
            assert_eq!(row[1]["text"], types[at], "{mode}: type {at}");
        }
    }
}

/// The guest writes reals as Rust does.
fn sent_as_read(value: &Value) -> Value {
    match value["real"].as_str() {
        Some(text) => json!({ "real": text.parse::<f64>().unwrap().to_string() }),
        None => value.clone(),
    }
}

#[tokio::test]
async fn not_a_number_is_null_as_sqlite_has_it() {
    let application = Application::of("sqlite", GRANTED).start().await;
    let select = json!([{ "sql": "SELECT ?1", "parameters": [{ "real": "NaN" }] }]);
    let outcomes = run(&application, "", select).await;
    assert_eq!(outcomes[0]["rows"], json!([[{ "null": true }]]));
}

#[tokio::test]
async fn a_statement_reports_the_row_it_inserted_and_the_rows_it_changed() {
    let application = Application::of("sqlite", GRANTED).start().await;
    for mode in ["sync", "async"] {
        let outcomes = run(
            &application,
            &format!("mode={mode}"),
            json!([
                { "sql": "DROP TABLE IF EXISTS note" },
                { "sql": "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT) STRICT" },
                { "sql": "INSERT INTO note (id, text) VALUES (41, 'a'), (42, 'b')" },
                { "sql": "UPDATE note SET text = 'c'" },
                { "sql": "INSERT INTO note (text) VALUES ('d') RETURNING id" },
                { "sql": "DELETE FROM note WHERE id = 41" },
                { "sql": "SELECT count(*) FROM note" },
            ]),
        )
        .await;
        assert_eq!(outcomes[2]["last_insert_rowid"], 42, "{mode}");
        assert_eq!(outcomes[2]["changes"], 2, "{mode}");
        assert_eq!(outcomes[3]["changes"], 2, "{mode}");
        assert_eq!(outcomes[4]["rows"], json!([[{ "integer": 43 }]]), "{mode}");
        assert_eq!(outcomes[4]["last_insert_rowid"], 43, "{mode}");
        assert_eq!(outcomes[5]["changes"], 1, "{mode}");
        assert_eq!(outcomes[6]["rows"], json!([[{ "integer": 2 }]]), "{mode}");
    }
}

#[tokio::test]
async fn a_statement_without_rows_still_names_its_columns() {
    let application = Application::of("sqlite", GRANTED).start().await;
    for mode in ["sync", "async"] {
        let select = json!([{ "sql": "SELECT 1 AS one, 2 AS two WHERE 0" }]);
        let outcomes = run(&application, &format!("mode={mode}"), select).await;
        assert_eq!(outcomes[0]["columns"], json!(["one", "two"]), "{mode}");
        assert_eq!(outcomes[0]["rows"], json!([]), "{mode}");
    }
}

#[tokio::test]
async fn errors_of_sqlite_are_io_and_keep_its_words() {
    let application = Application::of("sqlite", GRANTED).start().await;
    for mode in ["sync", "async"] {
        let outcomes = run(
            &application,
            &format!("mode={mode}"),
            json!([
                { "sql": "DROP TABLE IF EXISTS child" },
                { "sql": "DROP TABLE IF EXISTS parent" },
                { "sql": "CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL) STRICT" },
                { "sql": "CREATE TABLE child (parent INTEGER REFERENCES parent) STRICT" },
                { "sql": "INSERT INTO parent VALUES (1, 'one')" },
                { "sql": "SELEKT 1" },
                { "sql": "SELECT * FROM nowhere" },
                { "sql": "INSERT INTO parent VALUES (2, 'one')" },
                { "sql": "INSERT INTO parent VALUES (3, NULL)" },
                { "sql": "INSERT INTO child VALUES (99)" },
                { "sql": "INSERT INTO child VALUES ('text')" },
                { "sql": "SELECT abs(-9223372036854775807 - 1)" },
            ]),
        )
        .await;
        for (at, words) in [
            (5, "near \"SELEKT\": syntax error"),
            (6, "no such table: nowhere"),
            (7, "UNIQUE constraint failed: parent.name"),
            (8, "NOT NULL constraint failed: parent.name"),
            (9, "FOREIGN KEY constraint failed"),
            (10, "cannot store TEXT value in INTEGER column child.parent"),
            (11, "integer overflow"),
        ] {
            assert_eq!(outcomes[at]["error"], "io", "{mode}: {words}");
            let message = outcomes[at]["message"].as_str().unwrap();
            assert!(message.contains(words), "{mode}: {message:?} has not {words:?}");
        }
    }
}

#[tokio::test]
async fn a_text_of_several_statements_is_refused_and_none_of_them_runs() {
    let application = Application::of("sqlite", GRANTED).start().await;
    for mode in ["sync", "async"] {
        let outcomes = run(
            &application,
            &format!("mode={mode}"),
            json!([
                { "sql": "CREATE TABLE IF NOT EXISTS note (text TEXT)" },
                { "sql": "INSERT INTO note VALUES ('a'); INSERT INTO note VALUES ('b')" },
                { "sql": "SELECT count(*) FROM note" },
                { "sql": "SELECT 1; -- a comment is no statement" },
            ]),
        )
        .await;
        assert_eq!(outcomes[1]["error"], "io", "{mode}: {outcomes:?}");
        assert_eq!(outcomes[2]["rows"], json!([[{ "integer": 0 }]]), "{mode}");
        assert_eq!(outcomes[3]["rows"], json!([[{ "integer": 1 }]]), "{mode}");
    }
}

#[tokio::test]
async fn a_full_database_is_database_full() {
    let application = Application::of("sqlite", GRANTED).start().await;
    for mode in ["sync", "async"] {
        let outcomes = run(
            &application,
            &format!("mode={mode}"),
            json!([
                { "sql": "CREATE TABLE IF NOT EXISTS heap (bytes BLOB)" },
                { "sql": "PRAGMA max_page_count = 20" },
                { "sql": "INSERT INTO heap VALUES (zeroblob(1000000))" },
                { "sql": "SELECT count(*) FROM heap" },
            ]),
        )
        .await;
        assert_eq!(outcomes[2]["error"], "database-full", "{mode}: {outcomes:?}");
        assert_eq!(outcomes[3]["rows"], json!([[{ "integer": 0 }]]), "{mode}");
    }
}

#[tokio::test]
async fn a_database_that_was_not_granted_is_access_denied() {
    let application = Application::new()
        .with("sqlite", r#"sqlite_databases = ["mine"]"#)
        .component("other", "sqlite", r#"sqlite_databases = ["theirs"]"#)
        .routed("route = \"/other/...\"\ncomponent = \"other\"")
        .runtime_config(
            r#"
            [sqlite_database.mine]
            type = "spin"
            path = "{directory}/mine.db"
            [sqlite_database.theirs]
            type = "spin"
            path = "{directory}/theirs.db"
            "#,
        )
        .start()
        .await;
    let client = application.client();
    for mode in ["sync", "async"] {
        for name in ["default", "theirs", "nowhere", "", "../mine", "mine.db"] {
            let path = format!("/sqlite/run?mode={mode}&database={name}");
            let answer = client.post(&path, &json!([])).await;
            assert_eq!(answer.body["open"]["error"], "access-denied", "{mode} {name:?}");
        }
        let path = format!("/sqlite/run?mode={mode}&database=mine");
        let answer = client.post(&path, &json!([{ "sql": "SELECT 1" }])).await;
        assert_eq!(answer.body["outcomes"][0]["rows"], json!([[{ "integer": 1 }]]), "{mode}");
    }
    assert!(application.directory().join("mine.db").exists());
}

#[tokio::test]
async fn a_guest_cannot_attach_or_write_other_files() {
    let application = Application::of("sqlite", GRANTED).start().await;
    let target = application.directory().join("stolen.db");
    let (attach, vacuum) = (
        format!("ATTACH DATABASE '{}' AS other", target.display()),
        format!("VACUUM INTO '{}'", target.display()),
    );
    for mode in ["sync", "async"] {
        let outcomes = run(
            &application,
            &format!("mode={mode}"),
            json!([
                { "sql": attach },
                { "sql": vacuum },
                { "sql": "SELECT load_extension('libm.so.6')" },
                { "sql": "PRAGMA temp_store_directory = '/etc'" },
                { "sql": "SELECT 1" },
            ]),
        )
        .await;
        for refused in &outcomes[..3] {
            assert_eq!(refused["error"], "io", "{mode}: {refused}");
        }
        assert_eq!(outcomes[4]["rows"], json!([[{ "integer": 1 }]]), "{mode}");
    }
    assert!(!target.exists(), "the guest wrote a file that it was not given");
}

#[tokio::test]
async fn a_component_sees_only_its_own_of_two_databases() {
    let application = Application::of("sqlite", r#"sqlite_databases = ["one", "two"]"#)
        .runtime_config(
            r#"
            [sqlite_database.one]
            type = "spin"
            path = "{directory}/one.db"
            [sqlite_database.two]
            type = "spin"
            "#,
        )
        .start()
        .await;
    let write = json!([{ "sql": "CREATE TABLE note (text TEXT)" }]);
    assert!(run(&application, "database=one", write).await[0]["error"].is_null());
    let read = json!([{ "sql": "SELECT count(*) FROM note" }]);
    let in_two = run(&application, "database=two", read.clone()).await;
    assert!(in_two[0]["message"].as_str().unwrap().contains("no such table"), "{in_two:?}");
    let in_one = run(&application, "database=one", read).await;
    assert_eq!(in_one[0]["rows"], json!([[{ "integer": 0 }]]));
}

#[tokio::test]
async fn a_hundred_thousand_rows_pass_in_a_guest_of_a_few_megabytes() {
    let application = Application::of("sqlite", GRANTED).start().await;
    let rows = json!({
        "sql": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
                SELECT i, printf('%0500d', i) FROM n",
    });
    let answer = application.client().post("/sqlite/count", &rows).await;
    assert_eq!(answer.body["rows"], 100_000, "{answer:?}");
    assert_eq!(answer.body["sum"], 5_000_050_000_i64);
    // All rows together are 50 MB.
    let memory = answer.body["memory_bytes"].as_u64().unwrap();
    assert!(memory < 16 << 20, "the guest needed {memory} bytes");
}

#[tokio::test]
async fn an_error_after_the_first_rows_is_told_after_them() {
    let application = Application::of("sqlite", GRANTED).start().await;
    let rows = json!({
        "sql": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
                SELECT CASE WHEN i = 5000 THEN abs(-9223372036854775807 - 1) ELSE i END FROM n",
    });
    let answer = application.client().post("/sqlite/count", &rows).await;
    assert_eq!(answer.body["error"], "io", "{answer:?}");
    assert!(answer.body["message"].as_str().unwrap().contains("integer overflow"), "{answer:?}");
}

#[tokio::test]
async fn rows_that_nobody_reads_do_not_block_the_connection() {
    let application = Application::of("sqlite", GRANTED).start().await;
    let endless = json!({
        "sql": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
    });
    for _ in 0..8 {
        let answer = application.client().post("/sqlite/abandon", &endless).await;
        assert_eq!(answer.body["first"], json!([{ "integer": 1 }]), "{answer:?}");
        assert_eq!(answer.body["after"], json!([[{ "text": "after" }]]));
    }
}

#[tokio::test]
async fn statements_of_one_request_run_at_the_same_time() {
    let application = Application::of("sqlite", GRANTED).start().await;
    run(&application, "", json!([{ "sql": "CREATE TABLE note (n INTEGER)" }])).await;
    let inserts: Vec<_> = (0..100)
        .map(|n| json!({ "sql": "INSERT INTO note VALUES (?1)", "parameters": [{ "integer": n }] }))
        .collect();
    let answer = application.client().post("/sqlite/together", &json!(inserts)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let counted = run(&application, "", json!([{ "sql": "SELECT count(*), sum(n) FROM note" }]));
    assert_eq!(counted.await[0]["rows"], json!([[{ "integer": 100 }, { "integer": 4950 }]]));
}

#[tokio::test]
async fn a_guest_gets_only_so_many_connections_and_the_next_request_gets_them_again() {
    let application = Application::of("sqlite", GRANTED).start().await;
    for mode in ["sync", "async"] {
        for round in 0..2 {
            let path = format!("/sqlite/connections?count=20000&mode={mode}");
            let answer = application.client().get(&path).await;
            assert_eq!(answer.status, 200, "{mode} {round}: {answer:?}");
            let opened = answer.body["opened"].as_u64().unwrap();
            assert!((16..20_000).contains(&opened), "{mode} {round}: {answer:?}");
            assert_eq!(answer.body["refused"]["error"], "io", "{mode} {round}: {answer:?}");
        }
    }
}
