use std::fmt::Write as _;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, OptionalFromRequest, Request};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::extract::without_values;
use crate::shape::{self, ARRAY_ELEMENTS_MAX, DEPTH_MAX, ShapeError};
use crate::{FieldError, Problem, kinds};

/// How many bytes a JSON body may have where the route does not say otherwise.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// How many bytes the body of this route may have: an extension of the request, set by the route table.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit(pub usize);

/// A JSON body, in and out.
///
/// As an extractor it takes `application/json` in UTF-8, without `content-encoding`, within the size of the route, at most 64 levels
/// deep and with at most 10,000 elements in an array. Everything else is a [`Problem`].
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let limit = request.extensions().get::<BodyLimit>().map_or(BODY_BYTES_MAX, |limit| limit.0);
        check_headers(request.headers(), limit)?;
        let bytes = read_body(request.into_body(), limit).await?;
        parse(&bytes).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> OptionalFromRequest<S> for Json<T> {
    type Rejection = Problem;

    /// `None` for an empty body, whatever its headers say.
    async fn from_request(request: Request, _: &S) -> Result<Option<Self>, Problem> {
        let limit = request.extensions().get::<BodyLimit>().map_or(BODY_BYTES_MAX, |limit| limit.0);
        let (parts, body) = request.into_parts();
        let bytes = read_body(body, limit).await?;
        if bytes.is_empty() {
            return Ok(None);
        }
        check_headers(&parts.headers, limit)?;
        parse(&bytes).map(|value| Some(Self(value)))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => ([(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
            Err(error) => Problem::internal(&error).into_response(),
        }
    }
}

fn check_headers(headers: &HeaderMap, limit: usize) -> Result<(), Problem> {
    let unsupported = |detail: &'static str| Problem::new(&kinds::UNSUPPORTED_MEDIA_TYPE, detail);
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(unsupported("Send the body without content-encoding."));
    }
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    match (types.next().and_then(|value| value.to_str().ok()), types.next()) {
        (Some(value), None) if is_json(value) => {}
        _ => return Err(unsupported("Send the header content-type: application/json.")),
    }
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<u64>().ok());
    if announced.is_some_and(|length| (limit as u64) < length) {
        return Err(too_large(limit));
    }
    Ok(())
}

/// Whether a media type is JSON in UTF-8. RFC 8259 section 8.1 knows no other encoding.
fn is_json(media_type: &str) -> bool {
    let mut parts = media_type.split(';').map(str::trim);
    parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
        && parts.all(|parameter| {
            parameter.split_once('=').is_none_or(|(name, value)| {
                !name.eq_ignore_ascii_case("charset")
                    || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
            })
        })
}

/// A whole body of at most this size.
///
/// # Errors
/// 413 for a larger one, 400 for one that breaks off.
pub async fn read_body(body: Body, limit: usize) -> Result<axum::body::Bytes, Problem> {
    to_bytes(body, limit).await.map_err(|error| {
        let is_too_long =
            error.into_inner().downcast_ref::<http_body_util::LengthLimitError>().is_some();
        if is_too_long {
            too_large(limit)
        } else {
            invalid("The body ended before it was complete.")
        }
    })
}

fn too_large(limit: usize) -> Problem {
    Problem::new(&kinds::CONTENT_TOO_LARGE, format!("The body may have at most {limit} bytes."))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    shape::check(bytes).map_err(|error| match error {
        ShapeError::TooDeep => invalid(format!("JSON may be nested at most {DEPTH_MAX} deep.")),
        ShapeError::ArrayTooLong => {
            invalid(format!("An array may have at most {ARRAY_ELEMENTS_MAX} elements."))
        }
    })?;
    // serde would take an array for a structure, field by field. Bodies of this API are objects.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| *byte == b'[') {
        return Err(invalid("The body must be a JSON object."));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| mismatch(&pointer(error.path()), error.inner()))?;
    deserializer.end().map_err(|error| mismatch("", &error))?;
    Ok(value)
}

fn invalid(detail: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::new(&kinds::INVALID_REQUEST, detail)
}

/// A text that is no JSON, or JSON that does not fit: of the wrong type (400) or against a rule of the type (422).
fn mismatch(pointer: &str, error: &serde_json::Error) -> Problem {
    if error.classify() != Category::Data {
        // The parser's own words hold positions and never a part of the text.
        return invalid(format!("The body is no JSON: {error}."));
    }
    let (detail, breaks_a_rule) = without_values(&error.to_string());
    let errors = vec![FieldError::new(pointer, detail)];
    if breaks_a_rule {
        Problem::validation(errors)
    } else {
        invalid("The body does not have the form that this route takes; see errors.")
            .with_errors(errors)
    }
}

/// The path as a JSON pointer (RFC 6901): `~` and `/` in names are escaped.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => {
                // Writing to a String cannot fail.
                let _ = write!(pointer, "/{index}");
            }
            Segment::Map { key } => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}
