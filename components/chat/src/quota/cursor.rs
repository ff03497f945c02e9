use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use usage::{Day, Position};

/// How long a cursor may be: a model's name has at most 200 bytes.
const CURSOR_BYTES_MAX: usize = 1024;

/// The last total that a client has seen, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub Position);

/// It is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no cursor")]
pub struct ParseCursorError;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { day, model, user_id } = &self.0;
        // The model comes last: it may hold whatever its provider likes.
        f.write_str(&URL_SAFE_NO_PAD.encode(format!("{day} {user_id} {model}")))
    }
}

impl FromStr for Cursor {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> Result<Self, ParseCursorError> {
        if CURSOR_BYTES_MAX < text.len() {
            return Err(ParseCursorError);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| ParseCursorError)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| ParseCursorError)?;
        let mut parts = text.splitn(3, ' ');
        let mut part = || parts.next().ok_or(ParseCursorError);
        let day: Day = part()?.parse().map_err(|_| ParseCursorError)?;
        let user_id = part()?.to_owned();
        Ok(Self(Position { day, model: part()?.to_owned(), user_id }))
    }
}
