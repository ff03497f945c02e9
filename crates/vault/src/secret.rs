use std::fmt;
use std::ops::Deref;

use zeroize::Zeroizing;

/// How long a secret must be for the end of it to be shown.
const SHOWN_CHARS_MIN: usize = 16;

/// How much of its end.
const SHOWN_CHARS: usize = 4;

/// A value in the clear. It prints as nothing, cannot be serialized or compared, and is erased when dropped.
///
/// ```compile_fail
/// fn serializable(_: impl serde::Serialize) {}
/// fn is_not(secret: vault::Secret) { serializable(secret) }
/// ```
///
/// ```compile_fail
/// fn is_not_printed(secret: vault::Secret) -> String { format!("{secret}") }
/// ```
///
/// ```compile_fail
/// fn is_not_compared(a: vault::Secret, b: vault::Secret) -> bool { a == b }
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The value as text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        str::from_utf8(&self.0).ok()
    }
}

impl Deref for Secret {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The last four characters of a secret, by which people recognize it. `None` for short ones, of which that would be too much.
pub fn last_four(secret: &str) -> Option<String> {
    let count = secret.chars().count();
    (SHOWN_CHARS_MIN <= count).then(|| secret.chars().skip(count - SHOWN_CHARS).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_as_nothing() {
        let secret = Secret::new(b"hunter2".to_vec());
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert_eq!(secret.as_str(), Some("hunter2"));
        assert_eq!(&*secret, b"hunter2");
        assert_eq!(Secret::new(vec![0xff]).as_str(), None);
    }

    #[test]
    fn only_of_long_secrets_the_end_is_shown() {
        assert_eq!(last_four(""), None);
        assert_eq!(last_four("123456789012345"), None);
        assert_eq!(last_four("1234567890123456").as_deref(), Some("3456"));
        assert_eq!(last_four(&"é".repeat(16)).as_deref(), Some("éééé"));
        assert_eq!(last_four(&"é".repeat(15)), None);
    }
}
