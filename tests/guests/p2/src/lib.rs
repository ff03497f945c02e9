//! A conformance guest built against WASI 0.2, which cannot be entered twice.
#![cfg(target_family = "wasm")]

use std::io::{Read as _, Write as _};

use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingRequest, Method, OutgoingBody, OutgoingRequest, OutgoingResponse,
    ResponseOutparam, Scheme,
};

wasip2::http::proxy::export!(Guest);

struct Guest;

impl wasip2::exports::http::incoming_handler::Guest for Guest {
    /// `/upper` gives the body back in capitals, `/fetch?authority` what the root there answers with.
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        if path.ends_with("/upper") {
            upper(&request, out);
        } else if path.ends_with("/fetch") {
            let text = match fetch(query) {
                Ok(status) => format!("status {status}"),
                Err(error) => format!("{error:?}"),
            };
            answer(out, 200, text.as_bytes());
        } else {
            answer(out, 404, b"p2 has no such route");
        }
    }
}

fn upper(request: &IncomingRequest, out: ResponseOutparam) {
    let Ok(body) = request.consume() else { return answer(out, 500, b"there is no body") };
    let Ok(mut stream) = body.stream() else { return answer(out, 500, b"there is no stream") };
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => answer(out, 200, &bytes.to_ascii_uppercase()),
        Err(error) => answer(out, 500, error.to_string().as_bytes()),
    }
}

fn fetch(authority: &str) -> Result<u16, ErrorCode> {
    let invalid = |()| ErrorCode::HttpRequestUriInvalid;
    let request = OutgoingRequest::new(Fields::new());
    request.set_method(&Method::Get).map_err(invalid)?;
    request.set_scheme(Some(&Scheme::Http)).map_err(invalid)?;
    request.set_authority(Some(authority)).map_err(invalid)?;
    request.set_path_with_query(Some("/")).map_err(invalid)?;
    let pending = outgoing_handler::handle(request, None)?;
    loop {
        match pending.get() {
            Some(Ok(response)) => return response.map(|response| response.status()),
            Some(Err(())) => return Err(ErrorCode::InternalError(None)),
            None => pending.subscribe().block(),
        }
    }
}

fn answer(out: ResponseOutparam, status: u16, bytes: &[u8]) {
    let response = OutgoingResponse::new(Fields::new());
    // A status in range and the first call of `body` cannot fail; then nothing can be said anyway.
    let _ = response.set_status_code(status);
    let Ok(body) = response.body() else { return };
    ResponseOutparam::set(out, Ok(response));
    if let Ok(mut stream) = body.write() {
        let _ = stream.write_all(bytes);
        let _ = stream.flush();
    }
    let _ = OutgoingBody::finish(body, None);
}
