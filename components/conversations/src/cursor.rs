//! Cursors: where a list goes on. Opaque to clients, and parsed back into typed values here; they need no signature, because they can name
//! nothing but a place in what their bearer may read anyway.

use ambient::UnixMillis;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ids::{ConversationId, MemoryId};

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
pub enum Place {
    /// Messages with a smaller `seq`.
    Before(i64),
    /// Messages with a larger one.
    After(i64),
}

/// A place in the messages of a conversation as they were when the first page was read: whoever follows cursors sees each message once,
/// whatever is appended meanwhile and to whichever branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageCursor {
    pub place: Place,
    /// The `seq` of the message in which the path ends.
    pub tip: i64,
    /// Whether all messages count, and not only those of the path.
    pub all: bool,
}

impl MessageCursor {
    pub fn encode(&self) -> String {
        let (direction, seq) = match self.place {
            Place::Before(seq) => ("before", seq),
            Place::After(seq) => ("after", seq),
        };
        let view = if self.all { "all" } else { "path" };
        URL_SAFE_NO_PAD.encode(format!("{direction}.{seq}.{view}.{}", self.tip))
    }

    pub fn decode(text: &str) -> Result<Self, InvalidCursor> {
        let text = decode(text)?;
        let mut fields = text.split('.');
        let mut next = || fields.next().ok_or(InvalidCursor);
        let natural = |text: &str| text.parse().ok().filter(|n| 0 <= *n).ok_or(InvalidCursor);
        let (direction, seq, view, tip) = (next()?, next()?, next()?, next()?);
        let seq = natural(seq)?;
        let place = match direction {
            "before" => Place::Before(seq),
            "after" => Place::After(seq),
            _ => return Err(InvalidCursor),
        };
        let all = match view {
            "all" => true,
            "path" => false,
            _ => return Err(InvalidCursor),
        };
        let cursor = Self { place, tip: natural(tip)?, all };
        if fields.next().is_some() { Err(InvalidCursor) } else { Ok(cursor) }
    }
}

/// A place in what was found: behind so many of the hits that there were when the first page was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchCursor {
    /// The newest entry that counts.
    pub newest: i64,
    pub offset: u32,
}

impl SearchCursor {
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("search.{}.{}", self.newest, self.offset))
    }

    pub fn decode(text: &str) -> Result<Self, InvalidCursor> {
        let text = decode(text)?;
        let fields = text.strip_prefix("search.").and_then(|fields| fields.split_once('.'));
        let (newest, offset) = fields.ok_or(InvalidCursor)?;
        let newest = newest.parse().map_err(|_| InvalidCursor)?;
        Ok(Self { newest, offset: offset.parse().map_err(|_| InvalidCursor)? })
    }
}

/// A place in what is remembered: just after this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryCursor {
    /// In the list.
    Listed { updated_at: UnixMillis, id: MemoryId },
    /// In what a query found.
    Found { number: i64 },
}

impl MemoryCursor {
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(match self {
            Self::Listed { updated_at, id } => format!("listed.{}.{id}", updated_at.0),
            Self::Found { number } => format!("found.{number}"),
        })
    }

    pub fn decode(text: &str) -> Result<Self, InvalidCursor> {
        let text = decode(text)?;
        let (kind, place) = text.split_once('.').ok_or(InvalidCursor)?;
        match kind {
            "listed" => {
                let (time, id) = place.split_once('.').ok_or(InvalidCursor)?;
                let updated_at = UnixMillis(time.parse().map_err(|_| InvalidCursor)?);
                Ok(Self::Listed { updated_at, id: id.parse().map_err(|_| InvalidCursor)? })
            }
            "found" => Ok(Self::Found { number: place.parse().map_err(|_| InvalidCursor)? }),
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
            encode("before.1"),
            encode("before.-1.path.1"),
            encode("before.1.path.-1"),
            encode("before.9223372036854775808.path.1"),
            encode("before.1.some.1"),
            encode("before.1.path.1.1"),
            encode("search.7"),
            encode("found."),
            encode("listed.7.conv_01h455vb4pex5vsknk084sn02q"),
            encode("search.7.-1"),
            encode("search..1"),
            encode("sideways.1.path.1"),
            encode(&format!("x.{conversation}")),
            encode("7.acct_01h455vb4pex5vsknk084sn02q"),
            encode("7.' OR 1=1 --"),
        ] {
            assert_eq!(MessageCursor::decode(&text), Err(InvalidCursor), "{text}");
            assert_eq!(ConversationCursor::decode(&text), Err(InvalidCursor), "{text}");
            assert_eq!(SearchCursor::decode(&text), Err(InvalidCursor), "{text}");
            assert_eq!(MemoryCursor::decode(&text), Err(InvalidCursor), "{text}");
        }
    }

    #[test]
    fn cursors_come_back_as_they_were() {
        let id = "mem_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        for cursor in [
            MemoryCursor::Listed { updated_at: UnixMillis(7), id },
            MemoryCursor::Found { number: 7 },
        ] {
            assert_eq!(MemoryCursor::decode(&cursor.encode()), Ok(cursor));
        }
        let cursor = SearchCursor { newest: 7, offset: 50 };
        assert_eq!(SearchCursor::decode(&cursor.encode()), Ok(cursor));
        let cursor = ConversationCursor {
            active_at: UnixMillis(1_700_000_000_000),
            id: "conv_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        };
        assert_eq!(ConversationCursor::decode(&cursor.encode()), Ok(cursor));
        for (place, tip, all) in [
            (Place::Before(1), 1, false),
            (Place::After(0), 7, true),
            (Place::Before(i64::MAX), i64::MAX, false),
        ] {
            let cursor = MessageCursor { place, tip, all };
            assert_eq!(MessageCursor::decode(&cursor.encode()), Ok(cursor));
        }
    }
}
