use super::*;
use crate::TransportError;
use crate::recorder::{Outcome, Recorder, now};

const DONE: &str = r#"{"type":"ok","response":{"type":"execute","result":
    {"cols":[],"rows":[],"affected_row_count":0,"last_insert_rowid":null}}}"#;
const CLOSED: &str = r#"{"type":"ok","response":{"type":"close"}}"#;
const REJECTED: &str = r#"{"type":"error","error":{"message":"SQLite error: no such table: t","code":"SQLITE_UNKNOWN"}}"#;

fn autocommit(value: bool) -> String {
    format!(r#"{{"type":"ok","response":{{"type":"get_autocommit","is_autocommit":{value}}}}}"#)
}

fn reply(baton: &str, base_url: &str, results: &[&str]) -> Outcome {
    let results = results.join(",");
    Outcome::Answer(
        200,
        format!(r#"{{"baton":{baton},"base_url":{base_url},"results":[{results}]}}"#),
    )
}

fn kinds(recorder: &Recorder) -> Vec<String> {
    let kinds = |body: &serde_json::Value| {
        let requests = body["requests"].as_array().unwrap().iter();
        requests.map(|request| request["type"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
    };
    recorder
        .sent()
        .iter()
        .map(|sent| format!("{} {}", sent.body["baton"], kinds(&sent.body)))
        .collect()
}

#[test]
fn each_request_shows_the_baton_of_the_last_response() {
    let recorder = Recorder::new([
        reply(r#""b1""#, "null", &[DONE, &autocommit(false)]),
        reply(r#""b2""#, "null", &[REJECTED, &autocommit(false)]),
        reply("null", "null", &[DONE, CLOSED]),
    ]);
    let mut stream = recorder.client().interactive();
    assert!(stream.is_autocommit());
    now(stream.execute("BEGIN IMMEDIATE", vec![])).unwrap();
    assert!(!stream.is_autocommit());
    let error = now(stream.execute("DELETE FROM t", vec![])).unwrap_err();
    assert_eq!(error.to_string(), "no such table: t");
    now(stream.commit()).unwrap();
    assert_eq!(
        kinds(&recorder),
        ["null execute get_autocommit", r#""b1" execute get_autocommit"#, r#""b2" execute close"#]
    );
}

#[test]
fn dropping_a_stream_closes_it() {
    let recorder = Recorder::new([
        reply(r#""b1""#, "null", &[DONE, &autocommit(false)]),
        reply("null", "null", &[CLOSED]),
    ]);
    let mut stream = recorder.client().interactive();
    now(stream.execute("BEGIN", vec![])).unwrap();
    drop(stream);
    assert_eq!(kinds(&recorder)[1], r#""b1" close"#);
}

#[test]
fn an_unused_stream_costs_nothing() {
    let recorder = Recorder::new([]);
    drop(recorder.client().interactive());
    now(recorder.client().interactive().close()).unwrap();
    assert!(recorder.sent().is_empty());
}

#[test]
fn an_error_other_than_a_rejection_ends_the_stream() {
    let recorder = Recorder::new([
        reply(r#""b1""#, "null", &[DONE, &autocommit(false)]),
        Outcome::Failure(TransportError::Interrupted { message: "reset".into() }),
    ]);
    let mut stream = recorder.client().interactive();
    now(stream.execute("BEGIN", vec![])).unwrap();
    assert!(now(stream.execute("SELECT 1", vec![])).unwrap_err().may_have_executed());
    let error = now(stream.execute("SELECT 1", vec![])).unwrap_err();
    assert_eq!(error, HranaError::StreamClosed);
    // The baton is used up: not even a close is sent with it.
    drop(stream);
    assert_eq!(recorder.sent().len(), 2);
}

#[test]
fn a_stream_that_the_server_closed_is_closed() {
    let recorder = Recorder::new([reply("null", "null", &[DONE, &autocommit(true)])]);
    let mut stream = recorder.client().interactive();
    now(stream.execute("SELECT 1", vec![])).unwrap();
    assert_eq!(now(stream.execute("SELECT 1", vec![])), Err(HranaError::StreamClosed));
}

#[test]
fn an_idle_stream_expires_before_the_server_forgets_it() {
    let recorder = Recorder::new([
        reply(r#""b1""#, "null", &[DONE, &autocommit(false)]),
        reply("null", "null", &[CLOSED]),
    ]);
    let mut stream = recorder.client().interactive();
    now(stream.execute("BEGIN", vec![])).unwrap();
    if let State::Open(open) = &mut stream.state {
        open.used = open.used.checked_sub(IDLE_MAX + Duration::from_millis(1)).unwrap();
    }
    assert_eq!(now(stream.execute("SELECT 1", vec![])), Err(HranaError::StreamExpired));
    assert_eq!(kinds(&recorder)[1], r#""b1" close"#);
    assert_eq!(now(stream.execute("SELECT 1", vec![])), Err(HranaError::StreamClosed));
}

#[test]
fn a_stream_follows_its_base_url_to_another_https_host_and_nowhere_else() {
    let recorder = Recorder::new([
        reply(r#""b1""#, r#""https://eu.db.example.com/x""#, &[DONE, &autocommit(false)]),
        reply(r#""b2""#, r#""http://169.254.169.254""#, &[DONE, &autocommit(false)]),
    ]);
    let client = recorder.client();
    let mut stream = client.interactive();
    now(stream.execute("BEGIN", vec![])).unwrap();
    let error = now(stream.execute("SELECT 1", vec![])).unwrap_err();
    assert!(matches!(error, HranaError::Protocol { .. }));
    drop(stream);
    let urls: Vec<String> = recorder.sent().into_iter().map(|sent| sent.url).collect();
    assert_eq!(
        urls,
        ["https://db.example.com/v3/pipeline", "https://eu.db.example.com/x/v3/pipeline"]
    );
}
