use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode, header};
use serde::Deserialize;

/// The longest time that a provider may ask to wait.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");

/// Why there is no answer, or no end of it. Classes alone: what the provider said stays out of answers and logs (SECURITY R72).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    #[error("the provider did not accept the key")]
    Unauthorized,
    #[error("the provider does not have this model")]
    NoSuchModel,
    #[error("the provider asks to come back later")]
    RateLimited { retry_after: Option<Duration> },
    #[error("the key's budget at the provider is spent")]
    BudgetSpent,
    #[error("the conversation is too long for the model")]
    TooLong,
    #[error("the provider refused the request")]
    Refused,
    #[error("the provider failed")]
    Failed,
    #[error("what the provider sent is no answer")]
    Malformed,
    #[error("the provider sent more than it may")]
    TooMuch,
    #[error("the answer stopped before its end")]
    Interrupted,
}

/// The body of an error on either wire.
#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorObject,
}

/// What an error is called; its message is never looked at.
#[derive(Deserialize)]
pub struct ErrorObject {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    /// A string, or with some providers a number.
    #[serde(default)]
    code: Option<serde_json::Value>,
}

impl ProviderError {
    /// What an answer with another status than 200 means. The body may be cut off or empty.
    pub fn of_status(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let named =
            serde_json::from_slice(body).ok().and_then(|body: ErrorBody| body.error.named());
        match (status.as_u16(), named) {
            (429 | 529, None | Some(Self::RateLimited { .. } | Self::Failed)) => {
                Self::RateLimited { retry_after: retry_after(headers) }
            }
            (400..=499, Some(named)) => named,
            (401 | 403, None) => Self::Unauthorized,
            (402, None) => Self::BudgetSpent,
            (404, None) => Self::NoSuchModel,
            (413, None) => Self::TooLong,
            (400..=499, None) => Self::Refused,
            _ => Self::Failed,
        }
    }
}

impl ErrorObject {
    /// What an error within a stream means.
    pub fn in_stream(&self) -> ProviderError {
        self.named().unwrap_or(ProviderError::Failed)
    }

    fn named(&self) -> Option<ProviderError> {
        let code = self.code.as_ref().and_then(|code| code.as_str());
        [code, self.kind.as_deref()].into_iter().flatten().find_map(|name| match name {
            "authentication_error" | "invalid_api_key" | "permission_error" => {
                Some(ProviderError::Unauthorized)
            }
            "billing_error" | "insufficient_quota" => Some(ProviderError::BudgetSpent),
            "context_length_exceeded" | "request_too_large" => Some(ProviderError::TooLong),
            "model_not_found" => Some(ProviderError::NoSuchModel),
            "rate_limit_error" | "rate_limit_exceeded" => {
                Some(ProviderError::RateLimited { retry_after: None })
            }
            "api_error" | "overloaded_error" | "server_error" => Some(ProviderError::Failed),
            _ => None,
        })
    }
}

/// How long to wait, in seconds or milliseconds; dates are not read, since they need a clock that agrees.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let milliseconds = number(RETRY_AFTER_MS);
    let seconds = milliseconds.map(|ms| ms / 1000.0).or_else(|| number(header::RETRY_AFTER))?;
    let wait = Duration::try_from_secs_f64(seconds).ok()?;
    Some(wait.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, headers: &[(&'static str, &str)], body: &str) -> ProviderError {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let status = StatusCode::from_u16(status).unwrap();
        ProviderError::of_status(status, &headers.collect(), body.as_bytes())
    }

    #[test]
    fn statuses_and_names_are_classes() {
        let limited = ProviderError::RateLimited { retry_after: None };
        let openai = |code| format!(r#"{{"error":{{"message":"m","type":"t","code":"{code}"}}}}"#);
        let anthropic = |kind| format!(r#"{{"type":"error","error":{{"type":"{kind}"}}}}"#);
        for (status, body, expected) in [
            (401, String::new(), ProviderError::Unauthorized),
            (403, "<html>".to_owned(), ProviderError::Unauthorized),
            (404, openai("model_not_found"), ProviderError::NoSuchModel),
            (404, String::new(), ProviderError::NoSuchModel),
            (400, openai("context_length_exceeded"), ProviderError::TooLong),
            (400, openai("x"), ProviderError::Refused),
            (400, r#"{"error":{"code":400,"type":null}}"#.to_owned(), ProviderError::Refused),
            (400, r#"{"error":"text"}"#.to_owned(), ProviderError::Refused),
            (413, anthropic("request_too_large"), ProviderError::TooLong),
            (429, openai("insufficient_quota"), ProviderError::BudgetSpent),
            (429, openai("rate_limit_exceeded"), limited),
            (429, anthropic("rate_limit_error"), limited),
            (529, anthropic("overloaded_error"), limited),
            (500, openai("invalid_api_key"), ProviderError::Failed),
            (503, String::new(), ProviderError::Failed),
            (302, String::new(), ProviderError::Failed),
        ] {
            assert_eq!(of(status, &[], &body), expected, "{status} {body}");
        }
    }

    #[test]
    fn the_time_to_wait_is_a_number_and_bounded() {
        for (name, value, expected) in [
            ("retry-after", "2", Some(2000)),
            ("retry-after", " 0.5 ", Some(500)),
            ("retry-after-ms", "250", Some(250)),
            ("retry-after", "999999999", Some(3_600_000)),
            ("retry-after", "1e308", None),
            ("retry-after", "-1", None),
            ("retry-after", "NaN", None),
            ("retry-after", "inf", None),
            ("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT", None),
            ("retry-after", "", None),
        ] {
            let retry_after = expected.map(Duration::from_millis);
            assert_eq!(
                of(429, &[(name, value)], ""),
                ProviderError::RateLimited { retry_after },
                "{value}"
            );
        }
    }
}
