use std::error::Error;
use std::future::Future;
use std::sync::OnceLock;

use axum::body::{Bytes, HttpBody};
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use axum::{BoxError, Router};
use problem::Problem;
use tower_service::Service as _;

/// What an instance of a component answers.
///
/// Its first request makes the router by `start`, and `router` keeps it: settings do not change while an instance lives, and a router holds no
/// data of any request. Of requests that arrive together each may make one; the first to finish is kept. Where there is no router there
/// is no request id: the answer is 500, and the log has the cause.
pub async fn answer<B, E>(
    router: &OnceLock<Router>,
    request: Request<B>,
    start: impl Future<Output = Result<Router, E>>,
) -> Response
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    E: Error + 'static,
{
    let mut router = match router.get() {
        Some(router) => router.clone(),
        None => match start.await {
            Ok(made) => router.get_or_init(|| made).clone(),
            Err(error) => {
                let problem = Problem::internal(&error);
                problem.log("");
                return problem.into_response();
            }
        },
    };
    match router.call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
