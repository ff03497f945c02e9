//! What the server does, said in the words of the protocol.

use hrana::{HyperOptions, HyperTransport, Limits, Response, Transport};
use serde_json::{Value as Json, json};
use testing::HranaServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server;

async fn post(server: &HranaServer, path: &str, body: &str) -> Response {
    let transport = HyperTransport::new(HyperOptions::default()).unwrap();
    let url = format!("{}{path}", server.url());
    transport.post(&url, None, body.as_bytes().to_vec(), Limits::default()).await.unwrap()
}

async fn pipeline(server: &HranaServer, baton: Option<&str>, requests: Json) -> Json {
    let body = json!({ "baton": baton, "requests": requests });
    let response = post(server, "/v3/pipeline", &body.to_string()).await;
    assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
    serde_json::from_slice(&response.body).unwrap()
}

fn execute(sql: &str) -> Json {
    json!({ "type": "execute", "stmt": { "sql": sql } })
}

fn text(response: &Response) -> String {
    format!("{} {}", response.status, String::from_utf8_lossy(&response.body))
}

/// The status of a GET.
async fn probe(server: &HranaServer, path: &str) -> String {
    let address = server.url().strip_prefix("http://").unwrap().to_owned();
    let mut socket = TcpStream::connect(&address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    socket.read_to_string(&mut response).await.unwrap();
    response.split(' ').nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn probes_tell_which_versions_are_spoken() {
    let server = server().await;
    for (path, status) in [("/v2", "200"), ("/v3", "200"), ("/v3-protobuf", "404"), ("/v4", "404")]
    {
        assert_eq!(probe(&server, path).await, status, "{path}");
    }
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn malformed_requests_get_400_in_plain_text() {
    let server = server().await;
    for body in ["", "{}", "[]", r#"{"baton":null,"requests":[{"type":"unheard_of"}]}"#] {
        let response = post(&server, "/v3/pipeline", body).await;
        assert!(
            text(&response).starts_with("400 Cannot deserialize client message from JSON: "),
            "{body}"
        );
    }
    let closed = r#"{"baton":null,"requests":[{"type":"close"},{"type":"execute","stmt":{"sql":"SELECT 1"}}]}"#;
    assert_eq!(
        text(&post(&server, "/v3/pipeline", closed).await),
        "400 Stream for this baton was closed"
    );
    let old = r#"{"baton":null,"requests":[{"type":"get_autocommit"}]}"#;
    assert_eq!(
        text(&post(&server, "/v2/pipeline", old).await),
        "400 The `get_autocommit` request is only supported in protocol version hrana3 and higher"
    );
    assert_eq!(post(&server, "/v3-protobuf/pipeline", "").await.status, 404);
    assert_eq!(server.open_streams(), 0);
}

#[tokio::test]
async fn a_baton_serves_once() {
    let server = server().await;
    let first = pipeline(&server, None, json!([execute("SELECT 1")])).await;
    let baton = first["baton"].as_str().unwrap();
    let second = pipeline(&server, Some(baton), json!([execute("SELECT 2")])).await;
    assert_ne!(second["baton"], first["baton"]);
    assert_eq!(second["base_url"], Json::Null);
    let again = json!({ "baton": baton, "requests": [] }).to_string();
    assert_eq!(
        text(&post(&server, "/v3/pipeline", &again).await),
        "400 Received a baton that has already been used"
    );
    for invented in ["", "x", "0000000000000001.00000000000000000000000000000001"] {
        let body = json!({ "baton": invented, "requests": [] }).to_string();
        assert_eq!(
            text(&post(&server, "/v3/pipeline", &body).await),
            "400 Received an invalid baton"
        );
    }
    let closed = pipeline(&server, second["baton"].as_str(), json!([{ "type": "close" }])).await;
    assert_eq!(closed["baton"], Json::Null);
    assert_eq!(server.open_streams(), 0);
}

#[tokio::test]
async fn every_request_of_a_pipeline_runs_even_after_an_error() {
    let server = server().await;
    let reply = pipeline(
        &server,
        None,
        json!([
            { "type": "store_sql", "sql_id": 1, "sql": "SELECT 41 + ?1 AS answer" },
            execute("VACUUM"),
            { "type": "execute", "stmt": { "sql_id": 1, "args": [{ "type": "integer", "value": "1" }] } },
            { "type": "sequence", "sql": "CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('x'); -- done" },
            { "type": "describe", "sql": "SELECT a, :b FROM t" },
            { "type": "close_sql", "sql_id": 1 },
            { "type": "get_autocommit" },
            { "type": "close" },
        ]),
    )
    .await;
    let results = reply["results"].as_array().unwrap();
    let kinds: Vec<&str> = results.iter().map(|result| result["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["ok", "error", "ok", "ok", "ok", "ok", "ok", "ok"], "{reply:#}");
    assert_eq!(results[1]["error"]["code"], "SQL_PARSE_ERROR");
    assert_eq!(
        results[2]["response"]["result"]["rows"],
        json!([[{ "type": "integer", "value": "42" }]])
    );
    let described = &results[4]["response"]["result"];
    assert_eq!(described["params"], json!([{ "name": ":b" }]));
    assert_eq!(described["cols"][0], json!({ "name": "a", "decltype": "TEXT" }));
    assert_eq!(
        (&described["is_readonly"], &described["is_explain"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(results[6]["response"]["is_autocommit"], json!(true));
}

#[tokio::test]
async fn arguments_must_match_the_parameters_of_the_statement() {
    let server = server().await;
    let one = json!({ "type": "integer", "value": "1" });
    let named = json!({ "name": "a", "value": one });
    let stmt = |sql: &str, args: Json, named_args: Json| json!({ "type": "execute", "stmt": { "sql": sql, "args": args, "named_args": named_args } });
    let reply = pipeline(
        &server,
        None,
        json!([
            stmt("SELECT ?1, :a", json!([one]), json!([named])),
            stmt("SELECT ?1", json!([]), json!([])),
            stmt("SELECT ?1", json!([one, one]), json!([])),
            stmt("SELECT ?2, ?1", json!([one, { "type": "text", "value": "two" }]), json!([])),
            stmt("SELECT :a, $a", json!([]), json!([named])),
        ]),
    )
    .await;
    let results = &reply["results"];
    assert_eq!(results[0]["error"]["code"], "ARGS_BOTH_POSITIONAL_AND_NAMED");
    assert_eq!(results[1]["error"]["code"], "ARGS_INVALID");
    assert_eq!(results[2]["error"]["code"], "ARGS_INVALID");
    assert_eq!(
        results[3]["response"]["result"]["rows"],
        json!([[{ "type": "text", "value": "two" }, one]])
    );
    assert_eq!(results[4]["response"]["result"]["rows"], json!([[one, one]]));
}

#[tokio::test]
async fn the_steps_of_a_batch_obey_their_conditions() {
    let server = server().await;
    let step =
        |sql: &str, condition: Json| json!({ "stmt": { "sql": sql }, "condition": condition });
    let ok = |step: u32| json!({ "type": "ok", "step": step });
    let error = |step: u32| json!({ "type": "error", "step": step });
    let batch = json!({ "steps": [
        step("SELECT 0", Json::Null),
        step("SELECT * FROM missing", ok(0)),
        step("SELECT 2", ok(1)),
        step("SELECT 3", error(1)),
        step("SELECT 4", json!({ "type": "not", "cond": ok(1) })),
        step("SELECT 5", json!({ "type": "and", "conds": [ok(0), ok(1)] })),
        step("SELECT 6", json!({ "type": "or", "conds": [ok(0), ok(1)] })),
        step("BEGIN", json!({ "type": "is_autocommit" })),
        step("SELECT 8", json!({ "type": "is_autocommit" })),
        step("SELECT 9", error(2)),
    ] });
    let reply =
        pipeline(&server, None, json!([{ "type": "batch", "batch": batch }, { "type": "close" }]))
            .await;
    let result = &reply["results"][0]["response"]["result"];
    let ran: Vec<usize> = (0..10).filter(|&step| !result["step_results"][step].is_null()).collect();
    assert_eq!(ran, [0, 3, 4, 6, 7]);
    let failed: Vec<usize> =
        (0..10).filter(|&step| !result["step_errors"][step].is_null()).collect();
    assert_eq!(failed, [1]);
    let forward = json!({ "steps": [step("SELECT 1", ok(0))] });
    let body =
        json!({ "baton": null, "requests": [{ "type": "batch", "batch": forward }] }).to_string();
    assert_eq!(
        text(&post(&server, "/v3/pipeline", &body).await),
        "400 Invalid reference to step in a batch condition"
    );
}

#[tokio::test]
async fn the_features_that_the_schema_relies_on_are_there() {
    let server = server().await;
    let reply = pipeline(
        &server,
        None,
        json!([
            { "type": "sequence", "sql": "
                CREATE TABLE parent (id INTEGER PRIMARY KEY) STRICT;
                CREATE TABLE child (
                    parent_id INTEGER NOT NULL REFERENCES parent (id) ON DELETE CASCADE,
                    body TEXT NOT NULL CHECK (json_valid(body)),
                    kind TEXT GENERATED ALWAYS AS (body ->> '$.kind') STORED
                ) STRICT;
                CREATE VIRTUAL TABLE found USING fts5(body);
                CREATE TRIGGER child_found AFTER INSERT ON child BEGIN
                    INSERT INTO found (body) VALUES (new.body);
                END;
                INSERT INTO parent VALUES (1);
                INSERT INTO child (parent_id, body) VALUES (1, '{\"kind\":\"selvage\"}');" },
            execute("SELECT kind FROM child WHERE EXISTS (SELECT 1 FROM found WHERE found MATCH 'selvage')"),
            execute("INSERT INTO child (parent_id, body) VALUES (2, '{}')"),
            execute("INSERT INTO parent VALUES (1) ON CONFLICT (id) DO UPDATE SET id = 7 RETURNING id"),
            execute("DELETE FROM parent"),
        ]),
    )
    .await;
    let results = &reply["results"];
    assert_eq!(results[0]["type"], "ok", "{reply:#}");
    assert_eq!(
        results[1]["response"]["result"]["rows"],
        json!([[{ "type": "text", "value": "selvage" }]])
    );
    assert_eq!(results[2]["error"]["message"], "SQLite error: FOREIGN KEY constraint failed");
    // Its key is referenced, so it may not change.
    assert_eq!(results[3]["error"]["code"], "SQLITE_CONSTRAINT");
    assert_eq!(results[4]["response"]["result"]["affected_row_count"], 1);
}
