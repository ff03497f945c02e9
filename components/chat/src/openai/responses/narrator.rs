//! The events of a response, in the order in which OpenAI sends them.

use serde::Serialize;
use serde_json::{Value, json};

use super::object::{Outcome, ResponseObject};
use crate::openai::items::{self, Item, ItemId, Stored};

/// Tells a response: what it says as it comes, and everything else at its end. The same response is always told in the same events.
#[derive(Debug)]
pub struct Narrator {
    response: ResponseObject,
    sequence: u64,
    /// Nothing is told again up to this event.
    after: Option<u64>,
    is_begun: bool,
    /// What was said; `None` before the first word.
    text: Option<String>,
    is_over: bool,
    /// What is to be sent.
    told: String,
}

#[derive(Serialize)]
struct Event<'a> {
    r#type: &'a str,
    sequence_number: u64,
    #[serde(flatten)]
    body: Value,
}

impl Narrator {
    pub fn new(response: ResponseObject) -> Self {
        let (text, told) = (None, String::new());
        Self { response, sequence: 0, after: None, is_begun: false, text, is_over: false, told }
    }

    /// The same for somebody who knows the events up to this one.
    #[must_use]
    pub fn after(mut self, after: Option<u64>) -> Self {
        self.after = after;
        self
    }

    /// Somebody begins to work on it.
    pub fn begin(&mut self) {
        if !self.is_begun {
            self.is_begun = true;
            self.tell("response.created", json!({"response": self.response}));
            self.tell("response.in_progress", json!({"response": self.response}));
        }
    }

    /// For somebody who hears the events no more but what came of them: nothing is known already.
    pub fn begin_late(&mut self) {
        if !self.is_begun {
            self.after = None;
            self.begin();
        }
    }

    /// The model goes on to say this.
    pub fn say(&mut self, delta: &str) {
        self.begin();
        if delta.is_empty() {
            return;
        }
        let id = self.message_id();
        if self.text.is_none() {
            let item = match items::answer_id(self.response.id.0) {
                Ok(message) => json!(Item::said(message, "in_progress", Vec::new())),
                Err(_) => Value::Null,
            };
            self.tell("response.output_item.added", json!({"output_index": 0, "item": item}));
            let part = part("");
            let body = json!({"item_id": id, "output_index": 0, "content_index": 0, "part": part});
            self.tell("response.content_part.added", body);
        }
        self.text.get_or_insert_default().push_str(delta);
        let body = json!({"item_id": id, "output_index": 0, "content_index": 0, "delta": delta, "logprobs": []});
        self.tell("response.output_text.delta", body);
    }

    /// The end.
    pub fn end(&mut self, outcome: &Outcome) {
        self.begin();
        let items = outcome.message.as_ref().map(Stored::items).unwrap_or_default();
        for (n, item) in items.iter().enumerate() {
            match item {
                Item::Message { .. } => self.finish_text(item),
                Item::FunctionCall { id, call_id, name, arguments, .. } => {
                    self.tell_call((n, *id), (call_id, name, arguments), item);
                }
                Item::FunctionCallOutput { .. } => {}
            }
        }
        let response = self.response.clone().ended(outcome);
        let kind = match response.status {
            "completed" => "response.completed",
            "failed" => "response.failed",
            _ => "response.incomplete",
        };
        self.is_over = true;
        self.tell(kind, json!({"response": response}));
    }

    /// Something else went wrong than what a response can say.
    pub fn fail(&mut self, code: &str, message: &str) {
        self.is_over = true;
        self.tell("error", json!({"code": code, "message": message, "param": null}));
    }

    /// Somebody still works on it.
    pub fn ping(&mut self) {
        self.told.push_str(": ping\n\n");
    }

    /// Whether the model has said something, or all is said.
    pub fn has_spoken(&self) -> bool {
        self.text.is_some() || self.is_over
    }

    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// What is to be sent next.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.told)
    }

    fn finish_text(&mut self, item: &Item) {
        let Item::Message { content, .. } = item else { return };
        let text: String = content.iter().filter_map(items::text_of).collect();
        if self.text.is_none() {
            self.say(&text);
        }
        let id = self.message_id();
        let place = json!({"item_id": id, "output_index": 0, "content_index": 0});
        let with = |name: &str, value: Value| {
            let mut body = place.clone();
            if let Value::Object(members) = &mut body {
                members.insert(name.to_owned(), value);
            }
            body
        };
        let mut done = with("text", json!(text));
        if let Value::Object(members) = &mut done {
            members.insert("logprobs".to_owned(), json!([]));
        }
        self.tell("response.output_text.done", done);
        self.tell("response.content_part.done", with("part", part(&text)));
        self.tell("response.output_item.done", json!({"output_index": 0, "item": item}));
    }

    fn tell_call(
        &mut self,
        (n, id): (usize, ItemId),
        (call_id, name, arguments): (&str, &str, &str),
        item: &Item,
    ) {
        let begun = json!({
            "type": "function_call", "id": id, "status": "in_progress", "call_id": call_id, "name": name, "arguments": "",
        });
        self.tell("response.output_item.added", json!({"output_index": n, "item": begun}));
        let body = json!({"item_id": id, "output_index": n, "delta": arguments});
        self.tell("response.function_call_arguments.delta", body);
        let body = json!({"item_id": id, "output_index": n, "name": name, "arguments": arguments});
        self.tell("response.function_call_arguments.done", body);
        self.tell("response.output_item.done", json!({"output_index": n, "item": item}));
    }

    /// The id of the message that answers.
    fn message_id(&self) -> String {
        self.response.id.0.to_string().replacen("run_", "msg_", 1)
    }

    fn tell(&mut self, kind: &str, body: Value) {
        let sequence_number = self.sequence;
        self.sequence += 1;
        if self.after.is_some_and(|after| sequence_number <= after) {
            return;
        }
        let event = Event { r#type: kind, sequence_number, body };
        // Strings and numbers always serialize.
        let data = serde_json::to_string(&event).unwrap_or_default();
        self.told.push_str("event: ");
        self.told.push_str(kind);
        self.told.push_str("\ndata: ");
        self.told.push_str(&data);
        self.told.push_str("\n\n");
    }
}

fn part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}
