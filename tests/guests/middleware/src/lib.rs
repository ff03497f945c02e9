//! A conformance guest that stands before another component and signs what passes.
#![cfg(target_family = "wasm")]

use guest_http::{Answer, ErrorCode, Request, Response};
use spin_sdk::http_service;
use spin_sdk::wasip3::http::types::Request as RawRequest;
use spin_sdk::wasip3::wit_future;

/// Adds a header to the request on its way in and to the response on its way out.
///
/// With `x-middleware-stop` in the request it answers itself, so that the routed component is
/// never called. Bodies are handed on unread.
#[http_service]
async fn handle(request: Request) -> Answer {
    if request.headers().contains_key("x-middleware-stop") {
        return guest_http::text(418, "stopped by the middleware");
    }
    let already_read = || guest_http::internal(&"the body was already being read");
    let request = request.into_body().take_unstarted().ok_or_else(already_read)?;
    let response = spin_sdk::http::next(signed(request)?).await?;
    let response = response.into_body().take_unstarted().ok_or_else(already_read)?;

    let headers = response.get_headers().clone();
    headers
        .append("x-middleware-response", b"passed")
        .map_err(|error| guest_http::internal(&error))?;
    let status = response.get_status_code();
    let (_, done) = wit_future::new(|| Ok(()));
    let (body, trailers) = Response::consume_body(response, done);
    let (response, _transmitted) = Response::new(headers, Some(body), trailers);
    guest_http::set_status(&response, status)?;
    Ok(response)
}

fn signed(request: RawRequest) -> Result<RawRequest, ErrorCode> {
    let (method, scheme) = (request.get_method(), request.get_scheme());
    let (authority, path) = (request.get_authority(), request.get_path_with_query());
    let headers = request.get_headers().clone();
    headers
        .append("x-middleware-request", b"passed")
        .map_err(|error| guest_http::internal(&error))?;
    let (_, done) = wit_future::new(|| Ok(()));
    let (body, trailers) = RawRequest::consume_body(request, done);
    let (request, _transmitted) = RawRequest::new(headers, Some(body), trailers, None);
    let invalid = |()| ErrorCode::HttpRequestUriInvalid;
    request.set_method(&method).map_err(invalid)?;
    request.set_scheme(scheme.as_ref()).map_err(invalid)?;
    request.set_authority(authority.as_deref()).map_err(invalid)?;
    request.set_path_with_query(path.as_deref()).map_err(invalid)?;
    Ok(request)
}
