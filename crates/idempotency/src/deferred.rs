//! Requests with bodies that are too large to be kept in memory: what was sent is known by its digest, once all of it has passed.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use caller::Caller;
use http_body::{Frame, SizeHint};
use problem::{Problem, kinds};

use crate::derived::Request;
use crate::passing::Passing;
use crate::{Claim, Key, Look, Replays};

/// A claim that can be had when the body was read to its end.
///
/// It is an argument of the handlers of all routes that are declared repeatable with a streamed body, and claims nothing when the request had no key.
#[derive(Debug, Clone, Default)]
pub struct Deferred(Option<Arc<Pending>>);

#[derive(Debug)]
struct Pending {
    replays: Replays,
    caller: Caller,
    key: Key,
    route: &'static str,
    method: &'static str,
    path: String,
    query: String,
    status: u16,
    digest: Arc<Mutex<Passing>>,
}

/// What a route is, for the fingerprint of a request to it.
#[derive(Debug, Clone, Copy)]
pub struct StreamedRoute {
    pub method: &'static str,
    /// The path as the route table declares it.
    pub route: &'static str,
    /// What it answers when all is well.
    pub status: u16,
}

/// A handler takes a deferred claim on a route that is not declared so.
#[derive(Debug, thiserror::Error)]
#[error(
    "a handler takes a deferred claim, but its route is not declared repeatable with a streamed body"
)]
struct Undeclared;

impl Deferred {
    /// The claim of this request, and its body, which it listens to.
    pub fn new(
        replays: Replays,
        caller: Caller,
        key: Key,
        route: StreamedRoute,
        parts: &Parts,
        body: Body,
    ) -> (Self, Body) {
        let digest = Arc::new(Mutex::new(Passing::new(&parts.headers)));
        let body = Body::new(Listening { body, digest: Arc::clone(&digest) });
        let StreamedRoute { method, route, status } = route;
        let (path, query) =
            (parts.uri.path().to_owned(), parts.uri.query().unwrap_or_default().to_owned());
        let pending = Pending { replays, caller, key, route, method, path, query, status, digest };
        (Self(Some(Arc::new(pending))), body)
    }

    /// Whether the key was used before.
    ///
    /// # Errors
    /// 503 when the database is away.
    pub async fn is_known(&self) -> Result<bool, Problem> {
        match &self.0 {
            Some(pending) => pending.replays.know(&pending.caller, &pending.key).await,
            None => Ok(false),
        }
    }

    /// What is known of the key with this body; `None` while the body was not read to its end.
    ///
    /// # Errors
    /// As [`Replays::look`].
    pub async fn look(&self) -> Result<Option<Look>, Problem> {
        let Some(pending) = &self.0 else { return Ok(Some(Look::New(Claim::default()))) };
        let digest = pending.digest.lock().unwrap_or_else(PoisonError::into_inner).digest();
        let Some(digest) = digest else { return Ok(None) };
        let Pending { replays, caller, key, route, method, path, query, status, .. } =
            pending.as_ref();
        let (route, status) = (*route, *status);
        let request = Request { method, route, path, query, body: &digest, status };
        replays.look(caller, key, &request).await.map(Some)
    }

    /// The claim, when the body was read to its end.
    ///
    /// # Errors
    /// 409 when the same request was carried out meanwhile: its answer then takes the place of this one. As [`Replays::look`] otherwise.
    pub async fn claim(&self) -> Result<Claim, Problem> {
        match self.look().await? {
            Some(Look::New(claim)) => Ok(claim),
            Some(Look::Known(_)) => Err(overtaken()),
            None => Err(Problem::internal(&Undeclared)),
        }
    }
}

fn overtaken() -> Problem {
    Problem::new(&kinds::IDEMPOTENCY_KEY_REUSED, "The same request is being carried out already.")
}

impl<S: Sync> FromRequestParts<S> for Deferred {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(|| Problem::internal(&Undeclared))
    }
}

/// A body whose digest is computed as it passes.
struct Listening {
    body: Body,
    digest: Arc<Mutex<Passing>>,
}

impl HttpBody for Listening {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let mut passing = self.digest.lock().unwrap_or_else(PoisonError::into_inner);
        match &frame {
            Some(Ok(frame)) => {
                passing.update(frame.data_ref().map(Bytes::as_ref).unwrap_or_default());
            }
            Some(Err(_)) => {}
            None => passing.end(),
        }
        drop(passing);
        Poll::Ready(frame)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
