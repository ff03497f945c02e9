use axum::extract::{FromRequestParts, Path as AxumPath, Query as AxumQuery};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::{FieldError, Problem, kinds};

/// Parts of the path. What does not parse names nothing, so the answer is that of an unknown id: 404.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match AxumPath::from_request_parts(parts, state).await {
            Ok(AxumPath(value)) => Ok(Self(value)),
            Err(_) => Err(Problem::not_found()),
        }
    }
}

/// The query string. An unknown, repeated or ill-typed parameter is a 400.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match AxumQuery::from_request_parts(parts, state).await {
            Ok(AxumQuery(value)) => Ok(Self(value)),
            Err(rejection) => {
                let text = std::error::Error::source(&rejection)
                    .map_or_else(String::new, ToString::to_string);
                // `name: what is wrong`; without a name the whole query is meant.
                let (name, message) = text.split_once(": ").unwrap_or(("", &text));
                let (detail, _) = without_values(message);
                let is_name =
                    !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
                let pointer = if is_name { format!("/{name}") } else { String::new() };
                Err(Problem::new(&kinds::INVALID_REQUEST, "The query string has a parameter that this route does not take, or twice, or of the wrong type; see errors.")
                    .with_errors(vec![FieldError::new(pointer, detail)]))
            }
        }
    }
}

/// What serde says of a value that does not fit, without the value: what a client sent may be a secret, and answers get logged. The flag
/// says whether the value had the right type and broke a rule of it.
pub(crate) fn without_values(message: &str) -> (String, bool) {
    let message = message.split(" at line ").next().unwrap_or_default();
    let expected =
        message.rsplit_once(", expected ").map(|(_, expected)| format!("Expected {expected}."));
    let starts = |words: &[&str]| words.iter().any(|word| message.starts_with(word));
    if starts(&["missing field", "unknown field", "duplicate field"]) {
        // These quote the names of fields, which are the client's own structure and no values.
        let named = message.split(", expected ").next().unwrap_or_default();
        return (capitalized(named), false);
    }
    if starts(&["invalid type", "invalid length"]) {
        return (expected.unwrap_or_else(|| "The type is wrong.".to_owned()), false);
    }
    if starts(&["invalid value", "unknown variant"]) {
        return (expected.unwrap_or_else(|| "The value is not allowed.".to_owned()), true);
    }
    // The errors of our own types and of the standard library's number parsers, which do not quote what they refuse.
    (capitalized(message), true)
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(
        || "The value is not allowed.".to_owned(),
        |first| format!("{}{}.", first.to_ascii_uppercase(), chars.as_str()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_serde_says_loses_the_value_and_keeps_the_rule() {
        let check = |message: &str, detail: &str, rule: bool| {
            assert_eq!(without_values(message), (detail.to_owned(), rule), "{message}");
        };
        check(
            "invalid type: string \"hunter2, expected x\", expected u64 at line 1 column 9",
            "Expected u64.",
            false,
        );
        check(
            "unknown variant `hunter2`, expected `user` or `tool`",
            "Expected `user` or `tool`.",
            true,
        );
        check("missing field `email` at line 1 column 2", "Missing field `email`.", false);
        check(
            "unknown field `id`, expected one of `a`, `b` at line 1 column 5",
            "Unknown field `id`.",
            false,
        );
        check(
            "this is no id that begins with \"msg_\" at line 2 column 1",
            "This is no id that begins with \"msg_\".",
            true,
        );
        check("invalid value: hunter2", "The value is not allowed.", true);
        check("", "The value is not allowed.", true);
    }
}
