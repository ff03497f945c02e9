use std::fmt;

use crate::FieldError;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// How large metadata may be, as JSON text.
pub const METADATA_BYTES_MAX: usize = 64 * 1024;

/// A JSON object that is the client's alone: kept and given back byte for byte, never interpreted.
#[derive(Clone)]
pub struct JsonObject(Box<RawValue>);

impl JsonObject {
    /// The JSON text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// The JSON as it will be written into another.
    pub fn as_raw(&self) -> &RawValue {
        &self.0
    }

    /// What is wrong with it as metadata, if anything.
    pub fn check_metadata(&self) -> Result<(), FieldError> {
        if self.as_str().len() <= METADATA_BYTES_MAX {
            return Ok(());
        }
        let detail = format!("Metadata may have at most {METADATA_BYTES_MAX} bytes.");
        Err(FieldError::new("/metadata", detail))
    }

    /// An object from the database.
    ///
    /// # Errors
    /// When the text is no JSON, which the database does not let in.
    pub fn stored(text: String) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text).map(Self)
    }
}

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if raw.get().starts_with('{') {
            Ok(Self(raw))
        } else {
            // In serde's own words for a value of the wrong type, which this is.
            Err(D::Error::custom("invalid type: no object, expected a JSON object"))
        }
    }
}

impl Serialize for JsonObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl fmt::Debug for JsonObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JsonObject(..)")
    }
}
