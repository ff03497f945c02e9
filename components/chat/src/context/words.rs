use std::collections::BTreeMap;

use ids::FileId;
use message::{Content, MessageRole, Part};
use providers::{Message, Part as Piece, ToolCall};
use serde_json::Value;

use super::Stored;

/// What a model hears of a call whose result is not known.
const NO_RESULT: &str = "The call was not carried out.";

/// A conversation in the words of providers.
#[derive(Debug, Default)]
pub struct Told {
    pub system: Option<String>,
    pub messages: Vec<Message>,
}

/// Images by their files, in base64.
pub type Images = BTreeMap<FileId, Piece>;

impl Told {
    /// Each call gets exactly one result, right behind it: providers refuse anything else, whatever the path was cut to.
    pub fn new(stored: &[Stored], images: &Images) -> Self {
        let mut told = Self::default();
        let mut open: Vec<String> = Vec::new();
        for Stored { role, content } in stored {
            match role {
                MessageRole::System => {
                    told.close(&mut open);
                    told.add_system(content);
                }
                MessageRole::User => {
                    told.close(&mut open);
                    told.add_user(content, images);
                }
                MessageRole::Assistant => told.add_assistant(content, &mut open),
                MessageRole::Tool => told.add_results(content, &mut open),
            }
        }
        told.close(&mut open);
        told
    }

    fn close(&mut self, open: &mut Vec<String>) {
        let missing = open.drain(..).map(|call_id| Message::Tool {
            call_id,
            text: NO_RESULT.to_owned(),
            is_error: true,
        });
        self.messages.extend(missing);
    }

    fn add_system(&mut self, content: &Content) {
        let text = text_of(content);
        match &mut self.system {
            Some(system) => {
                system.push_str("\n\n");
                system.push_str(&text);
            }
            None => self.system = Some(text),
        }
    }

    fn add_user(&mut self, content: &Content, images: &Images) {
        let pieces: Vec<_> = match content {
            Content::Text(text) => vec![Piece::Text(text.clone())],
            Content::Parts(parts) => parts.iter().filter_map(|part| piece(part, images)).collect(),
        };
        if !pieces.is_empty() {
            self.messages.push(Message::User(pieces));
        }
    }

    /// Calls that stand behind others in messages of their own were made together with them.
    fn add_assistant(&mut self, content: &Content, open: &mut Vec<String>) {
        let (text, calls) = (text_of(content), calls(content));
        let ids: Vec<_> = calls.iter().map(|call| call.id.clone()).collect();
        let is_more = !open.is_empty() && text.is_empty();
        match self.messages.last_mut() {
            Some(Message::Assistant { calls: before, .. }) if is_more => before.extend(calls),
            _ => {
                self.close(open);
                if !text.is_empty() || !calls.is_empty() {
                    self.messages.push(Message::Assistant { text, calls });
                }
            }
        }
        open.extend(ids);
    }

    fn add_results(&mut self, content: &Content, open: &mut Vec<String>) {
        for part in parts(content) {
            let Part::ToolResult { tool_call_id, content, is_error } = part else { continue };
            let Some(at) = open.iter().position(|id| id == tool_call_id) else { continue };
            let call_id = open.swap_remove(at);
            let (text, is_error) = (content.clone(), *is_error);
            self.messages.push(Message::Tool { call_id, text, is_error });
        }
    }
}

fn parts(content: &Content) -> &[Part] {
    match content {
        Content::Text(_) => &[],
        Content::Parts(parts) => parts,
    }
}

/// The calls of a message.
pub fn calls(content: &Content) -> Vec<ToolCall> {
    parts(content).iter().filter_map(call).collect()
}

