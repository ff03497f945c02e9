//! Rules for texts and URLs.

use egress::{Target, UrlPolicy, UrlRefused};
use problem::FieldError;

pub const NAME_CHARS_MAX: usize = 100;

/// A URL that may be called, and the one place where credentials for it may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedUrl {
    /// Without a slash at its end.
    pub url: String,
    /// Scheme, host and port.
    pub origin: String,
}

impl CheckedUrl {
    /// One that is stored. It is not checked again before it is called: whoever changes something else should not have to care that the
    /// operator has closed it meanwhile.
    pub fn stored(url: &str) -> Self {
        let origin: Vec<_> = url.splitn(4, '/').take(3).collect();
        Self { url: url.to_owned(), origin: origin.join("/") }
    }
}

/// A name without spaces around it.
///
/// # Errors
/// What is wrong with it.
pub fn name(text: &str) -> Result<String, FieldError> {
    let text = text.trim();
    let is_name =
        (1..=NAME_CHARS_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    let detail =
        || format!("It must have 1 to {NAME_CHARS_MAX} characters, and no control characters.");
    if is_name { Ok(text.to_owned()) } else { Err(FieldError::new("/name", detail())) }
}

/// A URL of an API, to which paths are added.
///
/// # Errors
/// The rule that it breaks: that there is no query, or one of the policy that `check` asks.
pub fn base_url(
    text: &str,
    check: impl FnOnce(&str) -> Result<Target, UrlRefused>,
) -> Result<CheckedUrl, FieldError> {
    if text.contains('?') {
        return Err(FieldError::new("/base_url", "The URL may not hold a query."));
    }
    match check(text) {
        Ok(target) => Ok(CheckedUrl {
            url: target.as_str().trim_end_matches('/').to_owned(),
            origin: target.origin(),
        }),
        Err(refused @ UrlRefused::Verified) => {
            Err(FieldError::new("/verify_ssl", refused.to_string()))
        }
        Err(refused) => Err(FieldError::new("/base_url", refused.to_string())),
    }
}

/// A URL as it is.
///
/// # Errors
/// The rule of the policy that it breaks.
pub fn url(policy: &UrlPolicy, text: &str) -> Result<String, FieldError> {
    match policy.check(text) {
        Ok(target) => Ok(target.as_str().to_owned()),
        Err(refused) => Err(FieldError::new("/url", refused.to_string())),
    }
}
