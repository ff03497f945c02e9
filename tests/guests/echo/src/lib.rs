//! A conformance guest that gives back what it received, in every manner of streaming.
#![cfg(target_family = "wasm")]

use std::time::Duration;

use guest_http::{Answer, Request, Response};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use spin_sdk::http_service;
use spin_sdk::wasip3::http::types::{Fields, Request as RawRequest};
use spin_sdk::wasip3::{spawn, wit_future, wit_stream};

/// How many bytes the guest writes at once.
const CHUNK_BYTES: usize = 64 * 1024;

#[http_service]
async fn handle(request: Request) -> Answer {
    match guest_http::route(&request).as_str() {
        "/request" => head(&request),
        "/copy" => copy(request),
        "/splice" => splice(request),
        "/count" => count(request).await,
        "/slow" => slow(request).await,
        "/ignore" => guest_http::text(200, "ignored"),
        "/pattern" => pattern(&request),
        "/events" => events(&request),
        "/trailers" => trailers(),
        "/status" => status(&request),
        other => guest_http::text(404, &format!("echo has no {other}")),
    }
}

/// Method, target and every header as the guest sees them.
fn head(request: &Request) -> Answer {
    let headers: Vec<_> = request
        .headers()
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect();
    let uri = request.uri();
    guest_http::json(
        200,
        &json!({
            "method": request.method().as_str(),
            "scheme": uri.scheme_str(),
            "authority": uri.authority().map(ToString::to_string),
            "path": uri.path(),
            "query": uri.query(),
            "headers": headers,
        }),
    )
}

/// The request body copied through the guest's memory, chunk by chunk.
fn copy(request: Request) -> Answer {
    guest_http::stream(200, &[], async move |mut writer| {
        let copied = guest_http::read_chunks(request, async |chunk| {
            writer.write_all(chunk.to_vec()).await;
        });
        // A broken request body ends the response early; the reader sees the missing bytes.
        let _ = copied.await;
    })
}

/// The request body handed on unread: the host joins both ends.
fn splice(request: Request) -> Answer {
    let Some(raw) = request.into_body().take_unstarted() else {
        return guest_http::text(500, "the body was already being read");
    };
    let (_, done) = wit_future::new(|| Ok(()));
    let (body, trailers) = RawRequest::consume_body(raw, done);
    let (response, _transmitted) = Response::new(Fields::new(), Some(body), trailers);
    Ok(response)
}

async fn count(request: Request) -> Answer {
    let (mut bytes, mut hash) = (0, Sha256::new());
    guest_http::read_chunks(request, async |chunk| {
        bytes += chunk.len();
        hash.update(chunk);
    })
    .await?;
    let digest = guest_http::hexadecimal(&hash.finalize());
    guest_http::json(200, &json!({ "bytes": bytes, "sha256": digest }))
}

/// Reads the body with a pause of `pause_ms` after each chunk.
async fn slow(request: Request) -> Answer {
    let pause = Duration::from_millis(guest_http::number(&request, "pause_ms", 1));
    let mut bytes = 0;
    guest_http::read_chunks(request, async |chunk| {
        bytes += chunk.len();
        spin_sdk::time::sleep(pause).await;
    })
    .await?;
    guest_http::json(200, &json!({ "bytes": bytes }))
}

/// `bytes` bytes, of which the one at offset n is n modulo 251.
fn pattern(request: &Request) -> Answer {
    let total = guest_http::number(request, "bytes", 0);
    guest_http::stream(200, &[], async move |mut writer| {
        let mut offset = 0;
        while offset < total {
            let end = total.min(offset + CHUNK_BYTES as u64);
            let chunk = (offset..end).map(|at| u8::try_from(at % 251).unwrap_or(0)).collect();
            if !writer.write_all(chunk).await.is_empty() {
                return;
            }
            offset = end;
        }
    })
}

/// `count` server-sent events, `pause_ms` apart.
fn events(request: &Request) -> Answer {
    let count = guest_http::number(request, "count", 3);
    let pause = Duration::from_millis(guest_http::number(request, "pause_ms", 10));
    let headers = [("content-type", "text/event-stream"), ("cache-control", "no-store")];
    guest_http::stream(200, &headers, async move |mut writer| {
        for id in 1..=count {
            let event = format!("id: {id}\ndata: event {id}\n\n");
            if !writer.write_all(event.into_bytes()).await.is_empty() {
                return;
            }
            spin_sdk::time::sleep(pause).await;
        }
    })
}

/// A body followed by a trailer field.
fn trailers() -> Answer {
    let (mut writer, reader) = wit_stream::new();
    let (trailer_writer, trailer_reader) = wit_future::new(|| Ok(None));
    let headers = guest_http::fields(&[("trailer", "x-checksum")])?;
    let (response, _transmitted) = Response::new(headers, Some(reader), trailer_reader);
    let trailers = guest_http::fields(&[("x-checksum", "of-the-body")])?;
    spawn(async move {
        writer.write_all(b"a body with trailers".to_vec()).await;
        drop(writer);
        // The reader may be gone already; then nobody wants the trailers.
        let _ = trailer_writer.write(Ok(Some(trailers))).await;
    });
    Ok(response)
}

/// An empty answer with the status `code`.
fn status(request: &Request) -> Answer {
    let code = u16::try_from(guest_http::number(request, "code", 200)).unwrap_or(200);
    let (_, no_trailers) = wit_future::new(|| Ok(None));
    let (response, _transmitted) = Response::new(Fields::new(), None, no_trailers);
    guest_http::set_status(&response, code)?;
    Ok(response)
}
