use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use ambient::{Entropy, EntropyError, UnixMillis};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use type_safe_id::{StaticType, TypeSafeId};

/// What an [`Id`] names; it carries the prefix.
pub trait Kind: StaticType + Copy + Eq + Ord {}

impl<T: StaticType + Copy + Eq + Ord> Kind for T {}

/// An identifier of one kind of thing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id<K: Kind>(TypeSafeId<K>);

/// The text is not an id of the kind that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no id that begins with \"{prefix}_\"")]
pub struct ParseIdError {
    /// What ids of this kind begin with.
    pub prefix: &'static str,
}

impl<K: Kind> Id<K> {
    /// A new id: a `UUIDv7` (RFC 9562 section 5.7) of the given time and 74 of the given 80 random bits.
    ///
    /// Times before 1970 count as 1970.
    pub fn new(at: UnixMillis, random: [u8; 10]) -> Self {
        let millis = u64::try_from(at.0).unwrap_or(0);
        let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        Self(TypeSafeId::from_uuid(uuid))
    }

    /// A new id of this time.
    ///
    /// # Errors
    /// [`EntropyError`] when there is no randomness to be had.
    pub fn generate(at: UnixMillis, entropy: &Entropy) -> Result<Self, EntropyError> {
        Ok(Self::new(at, entropy.bytes()?))
    }
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<K: Kind> FromStr for Id<K> {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| ParseIdError { prefix: K::TYPE })
    }
}

impl<K: Kind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K: Kind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text<K>(PhantomData<K>);

        impl<K: Kind> Visitor<'_> for Text<K> {
            type Value = Id<K>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an id that begins with \"{}_\"", K::TYPE)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use crate::{AccountId, ConversationId};

    use super::*;

    const TEXT: &str = "conv_01h455vb4pex5vsknk084sn02q";

    #[test]
    fn what_is_not_exactly_an_id_of_this_kind_is_refused() {
        let refused = [
            "",
            "conv",
            "conv_",
            "01h455vb4pex5vsknk084sn02q",
            "acct_01h455vb4pex5vsknk084sn02q",
            "CONV_01h455vb4pex5vsknk084sn02q",
            "conv_01H455VB4PEX5VSKNK084SN02Q",
            "conv_01h455vb4pex5vsknk084sn02",
            "conv_01h455vb4pex5vsknk084sn02qq",
            "conv_81h455vb4pex5vsknk084sn02q",
            "conv_01h455vb4pex5vsknk084sn02u",
            "conv_01h455vb4pex5vsknk084sn0é",
            "conv__01h455vb4pex5vsknk084sn02q",
            " conv_01h455vb4pex5vsknk084sn02q",
            "conv_01h455vb4pex5vsknk084sn02q\0",
            "conv_' OR '1'='1",
            "../conv_01h455vb4pex5vsknk084sn02q",
        ];
        for text in refused {
            assert_eq!(
                text.parse::<ConversationId>(),
                Err(ParseIdError { prefix: "conv" }),
                "{text:?}"
            );
        }
    }

    #[test]
    fn an_id_comes_back_as_it_was_written() {
        let id: ConversationId = TEXT.parse().unwrap();
        assert_eq!(id.to_string(), TEXT);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, format!("\"{TEXT}\""));
        assert_eq!(serde_json::from_str::<ConversationId>(&json).unwrap(), id);
        assert!(serde_json::from_str::<AccountId>(&json).is_err());
        assert!(serde_json::from_str::<ConversationId>("7").is_err());
    }

    #[test]
    fn ids_sort_by_their_time_as_text_too() {
        let earlier = ConversationId::new(UnixMillis(1_700_000_000_000), [0xff; 10]);
        let later = ConversationId::new(UnixMillis(1_700_000_000_001), [0; 10]);
        assert!(earlier < later);
        assert!(earlier.to_string() < later.to_string());
    }

    #[test]
    fn ids_of_one_moment_differ_by_their_randomness() {
        let entropy = Entropy::system();
        let at = UnixMillis(1_700_000_000_000);
        let ids: std::collections::BTreeSet<_> =
            (0..1_000).map(|_| AccountId::generate(at, &entropy).unwrap()).collect();
        assert_eq!(ids.len(), 1_000);
    }
}
