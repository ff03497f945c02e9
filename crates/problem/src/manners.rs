use ambient::{Clock, Entropy};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http_body::Body as _;
use ids::RequestId;

use crate::{Problem, kinds};

/// How long a request id from outside may be; a longer one is replaced.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// Where clients of others' SDKs come in: what they are told when something is wrong has the form that they know. Of what lies beneath
/// the first, Anthropic's have one path.
const OPENAI_PREFIX: &str = "/v1/";
const ANTHROPIC_PATH: &str = "/v1/messages";

static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The same, as Anthropic's SDKs know it.
static REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// On every answer, unless the handler chose otherwise. A component serves data and no pages, hence the policy that allows nothing.
static HEADERS: [(HeaderName, &str); 7] = [
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
];

/// The form in which a client expects to be told what is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// RFC 9457.
    Ours,
    OpenAi,
    Anthropic,
}

impl Form {
    fn of(path: &str) -> Self {
        let below = path.strip_prefix(ANTHROPIC_PATH);
        if below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            Self::Anthropic
        } else if path.starts_with(OPENAI_PREFIX) {
            Self::OpenAi
        } else {
            Self::Ours
        }
    }

    /// The others know no other status for a value that breaks a rule than for a request that is malformed.
    fn status(self, problem: &Problem) -> StatusCode {
        let kind = problem.kind();
        match self {
            Self::OpenAi | Self::Anthropic if *kind == kinds::VALIDATION_FAILED => {
                StatusCode::BAD_REQUEST
            }
            Self::Ours | Self::OpenAi | Self::Anthropic => kind.status,
        }
    }

    fn body(self, problem: &Problem, request_id: &str) -> String {
        match self {
            Self::Ours => problem.body(Some(request_id)),
            Self::OpenAi => problem.openai_body(),
            Self::Anthropic => problem.anthropic_body(Some(request_id)),
        }
    }
}

/// What [`with_manners`] needs: request ids are made of time and randomness.
#[derive(Debug, Clone)]
pub struct Manners {
    pub clock: Clock,
    pub entropy: Entropy,
}

/// Finishes a router: unknown routes and methods are problems, every answer has the request id, the security headers and a
/// `content-length`, and a problem's cause is logged, once, here.
pub fn with_manners(router: Router, manners: Manners) -> Router {
    router
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || {
            Problem::new(
                &kinds::METHOD_NOT_ALLOWED,
                "The path has other methods than this one; see the header Allow.",
            )
        })
        .layer(from_fn_with_state(manners, finish))
}

async fn finish(State(manners): State<Manners>, request: Request, next: Next) -> Response {
    let request_id = match given_id(request.headers()) {
        Some(id) => id,
        None => match RequestId::generate(manners.clock.now(), &manners.entropy) {
            Ok(id) => id.to_string(),
            Err(error) => return Problem::internal(&error).into_response(),
        },
    };
    let form = Form::of(request.uri().path());
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        problem.log(&request_id);
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        if form != Form::Ours {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        *response.status_mut() = form.status(&problem);
        *response.body_mut() = Body::from(form.body(&problem, &request_id));
    }
    decorate(&mut response, &request_id, form);
    response
}

/// The one id that the request came with, if it is one that can be logged and sent back as it is.
fn given_id(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(&X_REQUEST_ID).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let text = value.to_str().ok()?;
    let is_sane = (1..=REQUEST_ID_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    is_sane.then(|| text.to_owned())
}

fn decorate(response: &mut Response, request_id: &str, form: Form) {
    let length = response.body().size_hint().exact();
    let has_body = !matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(request_id) {
        if form == Form::Anthropic {
            headers.insert(REQUEST_ID.clone(), value.clone());
        }
        headers.insert(X_REQUEST_ID.clone(), value);
    }
    for (name, value) in &HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    // spin-sdk sends every body in chunks unless it is told the length, and small chunks wait for delayed acknowledgements.
    if let (Some(length), true) = (length, has_body) {
        headers.entry(header::CONTENT_LENGTH).or_insert(length.into());
    }
}
