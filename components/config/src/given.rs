use serde::{Deserialize, Deserializer};

/// Reads a member that may be null: `None` is one that was not sent, `Some(None)` one that was sent as null, which takes the value away.
///
/// # Errors
/// Those of the member's type.
pub fn given<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Some)
}
