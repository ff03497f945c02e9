use crate::{Problem, kinds};
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;

/// How long the header may be.
const BYTES_MAX: usize = 1024;

/// The header `If-Match` (RFC 9110 section 13.1.1), read as what entity tags count here: versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    /// No header, or `*`: whatever there is.
    Any,
    /// One of these versions. Tags that are weak or not ours stand for none.
    Versions(Vec<i64>),
}

impl IfMatch {
    /// Whether this version is one of them.
    pub fn admits(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::Versions(versions) => versions.contains(&version),
        }
    }

    /// The versions as a JSON array, for a statement; `None` when any will do.
    pub fn versions(&self) -> Option<String> {
        match self {
            Self::Any => None,
            Self::Versions(versions) => {
                let versions: Vec<_> = versions.iter().map(i64::to_string).collect();
                Some(format!("[{}]", versions.join(",")))
            }
        }
    }

    fn parse(text: &str) -> Self {
        if text.trim() == "*" {
            return Self::Any;
        }
        Self::Versions(text.split(',').filter_map(version).collect())
    }
}

/// The version in a strong tag: `"7-12"` and `"7"` are version 7.
fn version(tag: &str) -> Option<i64> {
    let tag = tag.trim().strip_prefix('"')?.strip_suffix('"')?;
    let version = tag.split_once('-').map_or(tag, |(version, _)| version);
    version.parse().ok().filter(|version| 0 <= *version)
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut text = String::new();
        for value in parts.headers.get_all(header::IF_MATCH) {
            let refused = || Problem::new(&kinds::INVALID_REQUEST, "If-Match cannot be read.");
            let value = value.to_str().map_err(|_| refused())?;
            if BYTES_MAX < text.len() + value.len() {
                return Err(refused());
            }
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(value);
        }
        let is_given = parts.headers.contains_key(header::IF_MATCH);
        Ok(if is_given { Self::parse(&text) } else { Self::Any })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strong_tags_of_ours_stand_for_versions() {
        for text in
            ["", "7", "W/\"7\"", "\"\"", "\"x\"", "\"-7\"", "\"7", "\"9223372036854775808\""]
        {
            assert_eq!(IfMatch::parse(text), IfMatch::Versions(vec![]), "{text:?}");
            assert_eq!(IfMatch::parse(text).versions().as_deref(), Some("[]"));
        }
        assert_eq!(IfMatch::parse("\"7-12\""), IfMatch::Versions(vec![7]));
        assert_eq!(IfMatch::parse("\"7\" , W/\"8\",\"9-1\"").versions().as_deref(), Some("[7,9]"));
        assert_eq!(IfMatch::parse(" * ").versions(), None);
        assert!(IfMatch::parse("*").admits(7) && IfMatch::parse("\"7\"").admits(7));
        assert!(!IfMatch::parse("\"7\"").admits(8));
    }
}
