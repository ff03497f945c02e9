use std::fmt;

use axum::http::HeaderMap;
use problem::{Problem, kinds};
use zeroize::Zeroizing;

/// The header that names what one person wants done once.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// How long a key may be.
pub const KEY_BYTES_MAX: usize = 255;

/// What a client calls one thing that it wants done once. It opens the kept answer, so it does not print.
#[derive(Clone)]
pub struct Key(Zeroizing<String>);

impl Key {
    /// The key of a request; `None` when it has none.
    ///
    /// # Errors
    /// 400 for more than one, and for what is not 1 to 255 visible ASCII characters.
    pub fn find(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
        let (value, more) = (values.next(), values.next());
        let Some(value) = value else { return Ok(None) };
        let bytes = value.as_bytes();
        let is_fine = more.is_none()
            && (1..=KEY_BYTES_MAX).contains(&bytes.len())
            && bytes.iter().all(u8::is_ascii_graphic);
        match value.to_str() {
            Ok(text) if is_fine => Ok(Some(Self(Zeroizing::new(text.to_owned())))),
            _ => Err(Problem::new(
                &kinds::INVALID_REQUEST,
                format!(
                    "Send one Idempotency-Key with 1 to {KEY_BYTES_MAX} visible ASCII characters."
                ),
            )),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn find(values: &[&[u8]]) -> Result<Option<Key>, Problem> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IDEMPOTENCY_KEY, HeaderValue::from_bytes(value).unwrap());
        }
        Key::find(&headers)
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let long = vec![b'a'; KEY_BYTES_MAX + 1];
        for values in [
            &[&b""[..]][..],
            &[b"a b"],
            &[b" "],
            &[b"a\tb"],
            &["ä".as_bytes()],
            &[b"\xff"],
            &[&long],
            &[b"a", b"a"],
        ] {
            let problem = find(values).unwrap_err();
            assert_eq!(problem.kind(), &kinds::INVALID_REQUEST, "{values:?}");
        }
    }

    #[test]
    fn a_key_is_taken_as_it_is_and_does_not_print() {
        assert!(find(&[]).unwrap().is_none());
        for value in [&b"a"[..], b"!~\"'", &[b'k'; KEY_BYTES_MAX]] {
            let key = find(&[value]).unwrap().unwrap();
            assert_eq!(key.as_bytes(), value);
            assert_eq!(format!("{key:?}"), "Key(..)");
        }
    }
}
