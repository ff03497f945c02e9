//! From the request that a client sent to the request that a guest sees.

use std::net::SocketAddr;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::{Authority, Scheme, Uri};
use manifest::RouteMatch;
use uuid::Uuid;

use crate::answer::Refusal;

/// The header with the id under which a request is logged, on its way in and out.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACE_STATE: HeaderName = HeaderName::from_static("tracestate");

/// Headers for one connection only (RFC 9110, section 7.6.1), beside those that `Connection` names.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
];

/// How a request came to its component, in the words of Spin's headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed {
    /// `spin-matched-route`
    pub matched_route: String,
    /// `spin-raw-component-route`
    pub raw_route: String,
    /// `spin-component-route`
    pub component_route: String,
    /// `spin-path-info`
    pub path_info: String,
    /// `spin-path-match-NAME`
    pub parameters: Vec<(String, String)>,
}

impl Routed {
    /// A request from another component, which names its target by host instead of by route.
    pub fn chained(path: &str) -> Self {
        let route = RouteMatch::CHAINED_ROUTE;
        Self {
            matched_route: route.to_owned(),
            raw_route: route.to_owned(),
            component_route: route.strip_suffix("/...").unwrap_or(route).to_owned(),
            path_info: path.to_owned(),
            parameters: Vec::new(),
        }
    }
}

/// The id of a request: the client's, when it is one that can be logged and sent on safely, or a new `UUIDv7`.
pub fn request_id(headers: &HeaderMap) -> String {
    let sane = |id: &&str| {
        (1..=128).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
    };
    headers
        .get(REQUEST_ID)
        .and_then(|id| id.to_str().ok())
        .filter(sane)
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

/// Finds out which authority the client means and makes the URI absolute.
///
/// A request that names two different ones is refused: a proxy in front of us could have decided by the other (RFC 9112,
/// section 3.2). So is one for a name that only components may use among themselves.
pub fn set_authority(parts: &mut Parts) -> Result<(), Refusal> {
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (None, _) => None,
        (Some(host), None) => {
            let host: Authority =
                host.to_str().ok().and_then(|host| host.parse().ok()).ok_or(Refusal::BadRequest)?;
            Some(host)
        }
        (Some(_), Some(_)) => return Err(Refusal::BadRequest),
    };
    let authority = match (host, parts.uri.authority()) {
        (Some(host), Some(authority)) if host == *authority => host,
        (Some(host), None) => host,
        (None, Some(authority)) => authority.clone(),
        _ => return Err(Refusal::BadRequest),
    };
    let internal = manifest::service_chaining_target(authority.host()).is_some();
    if internal || authority.as_str().contains('@') || authority.host().is_empty() {
        return Err(Refusal::BadRequest);
    }
    let mut uri = std::mem::take(&mut parts.uri).into_parts();
    uri.scheme = Some(Scheme::HTTP);
    uri.authority = Some(authority);
    parts.uri = Uri::from_parts(uri).map_err(|_| Refusal::BadRequest)?;
    Ok(())
}

/// Removes what must not pass from a client to a guest.
pub fn strip_headers(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in HOP_BY_HOP.iter().chain(&named) {
        headers.remove(name);
    }
    let claimed: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("spin-")).cloned().collect();
    for name in claimed {
        headers.remove(name);
    }
}

/// Adds the headers that Spin adds (`crates/trigger-http/src/headers.rs` there), the request id and the trace context.
///
/// `parts.uri` must be absolute. A value that cannot stand in a header is left out; the URI's syntax does not allow any.
pub fn add_headers(parts: &mut Parts, routed: &Routed, client: SocketAddr, request_id: &str) {
    let full_url = parts.uri.to_string();
    let client = client.to_string();
    let fixed = [
        ("spin-path-info", routed.path_info.as_str()),
        ("spin-full-url", &full_url),
        ("spin-matched-route", &routed.matched_route),
        ("spin-base-path", RouteMatch::BASE_PATH),
        ("spin-raw-component-route", &routed.raw_route),
        ("spin-component-route", &routed.component_route),
        ("spin-client-addr", &client),
        ("x-request-id", request_id),
    ];
    for (name, value) in fixed {
        insert(&mut parts.headers, name, value);
    }
    for (name, value) in &routed.parameters {
        let name = format!("spin-path-match-{}", name.to_ascii_lowercase().replace('_', "-"));
        insert(&mut parts.headers, &name, value);
    }
    continue_trace(&mut parts.headers);
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
        headers.insert(name, value);
    }
}

/// Keeps a valid trace context (W3C Trace Context, section 3.2) and begins a trace where there is none.
fn continue_trace(headers: &mut HeaderMap) {
    let valid = headers
        .get(TRACE_PARENT)
        .and_then(|parent| parent.to_str().ok())
        .is_some_and(is_trace_parent);
    if valid {
        return;
    }
    headers.remove(TRACE_STATE);
    let trace = Uuid::now_v7();
    let (_, span) = Uuid::now_v7().as_u64_pair();
    insert(headers, TRACE_PARENT.as_str(), &format!("00-{}-{span:016x}-00", trace.simple()));
}