fn call(part: &Part) -> Option<ToolCall> {
    let Part::ToolCall { id, name, arguments } = part else { return None };
    let arguments = match arguments {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some(ToolCall { id: id.clone(), name: name.clone(), arguments })
}

fn text_of(content: &Content) -> String {
    if let Content::Text(text) = content {
        return text.clone();
    }
    let texts: Vec<_> = parts(content)
        .iter()
        .filter_map(|part| match part {
            Part::Text { text } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    texts.join("\n")
}

fn piece(part: &Part, images: &Images) -> Option<Piece> {
    match part {
        Part::Text { text } if text.is_empty() => None,
        Part::Text { text } => Some(Piece::Text(text.clone())),
        Part::ImageFile { file_id } => {
            let hidden = || Piece::Text("[An image that is not shown.]".to_owned());
            Some(images.get(file_id).cloned().unwrap_or_else(hidden))
        }
        Part::File { name, .. } => {
            let name = name.as_deref().unwrap_or("without a name");
            Some(Piece::Text(format!("[A file: {name}]")))
        }
        Part::ToolCall { .. } | Part::ToolResult { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(messages: Value) -> Told {
        let stored: Vec<Stored> = serde_json::from_value(messages).unwrap();
        Told::new(&stored, &Images::new())
    }

    fn tool(call_id: &str, text: &str, is_error: bool) -> Message {
        Message::Tool { call_id: call_id.to_owned(), text: text.to_owned(), is_error }
    }

    #[test]
    fn each_call_has_exactly_one_result_right_behind_it() {
        let call = |id: &str| json!({"type": "tool_call", "id": id, "name": "t", "arguments": {}});
        let result = |id: &str| json!({"type": "tool_result", "tool_call_id": id, "content": id});
        let told = told(json!([
            {"role": "tool", "content": [result("cut off")]},
            {"role": "user", "content": "u"},
            {"role": "assistant", "content": [{"type": "text", "text": "a"}, call("1"), call("2")]},
            {"role": "tool", "content": [result("2"), result("2"), result("3")]},
            {"role": "user", "content": "v"},
            {"role": "assistant", "content": [call("4")]},
        ]));
        assert_eq!(told.messages[0], Message::User(vec![Piece::Text("u".to_owned())]));
        assert!(
            matches!(&told.messages[1], Message::Assistant { text, calls } if text == "a" && calls.len() == 2)
        );
        assert_eq!(told.messages[2], tool("2", "2", false));
        assert_eq!(told.messages[3], tool("1", NO_RESULT, true));
        assert_eq!(told.messages[4], Message::User(vec![Piece::Text("v".to_owned())]));
        assert_eq!(told.messages[6], tool("4", NO_RESULT, true));
        assert_eq!(told.messages.len(), 7);
    }

    #[test]
    fn calls_in_messages_of_their_own_were_made_together() {
        let call = |id: &str| json!({"role": "assistant", "content": [{"type": "tool_call", "id": id, "name": "f", "arguments": "{}"}]});
        let result = |id: &str| json!({"role": "tool", "content": [{"type": "tool_result", "tool_call_id": id, "content": id}]});
        let told = told(json!([
            {"role": "user", "content": "x"}, call("1"), call("2"), result("2"), result("1"), call("3"), result("3"),
        ]));
        let calls = |message: &Message| match message {
            Message::Assistant { calls, .. } => calls.iter().map(|call| call.id.clone()).collect(),
            _ => Vec::new(),
        };
        assert_eq!(calls(&told.messages[1]), ["1", "2"]);
        assert_eq!(told.messages[2], tool("2", "2", false));
        assert_eq!(calls(&told.messages[4]), ["3"]);
        assert_eq!(told.messages.len(), 6);
    }

    #[test]
    fn what_a_model_cannot_see_is_named() {
        let file = "file_01h455vb4pex5vsknk084sn02q";
        let told = told(json!([
            {"role": "system", "content": "one"},
            {"role": "user", "content": [
                {"type": "image_file", "file_id": file}, {"type": "file", "file_id": file, "name": "a.txt"}, {"type": "text", "text": ""},
            ]},
            {"role": "system", "content": [{"type": "text", "text": "two"}]},
        ]));
        assert_eq!(told.system.as_deref(), Some("one\n\ntwo"));
        let texts =
            ["[An image that is not shown.]", "[A file: a.txt]"].map(|t| Piece::Text(t.to_owned()));
        assert_eq!(told.messages, [Message::User(texts.into())]);
    }
}
