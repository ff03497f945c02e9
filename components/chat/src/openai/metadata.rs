//! What clients note on conversations and responses, within OpenAI's bounds.

use std::collections::BTreeMap;

use problem::{FieldError, JsonObject};

use crate::error::ChatError;

pub type Metadata = BTreeMap<String, String>;

const PAIRS_MAX: usize = 16;
const NAME_CHARS_MAX: usize = 64;
const VALUE_CHARS_MAX: usize = 512;

/// # Errors
/// [`ChatError::Invalid`] for more, or longer, than there may be.
pub fn check(metadata: &Metadata) -> Result<(), ChatError> {
    let is_long = |text: &str, most: usize| most < text.chars().count();
    let mut errors: Vec<_> = metadata
        .iter()
        .filter(|(name, value)| is_long(name, NAME_CHARS_MAX) || is_long(value, VALUE_CHARS_MAX))
        .map(|_| {
            let detail = "Names may have at most 64 characters, values at most 512.";
            FieldError::new("/metadata", detail)
        })
        .take(1)
        .collect();
    if PAIRS_MAX < metadata.len() {
        errors.push(FieldError::new("/metadata", "There may be at most 16 pairs."));
    }
    if errors.is_empty() { Ok(()) } else { Err(ChatError::Invalid(errors)) }
}

/// An object with one member, as messages keep it.
///
/// # Errors
/// None in practice: strings always serialize.
pub fn note(name: &str, value: &str) -> Result<JsonObject, serde_json::Error> {
    JsonObject::stored(serde_json::json!({ name: value }).to_string())
}
