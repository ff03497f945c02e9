//! Cursors: where a list goes on. Opaque to clients, and parsed back into typed values here; they need no signature, because they can name
//! nothing but a place in what their bearer may read anyway.

use ambient::UnixMillis;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ids::ConversationId;

/// The text is no cursor of this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidCursor;

/// A place in the list of conversations: just after this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConversationCursor {
    pub active_at: UnixMillis,
    pub id: ConversationId,
}

impl ConversationCursor {
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}.{}", self.active_at.0, self.id))
    }

    pub fn decode(text: &str) -> Result<Self, InvalidCursor> {
        let text = decode(text)?;
        let (time, id) = text.split_once('.').ok_or(InvalidCursor)?;
        let active_at = UnixMillis(time.parse().map_err(|_| InvalidCursor)?);
        let cursor = Self { active_at, id: id.parse().map_err(|_| InvalidCursor)? };
        Ok(cursor)
    }
}

/// A place in a conversation, and the direction to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageCursor {
    /// Messages with a smaller `seq`.
    Before(i64),
    /// Messages with a larger one.
    After(i64),
}

impl MessageCursor {
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(match self {
            Self::Before(seq) => format!("before.{seq}"),
            Self::After(seq) => format!("after.{seq}"),
        })
    }

    pub fn decode(text: &str) -> Result<Self, InvalidCursor> {
        let text = decode(text)?;
        let (direction, seq) = text.split_once('.').ok_or(InvalidCursor)?;
        let seq = seq.parse().ok().filter(|seq| 0 <= *seq).ok_or(InvalidCursor)?;
        match direction {
            "before" => Ok(Self::Before(seq)),
            "after" => Ok(Self::After(seq)),
            _ => Err(InvalidCursor),
        }
    }
}

fn decode(text: &str) -> Result<String, InvalidCursor> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
    String::from_utf8(bytes).map_err(|_| InvalidCursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_cursor_of_the_list_is_refused() {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let conversation = "conv_01h455vb4pex5vsknk084sn02q";
        for text in [
            String::new(),
            "!".into(),
            "AA==".into(),
            URL_SAFE_NO_PAD.encode([0xff, 0xfe]),
            encode(""),
            encode("7"),
            encode("before"),
            encode("before."),
            encode("before.-1"),
            encode("before.9223372036854775808"),
            encode("sideways.1"),
            encode(&format!("x.{conversation}")),
            encode("7.acct_01h455vb4pex5vsknk084sn02q"),
            encode("7.' OR 1=1 --"),
        ] {
            assert_eq!(MessageCursor::decode(&text), Err(InvalidCursor), "{text}");
            assert_eq!(ConversationCursor::decode(&text), Err(InvalidCursor), "{text}");
        }
    }

    #[test]
    fn cursors_come_back_as_they_were() {
        let cursor = ConversationCursor {
            active_at: UnixMillis(1_700_000_000_000),
            id: "conv_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        };
        assert_eq!(ConversationCursor::decode(&cursor.encode()), Ok(cursor));
        for cursor in
            [MessageCursor::Before(1), MessageCursor::After(0), MessageCursor::Before(i64::MAX)]
        {
            assert_eq!(MessageCursor::decode(&cursor.encode()), Ok(cursor));
        }
    }
}
