use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use caller::Caller;
use idempotency::{Claim, Key, Look, Replays};
use problem::{Problem, read_body};

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

impl Repeatable {
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
