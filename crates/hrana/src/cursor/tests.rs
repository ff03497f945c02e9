use super::*;
use crate::Value;
use crate::recorder::{Outcome, Recorder, now};

const HEAD: &str = r#"{"baton":"b1","base_url":null}"#;
const BEGIN: &str = r#"{"type":"step_begin","step":0,"cols":[{"name":"a","decltype":null}]}"#;
const END: &str = r#"{"type":"step_end","affected_row_count":0,"last_insert_rowid":null}"#;
const CLOSED: &str =
    r#"{"baton":null,"base_url":null,"results":[{"type":"ok","response":{"type":"close"}}]}"#;

fn row(text: &str) -> String {
    format!(r#"{{"type":"row","row":[{{"type":"text","value":"{text}"}}]}}"#)
}

/// All rows, and the error that ended them.
fn read(lines: &[&str]) -> (Vec<Value>, Option<HranaError>) {
    let recorder = Recorder::new([
        Outcome::Answer(200, lines.join("\n")),
        Outcome::Answer(200, CLOSED.to_owned()),
    ]);
    let mut cursor = match now(recorder.client().cursor("SELECT a FROM t", vec![])) {
        Ok(cursor) => cursor,
        Err(error) => return (Vec::new(), Some(error)),
    };
    assert_eq!(cursor.columns(), ["a"]);
    let mut values = Vec::new();
    let error = loop {
        match now(cursor.next_rows()) {
            Ok(Some(rows)) => {
                assert!(!rows.is_empty());
                values.extend(rows.into_iter().flatten());
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    assert_eq!(now(cursor.next_rows()), Ok(None), "nothing follows the end");
    drop(cursor);
    let sent = recorder.sent();
    assert_eq!(sent[0].url, "https://db.example.com/v3/cursor");
    assert_eq!(sent[1].body["baton"], "b1");
    assert_eq!(sent[1].body["requests"][0]["type"], "close");
    assert_eq!(sent.len(), 2);
    (values, error)
}

#[test]
fn rows_arrive_however_the_response_is_cut() {
    let (rows, error) = read(&[HEAD, "", BEGIN, &row("é"), &row("two"), END, ""]);
    assert_eq!((rows, error), (vec![Value::from("é"), Value::from("two")], None));
    assert_eq!(read(&[HEAD, BEGIN, END]), (vec![], None));
}

#[test]
fn a_result_that_is_cut_short_is_an_error_after_its_rows() {
    let (rows, error) = read(&[HEAD, BEGIN, &row("one"), ""]);
    assert_eq!(rows, [Value::from("one")]);
    assert_eq!(error, Some(cut_short()));
    assert_eq!(read(&[""]).1, Some(cut_short()));
}

#[test]
fn an_error_in_the_middle_keeps_the_words_of_sqlite() {
    let failed = r#"{"type":"step_error","step":0,"error":{"message":"SQLite error: interrupted","code":"SQLITE_INTERRUPT"}}"#;
    let (rows, error) = read(&[HEAD, BEGIN, &row("one"), failed]);
    assert_eq!(rows.len(), 1);
    assert_eq!(error.unwrap().to_string(), "interrupted");
}

#[test]
fn entries_out_of_order_and_rows_of_another_width_are_protocol_errors() {
    let wide = r#"{"type":"row","row":[{"type":"null"},{"type":"null"}]}"#;
    for line in [BEGIN, wide, "nonsense", r#"{"type":"unheard_of"}"#] {
        let (_, error) = read(&[HEAD, BEGIN, line]);
        assert!(matches!(error, Some(HranaError::Protocol { .. })), "{line}: {error:?}");
    }
}

#[test]
fn a_refusal_is_read_like_any_other() {
    let recorder = Recorder::new([Outcome::Answer(401, r#"{"error":"no token"}"#.to_owned())]);
    let error = now(recorder.client().cursor("SELECT 1", vec![])).unwrap_err();
    assert_eq!(error, HranaError::Unauthorized { message: "no token".into() });
}

/// A body of one chunk.
struct Whole(Option<Vec<u8>>);

impl ResponseBody for Whole {
    async fn chunk(&mut self) -> Result<Option<bytes::Bytes>, crate::TransportError> {
        Ok(self.0.take().map(Into::into))
    }
}

#[test]
fn a_row_larger_than_the_limit_is_refused() {
    let mut lines = Lines::new(Whole(Some(row(&"x".repeat(200)).into_bytes())), 100);
    let outcome = now(lines.next::<CursorEntry>());
    assert!(matches!(outcome, Err(HranaError::TooLarge { bytes_max: 100 })));
}
