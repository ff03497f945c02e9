use super::*;
use crate::recorder::{Outcome, Recorder, now};

const ROW: &str = r#"{"baton":null,"base_url":null,"results":[
    {"type":"ok","response":{"type":"execute","result":{"cols":[{"name":"a","decltype":"TEXT"},{"name":null}],
        "rows":[[{"type":"text","value":"x"},{"type":"integer","value":"-5"}]],
        "affected_row_count":0,"last_insert_rowid":null,"rows_read":1,"rows_written":0,"query_duration_ms":0.1}}},
    {"type":"ok","response":{"type":"close"}}]}"#;

fn ok(body: &str) -> Outcome {
    Outcome::Answer(200, body.to_owned())
}

fn refused() -> Outcome {
    Outcome::Failure(TransportError::Unreachable { message: "connection refused".into() })
}

fn broken() -> Outcome {
    Outcome::Failure(TransportError::Interrupted { message: "connection reset".into() })
}

#[test]
fn a_statement_opens_uses_and_closes_its_stream_in_one_request() {
    let recorder = Recorder::new([ok(ROW)]);
    let result = now(recorder.client().execute("SELECT a, ?1", vec![Value::Integer(-5)])).unwrap();
    assert_eq!(result.columns, ["a", ""]);
    assert_eq!(result.rows, [[Value::from("x"), Value::Integer(-5)]]);
    let [sent] = &recorder.sent()[..] else { panic!("one request") };
    assert_eq!(sent.url, "https://db.example.com/v3/pipeline");
    assert_eq!(sent.token.as_deref(), Some("t0ken"));
    assert_eq!(sent.body["baton"], serde_json::Value::Null);
    assert_eq!(sent.body["requests"][0]["stmt"]["sql"], "SELECT a, ?1");
    assert_eq!(sent.body["requests"][0]["stmt"]["args"][0]["value"], "-5");
    assert_eq!(sent.body["requests"][1]["type"], "close");
}

#[test]
fn an_empty_batch_asks_nobody() {
    assert_eq!(now(Recorder::new([]).client().batch(Vec::new())), Ok(Vec::new()));
}

#[test]
fn a_refused_connection_is_tried_three_times_for_any_statement() {
    let recorder = Recorder::new([refused(), refused(), ok(ROW)]);
    now(recorder.client().execute("DELETE FROM t", vec![])).unwrap();
    assert_eq!((recorder.sent().len(), recorder.pauses()), (3, 2));

    let recorder = Recorder::new([refused(), refused(), refused()]);
    let error = now(recorder.client().execute("SELECT 1", vec![])).unwrap_err();
    assert!(error.is_unavailable() && !error.may_have_executed());
    assert_eq!(recorder.sent().len(), 3);
}

#[test]
fn a_broken_connection_repeats_reads_and_never_writes() {
    let recorder = Recorder::new([broken(), ok(ROW)]);
    now(recorder.client().execute("SELECT 1", vec![])).unwrap();
    assert_eq!(recorder.sent().len(), 2);

    let recorder = Recorder::new([broken()]);
    let error = now(recorder.client().execute("INSERT INTO t VALUES (1)", vec![])).unwrap_err();
    assert!(error.is_unavailable() && error.may_have_executed());

    let mixed = vec![Stmt::new("SELECT 1"), Stmt::new("DELETE FROM t")];
    assert!(now(Recorder::new([broken()]).client().batch(mixed)).unwrap_err().may_have_executed());
}

#[test]
fn an_overloaded_server_is_asked_again_only_for_reads() {
    let busy = || Outcome::Answer(503, "busy".to_owned());
    let recorder = Recorder::new([busy(), ok(ROW)]);
    now(recorder.client().execute("SELECT 1", vec![])).unwrap();
    let recorder = Recorder::new([busy()]);
    let error = now(recorder.client().execute("DELETE FROM t", vec![])).unwrap_err();
    assert_eq!(error, HranaError::Http { status: 503, message: "busy".into() });
}

#[test]
fn timeouts_and_oversized_responses_are_not_repeated() {
    let waited = Duration::from_secs(1);
    let recorder = Recorder::new([Outcome::Failure(TransportError::Timeout { waited })]);
    let outcome = now(recorder.client().execute("SELECT 1", vec![]));
    assert_eq!(outcome, Err(HranaError::Timeout { waited }));

    // A transport that forgets the limit does not lift it.
    let recorder = Recorder::new([ok(ROW)]);
    let endpoint =
        Endpoint::parse("https://db.example.com", crate::Plaintext::LoopbackOnly).unwrap();
    let limits = Limits { response_bytes_max: 100, ..Limits::default() };
    let client = Client::new(recorder, endpoint, None, limits);
    let outcome = now(client.execute("SELECT 1", vec![]));
    assert_eq!(outcome, Err(HranaError::TooLarge { bytes_max: 100 }));
}

#[test]
fn responses_that_are_no_hrana_are_protocol_errors() {
    for body in [
        "",
        "<html>",
        "{}",
        r#"{"baton":null,"base_url":null,"results":[]}"#,
        r#"{"baton":null,"base_url":null,"results":[{"type":"none"},{"type":"none"}]}"#,
        r#"{"baton":null,"base_url":null,"results":[{"type":"ok","response":{"type":"close"}},{"type":"ok","response":{"type":"close"}}]}"#,
        &ROW.replace(r#",{"type":"integer","value":"-5"}"#, ""),
        &ROW.replace("\"-5\"", "\"five\""),
        &ROW.replace(r#"{"type":"integer","value":"-5"}"#, r#"{"type":"float","value":null}"#),
    ] {
        let error =
            now(Recorder::new([ok(body)]).client().execute("SELECT 1", vec![])).unwrap_err();
        assert!(matches!(error, HranaError::Protocol { .. }), "{body}: {error:?}");
    }
}

#[test]
fn what_cannot_be_sent_never_reaches_the_transport() {
    let recorder = Recorder::new([]);
    let infinite = vec![Value::Real(f64::INFINITY)];
    let error = now(recorder.client().execute("SELECT ?1", infinite)).unwrap_err();
    assert!(matches!(error, HranaError::Invalid { .. }));
    let error = now(recorder.client().batch(vec![Stmt::new("COMMIT")])).unwrap_err();
    assert!(matches!(error, HranaError::Invalid { .. }));
    assert!(recorder.sent().is_empty());
}

#[test]
fn debug_of_a_client_hides_the_token() {
    assert!(!format!("{:?}", Recorder::new([]).client()).contains("t0ken"));
}