fn is_trace_parent(text: &str) -> bool {
    let hex = |field: &str, length: usize| {
        field.len() == length && field.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let known = |field: &str| field.bytes().any(|byte| byte != b'0');
    let fields: Vec<&str> = text.split('-').collect();
    match fields.as_slice() {
        [version, trace, span, flags, rest @ ..] => {
            hex(version, 2)
                && *version != "ff"
                && (*version != "00" || rest.is_empty())
                && hex(trace, 32)
                && known(trace)
                && hex(span, 16)
                && known(span)
                && hex(flags, 2)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn parts(uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn the_authority_must_be_one() {
        let check = |uri: &str, headers: &[(&str, &str)]| {
            let mut parts = parts(uri, headers);
            set_authority(&mut parts).map(|()| parts.uri.to_string())
        };
        assert_eq!(check("/a?b", &[("host", "h:1")]), Ok("http://h:1/a?b".to_owned()));
        assert_eq!(check("http://h/a", &[]), Ok("http://h/a".to_owned()));
        assert_eq!(check("http://h/a", &[("host", "H")]), Ok("http://H/a".to_owned()));
        for (uri, headers) in [
            ("/", &[] as &[_]),
            ("/", &[("host", "a"), ("host", "b")]),
            ("/", &[("host", "a"), ("host", "a")]),
            ("http://a/", &[("host", "b")]),
            ("/", &[("host", "user@a")]),
            ("/", &[("host", "a b")]),
            ("/", &[("host", "")]),
            ("/", &[("host", "auth.spin.internal")]),
        ] {
            assert_eq!(check(uri, headers), Err(Refusal::BadRequest), "{uri} {headers:?}");
        }
    }

    #[test]
    fn clients_cannot_set_what_the_host_sets() {
        let mut parts = parts(
            "http://h/a",
            &[
                ("spin-client-addr", "6.6.6.6:1"),
                ("Spin-Client-Addr", "6.6.6.7:1"),
                ("spin-anything", "x"),
                ("connection", "x-private, close"),
                ("x-private", "1"),
                ("te", "trailers"),
                ("accept", "*/*"),
            ],
        );
        strip_headers(&mut parts.headers);
        let names: Vec<&str> = parts.headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["accept"]);
        let routed = Routed {
            matched_route: "/u/:user_id/...".into(),
            raw_route: "/u/:user_id/...".into(),
            component_route: "/u/:user_id".into(),
            path_info: "/x".into(),
            parameters: vec![("user_id".into(), "42".into())],
        };
        add_headers(&mut parts, &routed, "[::1]:7".parse().unwrap(), "r1");
        let value = |name: &str| parts.headers[name].to_str().unwrap().to_owned();
        assert_eq!(value("spin-client-addr"), "[::1]:7");
        assert_eq!(value("spin-path-info"), "/x");
        assert_eq!(value("spin-full-url"), "http://h/a");
        assert_eq!(value("spin-matched-route"), "/u/:user_id/...");
        assert_eq!(value("spin-raw-component-route"), "/u/:user_id/...");
        assert_eq!(value("spin-component-route"), "/u/:user_id");
        assert_eq!(value("spin-base-path"), "/");
        assert_eq!(value("spin-path-match-user-id"), "42");
        assert_eq!(value("x-request-id"), "r1");
        assert!(is_trace_parent(&value("traceparent")));
    }

    #[test]
    fn a_request_id_is_kept_when_it_is_safe_to_log() {
        let id = |value: &str| request_id(&parts("/", &[("x-request-id", value)]).headers);
        assert_eq!(id("abc-1.2_3:4"), "abc-1.2_3:4");
        for unsafe_id in ["", "a b", "a\tb", "<script>", &"x".repeat(129)] {
            let id = id(unsafe_id);
            assert_ne!(id, unsafe_id);
            assert_eq!(Uuid::parse_str(&id).unwrap().get_version_num(), 7);
        }
    }

    #[test]
    fn only_a_valid_trace_is_continued() {
        let trace = |value: &str| {
            let mut headers = parts("/", &[("traceparent", value), ("tracestate", "a=b")]).headers;
            continue_trace(&mut headers);
            (
                headers["traceparent"].to_str().unwrap().to_owned(),
                headers.contains_key("tracestate"),
            )
        };
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(trace(good), (good.to_owned(), true));
        for bad in [
            "",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        ] {
            let (parent, state) = trace(bad);
            assert_ne!(parent, bad);
            assert!(is_trace_parent(&parent) && !state);
        }
    }
}
