//! A conformance guest that calls the addresses it is told to.
#![cfg(target_family = "wasm")]

use std::time::Duration;

use egress::{Egress, Limits, UrlPolicy};
use futures::channel::oneshot;
use guest_http::{Answer, ErrorCode, Request, Response};
use serde_json::json;
use spin_sdk::http::body::IncomingBodyExt as _;
use spin_sdk::http::{EmptyBody, Method, Uri};
use spin_sdk::http_service;

use spin_sdk::wasip3::http::types::{Fields, Request as RawRequest, RequestOptions, Scheme};
use spin_sdk::wasip3::{http::client, wit_future};

#[http_service]
async fn handle(request: Request) -> Answer {
    match guest_http::route(&request).as_str() {
        "/fetch" => fetch(&request).await,
        "/through" => through(request).await,
        "/first" => first(&request).await,
        "/beside" => beside(&request).await,
        "/again" => again(&request).await,
        other => guest_http::text(404, &format!("outbound has no {other}")),
    }
}

fn url(request: &Request) -> String {
    guest_http::parameter(request, "url").unwrap_or_default()
}

/// Fetches `url` and answers with status, headers and body, or with the error's name.
///
/// `header` is `name:value`, sent along; `method` is GET unless told.
async fn fetch(request: &Request) -> Answer {
    let method = guest_http::parameter(request, "method").unwrap_or_else(|| "GET".to_owned());
    let method =
        Method::from_bytes(method.as_bytes()).map_err(|error| guest_http::internal(&error))?;
    let mut outgoing = spin_sdk::http::Request::builder().method(method).uri(url(request));
    if let Some(header) = guest_http::parameter(request, "header") {
        let (name, value) = header.split_once(':').unwrap_or((&header, ""));
        outgoing = outgoing.header(name, value);
    }
    let outgoing = match outgoing.body(EmptyBody::new()) {
        Ok(outgoing) => outgoing,
        Err(error) => return failure(&guest_http::internal(&error)),
    };
    let response = match spin_sdk::http::send(outgoing).await {
        Ok(response) => response,
        Err(error) => return failure(&error),
    };
    let status = response.status().as_u16();
    let headers: Vec<_> = response
        .headers()
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect();
    match response.into_body().bytes().await {
        Ok(body) => {
            let body = String::from_utf8_lossy(&body);
            guest_http::json(200, &json!({ "status": status, "headers": headers, "body": body }))
        }
        Err(error) => failure(&error),
    }
}

fn failure(error: &ErrorCode) -> Answer {
    let (name, message) = (guest_http::variant_name(error), format!("{error:?}"));
    guest_http::json(200, &json!({ "error": name, "message": message }))
}

/// Sends the request body to `url` and answers with what comes back, both handed on unread.
async fn through(request: Request) -> Answer {
    let url: Uri = url(&request).parse().map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
    let method = request.method().clone();
    let Some(incoming) = request.into_body().take_unstarted() else {
        return guest_http::text(500, "the body was already being read");
    };
    let (_, done) = wit_future::new(|| Ok(()));
    let (body, trailers) = RawRequest::consume_body(incoming, done);
    let outgoing = raw_request(&url, RawBody { body, trailers }, None)?;
    let method = method.into();
    outgoing.set_method(&method).map_err(|()| ErrorCode::HttpRequestMethodInvalid)?;
    client::send(outgoing).await
}

/// Fetches `url` with a time limit of `first_byte_ms` until the first byte.
async fn first(request: &Request) -> Answer {
    let url = url(request).parse().map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
    let options = RequestOptions::new();
    let limit = guest_http::number(request, "first_byte_ms", 1000) * 1_000_000;
    options
        .set_first_byte_timeout(Some(limit))
        .map_err(|error| guest_http::internal(&format!("{error:?}")))?;
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (writer, body) = spin_sdk::wasip3::wit_stream::new();
    drop(writer);
    let outgoing = raw_request(&url, RawBody { body, trailers }, Some(options))?;
    match client::send(outgoing).await {
        Ok(response) => {
            guest_http::json(200, &json!({ "status": Response::get_status_code(&response) }))
        }
        Err(error) => failure(&error),
    }
}

/// Fetches `url` `count` times in turn and answers with the statuses.
async fn again(request: &Request) -> Answer {
    let (url, count) = (url(request), guest_http::number(request, "count", 2));
    let mut statuses = Vec::new();
    for _ in 0..count {
        let response = match spin_sdk::http::get(&url).await {
            Ok(response) => response,
            Err(error) => return failure(&error),
        };
        statuses.push(response.status().as_u16());
        response.into_body().bytes().await?;
    }
    guest_http::json(200, &json!({ "statuses": statuses }))
}

/// Posts `bytes` bytes to `url` in a task of its own, for which the request waits, and answers with the status. Neither waits for anything else.
async fn beside(request: &Request) -> Answer {
    let (url, bytes) = (url(request), guest_http::number(request, "bytes", 1000));
    let (tell, told) = oneshot::channel();
    spin_sdk::wasip3::spawn(async move {
        // Whoever waits is there until it is told.
        let _ = tell.send(post(&url, bytes).await);
    });
    match told.await {
        Ok(Ok(status)) => guest_http::json(200, &json!({ "status": status })),
        Ok(Err(error)) => guest_http::json(200, &json!({ "error": error })),
        Err(oneshot::Canceled) => guest_http::text(500, "the task is gone"),
    }
}

async fn post(url: &str, bytes: u64) -> Result<u16, String> {
    let policy: UrlPolicy = "http://127.0.0.1:*".parse().map_err(|error| format!("{error:?}"))?;
    let target = policy.check(url).map_err(|error| format!("{error:?}"))?;
    let length = usize::try_from(bytes).map_err(|error| format!("{error:?}"))?;
    let request = egress::Request::post(target, "text/plain", vec![b'a'; length]);
    // So long that only what hangs takes as long.
    let limits = Limits { total: Duration::from_mins(1), ..Limits::default() };
    let egress = Egress::new().map_err(|error| format!("{error:?}"))?;
    let response = egress.send(request, limits).await.map_err(|error| format!("{error:?}"))?;
    Ok(response.status.as_u16())
}

struct RawBody {
    body: spin_sdk::wasip3::wit_bindgen::StreamReader<u8>,
    trailers: spin_sdk::wasip3::wit_bindgen::FutureReader<Result<Option<Fields>, ErrorCode>>,
}

fn raw_request(
    url: &Uri,
    raw: RawBody,
    options: Option<RequestOptions>,
) -> Result<RawRequest, ErrorCode> {
    let (request, _transmitted) =
        RawRequest::new(Fields::new(), Some(raw.body), raw.trailers, options);
    let invalid = |()| ErrorCode::HttpRequestUriInvalid;
    let scheme = url.scheme().map(Scheme::from);
    request.set_scheme(scheme.as_ref()).map_err(invalid)?;
    let authority = url.authority().map(ToString::to_string);
    request.set_authority(authority.as_deref()).map_err(invalid)?;
    let path = url.path_and_query().map(ToString::to_string);
    request.set_path_with_query(path.as_deref()).map_err(invalid)?;
    Ok(request)
}
