//! SQLite values as JSON, without loss: each value is an object with its type as the only key.
//!
//! Reals travel as text because JSON knows no infinity; blobs travel as hexadecimal digits.

use serde_json::{Value as Json, json};
use spin_sdk::sqlite::{Error, RowResult, Value};

/// SQL and parameters of `{"sql": "…", "parameters": [{"integer": 1}, …]}`.
pub fn statement(json: &Json) -> (&str, Vec<Value>) {
    let sql = json["sql"].as_str().unwrap_or_default();
    let parameters = json["parameters"].as_array().into_iter().flatten().map(value).collect();
    (sql, parameters)
}

fn value(json: &Json) -> Value {
    if let Some(integer) = json["integer"].as_i64() {
        Value::Integer(integer)
    } else if let Some(real) = json["real"].as_str() {
        Value::Real(real.parse().unwrap_or(f64::NAN))
    } else if let Some(text) = json["text"].as_str() {
        Value::Text(text.to_owned())
    } else if let Some(digits) = json["blob"].as_str() {
        Value::Blob(bytes(digits))
    } else {
        Value::Null
    }
}

fn bytes(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}

/// One row as an array of values.
pub fn row(row: &RowResult) -> Json {
    row.values.iter().map(written).collect()
}

fn written(value: &Value) -> Json {
    match value {
        Value::Integer(integer) => json!({ "integer": integer }),
        Value::Real(real) => json!({ "real": real.to_string() }),
        Value::Text(text) => json!({ "text": text }),
        Value::Blob(bytes) => json!({ "blob": guest_http::hexadecimal(bytes) }),
        Value::Null => json!({ "null": true }),
    }
}

/// An error as the name of its variant and the text it carries.
pub fn error(error: &Error) -> Json {
    let message = match error {
        Error::Io(message) => message.as_str(),
        _ => "",
    };
    json!({ "error": guest_http::variant_name(error), "message": message })
}
