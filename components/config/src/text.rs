//! Rules for texts and URLs.

use egress::UrlPolicy;
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
/// The rule of the policy that it breaks.
pub fn base_url(policy: &UrlPolicy, text: &str) -> Result<CheckedUrl, FieldError> {
    if text.contains('?') {
        return Err(FieldError::new("/base_url", "The URL may not hold a query."));
    }
    let checked = url(policy, "/base_url", text)?;
    Ok(CheckedUrl { url: checked.url.trim_end_matches('/').to_owned(), ..checked })
}

/// A URL as it is.
///
/// # Errors
/// The rule of the policy that it breaks.
pub fn url(policy: &UrlPolicy, pointer: &str, text: &str) -> Result<CheckedUrl, FieldError> {
    match policy.check(text) {
        Ok(target) => Ok(CheckedUrl { url: target.as_str().to_owned(), origin: target.origin() }),
        Err(refused) => Err(FieldError::new(pointer, refused.to_string())),
    }
}
