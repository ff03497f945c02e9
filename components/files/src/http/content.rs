use std::ops::Range;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use caller::Caller;
use ids::FileId;
use problem::{Path, Problem, kinds};

use crate::content::{Content, Piece};
use crate::error::FileError;
use crate::range::{Selection, is_not_modified, select};
use crate::service::{File, Files};

/// What a browser may do with a file that it is made to show all the same: nothing.
const POLICY: &str = "sandbox; default-src 'none'";

/// `GET /api/files/{id}/content`
pub async fn get_file_content(
    caller: Caller,
    State(files): State<Files>,
    Path(id): Path<FileId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (file, content) = files.content(caller.account_id, id).await?;
    Ok(answer(&file, content, &headers).await?)
}

/// `GET /v1/files/{id}/content`
pub async fn openai_get_file_content(
    caller: Caller,
    files: State<Files>,
    id: Path<FileId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    get_file_content(caller, files, id, headers).await
}

/// `GET /api/files/signed/{token}`
pub async fn get_signed_file(
    State(files): State<Files>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (file, content) = files.follow(&token).await?;
    Ok(answer(&file, content, &headers).await?)
}

/// `GET /api/files/public/{token}`: the ids of an account and of a file in a public bucket, with a dot between them.
pub async fn get_public_file(
    State(files): State<Files>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let ids = token.split_once('.');
    let ids = ids.and_then(|(account, id)| account.parse().ok().zip(id.parse().ok()));
    let (account, id) = ids.ok_or(FileError::NotFound)?;
    let (file, content) = files.public_content(account, id).await?;
    Ok(answer(&file, content, &headers).await?)
}

/// The file, the ranges of it that were asked for, or that the client has it.
async fn answer(file: &File, content: Content, headers: &HeaderMap) -> Result<Response, FileError> {
    let tag = format!("\"{}\"", file.sha256);
    let common = [
        (header::ETAG, tag.clone()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::CACHE_CONTROL, "private, no-store".to_owned()),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        (header::CONTENT_DISPOSITION, file.name.attachment()),
    ];
    if is_not_modified(headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, with_headers(Response::new(Body::empty()), common))
            .into_response());
    }
    let (status, own, pieces) = match select(headers, file.size_bytes, &tag) {
        Selection::Whole => {
            let own = vec![(header::CONTENT_TYPE, file.mime_type.clone())];
            (StatusCode::OK, own, vec![Piece::Range(0..file.size_bytes)])
        }
        Selection::Unsatisfiable => {
            let problem =
                Problem::new(&kinds::RANGE_NOT_SATISFIABLE, "Ask for bytes that the file has.");
            let range = (header::CONTENT_RANGE, format!("bytes */{}", file.size_bytes));
            return Ok(with_headers(problem.into_response(), [range]));
        }
        Selection::Ranges(ranges) => match <[Range<u64>; 1]>::try_from(ranges) {
            Ok([range]) => {
                let own = vec![
                    (header::CONTENT_TYPE, file.mime_type.clone()),
                    (header::CONTENT_RANGE, content_range(&range, file.size_bytes)),
                ];
                (StatusCode::PARTIAL_CONTENT, own, vec![Piece::Range(range)])
            }
            Err(ranges) => {
                let (media_type, pieces) = several(file, ranges);
                (StatusCode::PARTIAL_CONTENT, vec![(header::CONTENT_TYPE, media_type)], pieces)
            }
        },
    };
    let length: u64 = pieces.iter().map(Piece::length).sum();
    let body = content.body(pieces).await?;
    let response = with_headers(Response::new(body), common.into_iter().chain(own));
    let length = [(header::CONTENT_LENGTH, length.to_string())];
    Ok((status, with_headers(response, length)).into_response())
}

/// Several ranges in one body (RFC 9110 section 14.6).
fn several(file: &File, ranges: Vec<Range<u64>>) -> (String, Vec<Piece>) {
    // No file begins a line with the digest of all its bytes.
    let boundary = file.sha256.as_str();
    let mut pieces = Vec::new();
    for range in ranges {
        let head = format!(
            "\r\n--{boundary}\r\ncontent-type: {}\r\ncontent-range: {}\r\n\r\n",
            file.mime_type,
            content_range(&range, file.size_bytes)
        );
        pieces.extend([Piece::Text(head.into()), Piece::Range(range)]);
    }
    pieces.push(Piece::Text(format!("\r\n--{boundary}--\r\n").into()));
    (format!("multipart/byteranges; boundary={boundary}"), pieces)
}

fn content_range(range: &Range<u64>, size: u64) -> String {
    format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1))
}

/// The answer with these headers. All values are ASCII: names are encoded, types and tags are checked when they come in.
fn with_headers(
    mut response: Response,
    headers: impl IntoIterator<Item = (HeaderName, String)>,
) -> Response {
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

impl Piece {
    fn length(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Range(range) => range.end - range.start,
        }
    }
}
