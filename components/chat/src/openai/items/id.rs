use std::fmt;
use std::str::FromStr;

use ids::{MessageId, ParseIdError, RunId};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The id of an item: the message that holds it, and which part of that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemId {
    pub message: MessageId,
    pub place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Words,
    /// Calls are counted from 0, and so are results.
    Call(usize),
    Result(usize),
}

const NO_ITEM: ParseIdError = ParseIdError { prefix: "msg" };

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.message.to_string();
        let suffix = message.trim_start_matches("msg_");
        match self.place {
            Place::Words => f.write_str(&message),
            Place::Call(n) => write!(f, "fc_{suffix}_{n}"),
            Place::Result(n) => write!(f, "fco_{suffix}_{n}"),
        }
    }
}

impl FromStr for ItemId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let (kind, rest) = text.split_once('_').ok_or(NO_ITEM)?;
        if kind == "msg" {
            return Ok(Self { message: text.parse()?, place: Place::Words });
        }
        let (suffix, n) = rest.split_once('_').ok_or(NO_ITEM)?;
        let number: usize = n.parse().map_err(|_| NO_ITEM)?;
        let place = match kind {
            "fc" => Place::Call(number),
            "fco" => Place::Result(number),
            _ => return Err(NO_ITEM),
        };
        let id = Self { message: format!("msg_{suffix}").parse()?, place };
        // There is one way to write it.
        if id.to_string() == text { Ok(id) } else { Err(NO_ITEM) }
    }
}

impl Serialize for ItemId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ItemId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| D::Error::custom("this is no id of an item"))
    }
}

/// The message that answers in a response has the response's own number, so that events can name it before it is there.
///
/// # Errors
/// None in practice: the number of one id is that of another.
pub fn answer_id(run: RunId) -> Result<MessageId, ParseIdError> {
    run.to_string().replacen("run_", "msg_", 1).parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_comes_back_as_it_was_written_and_nothing_else_is_one() {
        let suffix = "01h455vb4pex5vsknk084sn02q";
        for id in [format!("msg_{suffix}"), format!("fc_{suffix}_0"), format!("fco_{suffix}_12")] {
            assert_eq!(id.parse::<ItemId>().unwrap().to_string(), id);
        }
        for id in [
            String::new(),
            "msg".to_owned(),
            format!("fc_{suffix}"),
            format!("fc_{suffix}_01"),
            format!("fc_{suffix}_+1"),
            format!("fc_{suffix}_-1"),
            format!("fc_{suffix}_0_0"),
            format!("rs_{suffix}_0"),
            format!("msg_{suffix}_0"),
        ] {
            assert!(id.parse::<ItemId>().is_err(), "{id}");
        }
    }
}
