use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use caller::Caller;
use futures::StreamExt as _;
use idempotency::{Claim, Deferred, Key, Look, Replays, StreamedRoute};
use problem::{Problem, kinds, read_body};

/// What stands before the handler of a route that may be repeated.
#[derive(Debug, Clone)]
pub(crate) struct Repeatable {
    pub replays: Replays,
    pub method: Method,
    pub route: &'static str,
    pub body_bytes_max: usize,
    /// What it answers when all is well.
    pub status: u16,
}

/// A route is declared repeatable and public.
#[derive(Debug, thiserror::Error)]
#[error("a route is declared repeatable, but nobody is authenticated on it")]
struct NoCaller;

/// The answer to an earlier request was given up just now.
#[derive(Debug, thiserror::Error)]
#[error("a kept answer expired while a repetition arrived")]
struct Forgotten;

/// Reads a body to its end, and keeps nothing of it.
async fn drain(body: Body, bytes_max: usize) -> Result<(), Problem> {
    let mut body = body.into_data_stream();
    let mut left = bytes_max;
    while let Some(bytes) = body.next().await {
        let bytes =
            bytes.map_err(|_| Problem::new(&kinds::INVALID_REQUEST, "The body broke off."))?;
        left = left.checked_sub(bytes.len()).ok_or_else(|| {
            Problem::new(
                &kinds::CONTENT_TOO_LARGE,
                format!("The body may have at most {bytes_max} bytes."),
            )
        })?;
    }
    Ok(())
}

/// Gives the answer of the first request with this key again, or lets the handler make it.
pub(crate) async fn repeat(
    State(repeatable): State<Repeatable>,
    mut request: Request,
    next: Next,
) -> Response {
    let answer = match Key::find(request.headers()) {
        Ok(Some(key)) => repeatable.once(&key, request, next).await,
        Ok(None) => {
            request.extensions_mut().insert(Claim::default());
            Ok(next.run(request).await)
        }
        Err(problem) => Err(problem),
    };
    answer.unwrap_or_else(Problem::into_response)
}

/// As [`repeat`], for bodies that are too large to be kept.
pub(crate) async fn repeat_streamed(
    State(repeatable): State<Repeatable>,
    mut request: Request,
    next: Next,
) -> Response {
    let answer = match Key::find(request.headers()) {
        Ok(Some(key)) => repeatable.once_streamed(key, request, next).await,
        Ok(None) => {
            request.extensions_mut().insert(Deferred::default());
            Ok(next.run(request).await)
        }
        Err(problem) => Err(problem),
    };
    answer.unwrap_or_else(Problem::into_response)
}

impl Repeatable {
    async fn once_streamed(
        &self,
        key: Key,
        request: Request,
        next: Next,
    ) -> Result<Response, Problem> {
        let (mut parts, body) = request.into_parts();
        let caller = parts.extensions.get::<Caller>().copied();
        let caller = caller.ok_or_else(|| Problem::internal(&NoCaller))?;
        // Routes are repeatable only with this method.
        let route = StreamedRoute { method: "POST", route: self.route, status: self.status };
        let (deferred, body) =
            Deferred::new(self.replays.clone(), caller, key, route, &parts, body);
        if deferred.is_known().await? {
            drain(body, self.body_bytes_max).await?;
            return match deferred.look().await? {
                Some(Look::Known(answer)) => Ok(answer),
                // Its day was over while the body passed, which can be sent again.
                Some(Look::New(_)) | None => Err(Problem::unavailable(&Forgotten)),
            };
        }
        parts.extensions.insert(deferred.clone());
        let response = next.run(Request::from_parts(parts, body)).await;
        if response.status().is_success() {
            return Ok(response);
        }
        match deferred.look().await? {
            Some(Look::Known(answer)) => Ok(answer),
            Some(Look::New(_)) | None => Ok(response),
        }
    }

    async fn once(&self, key: &Key, request: Request, next: Next) -> Result<Response, Problem> {
        let (mut parts, body) = request.into_parts();
        let caller = parts.extensions.get::<Caller>().copied();
        let caller = caller.ok_or_else(|| Problem::internal(&NoCaller))?;
        let body = read_body(body, self.body_bytes_max).await?;
        match self.look(&caller, key, &parts, &body).await? {
            Look::Known(answer) => return Ok(answer),
            Look::New(claim) => drop(parts.extensions.insert(claim)),
        }
        let again = parts.clone();
        let request = Request::from_parts(parts, Body::from(body.clone()));
        let response = next.run(request).await;
        if response.status().is_success() {
            return Ok(response);
        }
        // Perhaps another request with the key was faster, and this one failed on what that one made.
        match self.look(&caller, key, &again, &body).await? {
            Look::Known(answer) => Ok(answer),
            Look::New(_) => Ok(response),
        }
    }

    async fn look(
        &self,
        caller: &Caller,
        key: &Key,
        parts: &Parts,
        body: &Bytes,
    ) -> Result<Look, Problem> {
        let request = idempotency::Request {
            method: self.method.as_str(),
            route: self.route,
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            body,
            status: self.status,
        };
        self.replays.look(caller, key, &request).await
    }
}
