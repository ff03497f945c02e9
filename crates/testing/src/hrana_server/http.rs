//! HTTP around the protocol: paths, permissions, caps and faults.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use libsql_hrana::proto::{CursorReqBody, PipelineReqBody};
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinSet, spawn_blocking};

use super::failure::{Answer, Failure};
use super::pipeline::{Context, Version};
use super::{Fault, Shared, cursor, pipeline};

/// Largest request body, in bytes.
const REQUEST_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How many chunks of a cursor may wait for their reader.
const CURSOR_CHUNKS: usize = 4;

type Body = BoxBody<Bytes, Infallible>;

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped, as the test asked")]
struct Dropped;

/// Serves until the task is aborted, which closes every connection.
pub async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let _ = socket.set_nodelay(true);
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let service = service_fn(|request| answer(Arc::clone(&shared), request));
            let builder = auto::Builder::new(TokioExecutor::new());
            // A client that breaks the connection is its own business.
            let _ = builder.serve_connection(TokioIo::new(socket), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Dropped> {
    let (version, cursor) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/v2" | "/v3") => return Ok(greeting()),
        (&Method::POST, "/v2/pipeline") => (Version::Hrana2, false),
        (&Method::POST, "/v3/pipeline") => (Version::Hrana3, false),
        (&Method::POST, "/v3/cursor") => (Version::Hrana3, true),
        _ => return Ok(respond(Answer::text(StatusCode::NOT_FOUND, "not found"))),
    };
    shared.requests.fetch_add(1, Ordering::Relaxed);
    let Ok(_permit) = shared.permits.try_acquire() else {
        let busy = "Too many concurrent requests";
        return Ok(respond(Answer::error(StatusCode::TOO_MANY_REQUESTS, busy)));
    };
    let fault = shared.next_fault();
    match fault {
        Some(Fault::Delay(duration)) => tokio::time::sleep(duration).await,
        Some(Fault::DropBefore) => return Err(Dropped),
        Some(Fault::Status(status)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            return Ok(respond(Answer::error(status, "an injected fault")));
        }
        Some(Fault::DropAfter) | None => {}
    }
    let response = serve(&shared, request, version, cursor).await.unwrap_or_else(respond);
    if fault == Some(Fault::DropAfter) {
        return Err(Dropped);
    }
    Ok(response)
}

async fn serve(
    shared: &Arc<Shared>,
    request: Request<Incoming>,
    version: Version,
    cursor: bool,
) -> Result<Response<Body>, Answer> {
    let permission = shared.access.permission(request.headers())?;
    let response_bytes_max = shared.options.response_bytes_max;
    let context = Context { permission, version, response_bytes_max };
    let body = Limited::new(request.into_body(), REQUEST_BYTES_MAX)
        .collect()
        .await
        .map_err(|error| Answer::text(StatusCode::BAD_REQUEST, error.to_string()))?
        .to_bytes();
    let shared = Arc::clone(shared);
    if cursor {
        return serve_cursor(shared, context, decode(&body)?).await;
    }
    let body: PipelineReqBody = decode(&body)?;
    let outcome = spawn_blocking(move || pipeline::run(&shared, context, body)).await;
    match outcome.map_err(crashed)? {
        Ok(body) => Ok(respond(Answer::json(StatusCode::OK, &body))),
        Err(failure) => Err(refusal(failure)),
    }
}

/// Answers as soon as the first entry is certain, and sends the rest as it comes.
async fn serve_cursor(
    shared: Arc<Shared>,
    context: Context,
    body: CursorReqBody,
) -> Result<Response<Body>, Answer> {
    let (sender, receiver) = mpsc::channel(CURSOR_CHUNKS);
    let (begin, begun) = oneshot::channel();
    let running = spawn_blocking(move || {
        let begin = || {
            let _ = begin.send(());
        };
        cursor::run(&shared, context, &body, sender, begin)
    });
    if begun.await.is_err() {
        // It ended before it began, so it failed.
        let failure = running.await.map_err(crashed)?.err();
        let nothing = || Failure::protocol("the cursor did not start");
        return Err(refusal(failure.unwrap_or_else(nothing)));
    }
    let chunks = stream::unfold(receiver, |mut receiver| async move {
        let chunk: Bytes = receiver.recv().await?;
        Some((Ok(Frame::data(chunk)), receiver))
    });
    let mut response = Response::new(BodyExt::boxed(StreamBody::new(chunks)));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("text/plain"));
    Ok(response)
}

fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Answer> {
    serde_json::from_slice(body).map_err(|error| {
        let message = format!("Cannot deserialize client message from JSON: {error}");
        Answer::text(StatusCode::BAD_REQUEST, message)
    })
}

/// A failure that concerns the whole request. A statement's own, as in a cursor that cannot begin, is a 400.
fn refusal(failure: Failure) -> Answer {
    match failure {
        Failure::Request(answer) => answer,
        Failure::Statement(error) => Answer::json(StatusCode::BAD_REQUEST, &error),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err, which gives it away")]
fn crashed(error: tokio::task::JoinError) -> Answer {
    Answer::error(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string())
}

fn greeting() -> Response<Body> {
    respond(Answer::text(StatusCode::OK, "Hello, this is HTTP API v2 (Hrana over HTTP)"))
}

fn respond(answer: Answer) -> Response<Body> {
    let mut response = Response::new(Full::new(answer.body).boxed());
    *response.status_mut() = answer.status;
    let content_type = hyper::header::HeaderValue::from_static(answer.content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
