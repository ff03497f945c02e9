//! What the conformance guests share: routes, parameters and answers.
//!
//! Answers are made of the raw types of WASI, so that each guest decides itself what is buffered.
#![cfg(target_family = "wasm")]

use std::future::Future;

use futures::StreamExt as _;
use serde_json::Value;
pub use spin_sdk::http::Request;
use spin_sdk::http::body::IncomingBodyExt as _;
pub use spin_sdk::wasip3::http::types::{ErrorCode, Fields, Response};
use spin_sdk::wasip3::{spawn, wit_bindgen::StreamWriter, wit_future, wit_stream};

/// What a handler of a guest gives back.
pub type Answer = Result<Response, ErrorCode>;

/// The writing end of a response body.
pub type BodyWriter = StreamWriter<u8>;

/// The part of the path behind the manifest's route, beginning with a slash.
///
/// The host sets it; of several values the last one is the host's.
pub fn route(request: &Request) -> String {
    let info = request.headers().get_all("spin-path-info").iter().next_back();
    let path = info.and_then(|value| value.to_str().ok()).unwrap_or(request.uri().path());
    path.to_owned()
}

/// The first query parameter called `name`, decoded.
pub fn parameter(request: &Request, name: &str) -> Option<String> {
    let query = request.uri().query()?;
    form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// A query parameter as a number; `otherwise` when it is absent or no number.
pub fn number(request: &Request, name: &str, otherwise: u64) -> u64 {
    parameter(request, name).and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// The whole request body.
pub async fn read(request: Request) -> Result<Vec<u8>, ErrorCode> {
    Ok(request.into_body().bytes().await?.to_vec())
}

/// The whole request body as JSON.
pub async fn read_json(request: Request) -> Result<Value, ErrorCode> {
    serde_json::from_slice(&read(request).await?).map_err(|error| internal(&error))
}

/// Calls `take` with each chunk of the request body as it arrives.
pub async fn read_chunks(
    request: Request,
    mut take: impl AsyncFnMut(&[u8]),
) -> Result<(), ErrorCode> {
    let mut chunks = request.into_body().stream();
    while let Some(chunk) = chunks.next().await {
        take(&chunk?).await;
    }
    Ok(())
}

/// An answer in JSON, with its length declared.
pub fn json(status: u16, value: &Value) -> Answer {
    full(status, "application/json", value.to_string().into_bytes())
}

/// An answer in plain text, with its length declared.
pub fn text(status: u16, text: &str) -> Answer {
    full(status, "text/plain; charset=utf-8", text.as_bytes().to_vec())
}

fn full(status: u16, content_type: &str, body: Vec<u8>) -> Answer {
    let length = body.len().to_string();
    let headers = [("content-type", content_type), ("content-length", length.as_str())];
    stream(status, &headers, async move |mut writer| {
        writer.write_all(body).await;
    })
}

/// An answer whose body `write` produces after the head has gone out.
///
/// The body ends when `write` returns and drops the writer.
pub fn stream<W, F>(status: u16, headers: &[(&str, &str)], write: W) -> Answer
where
    W: FnOnce(BodyWriter) -> F,
    F: Future<Output = ()> + 'static,
{
    let (writer, reader) = wit_stream::new();
    // Dropping the writing end of this future says that there are no trailers.
    let (_, no_trailers) = wit_future::new(|| Ok(None));
    let (response, _transmitted) = Response::new(fields(headers)?, Some(reader), no_trailers);
    set_status(&response, status)?;
    spawn(write(writer));
    Ok(response)
}

/// Header fields from names and values.
pub fn fields(headers: &[(&str, &str)]) -> Result<Fields, ErrorCode> {
    let list: Vec<_> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
        .collect();
    Fields::from_list(&list).map_err(|error| internal(&error))
}

/// Sets the status of a response.
pub fn set_status(response: &Response, status: u16) -> Result<(), ErrorCode> {
    response.set_status_code(status).map_err(|()| internal(&format!("bad status {status}")))
}

/// The name of an error's variant in WIT's spelling, from the `Debug` text of the bindings.
///
/// `ErrorCode::ConnectionRefused` becomes `connection-refused`.
pub fn variant_name(error: &impl std::fmt::Debug) -> String {
    let text = format!("{error:?}");
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != ':').unwrap_or(text.len());
    let name = text[..end].rsplit(':').next().unwrap_or_default();
    let mut kebab = String::new();
    for (at, c) in name.char_indices() {
        if c.is_ascii_uppercase() && at > 0 {
            kebab.push('-');
        }
        kebab.push(c.to_ascii_lowercase());
    }
    kebab
}

/// Bytes as hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |value| char::from_digit(u32::from(value), 16).unwrap_or('?');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// An error of the guest itself.
pub fn internal(error: &impl ToString) -> ErrorCode {
    ErrorCode::InternalError(Some(error.to_string()))
}
