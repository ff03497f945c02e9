use serde::{Deserialize, Deserializer};

/// A member that may be null: `None` is one that was not sent, `Some(None)` one that was sent as null, which takes the value away.
pub type Given<T> = Option<Option<T>>;

/// Reads a member that may be null.
///
/// # Errors
/// Those of the member's type.
pub fn given<'de, T, D>(deserializer: D) -> Result<Given<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Some)
}
