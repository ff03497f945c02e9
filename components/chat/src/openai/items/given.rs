//! Items of requests, and the messages that become of them. What a message cannot hold is refused: nothing is left out.

use ids::FileId;
use message::{Content, MessageRole, MessageStatus, NewMessage, Part};
use problem::FieldError;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::shown::ROLE;
use crate::error::ChatError;
use crate::openai::metadata::note;

/// An item as the SDKs send it, or send it back. Ids and states are the server's to say.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Given {
    Message {
        role: Role,
        content: Value,
        #[serde(default, rename = "id")]
        _id: IgnoredAny,
        #[serde(default, rename = "status")]
        _status: IgnoredAny,
        #[serde(default, rename = "phase")]
        _phase: IgnoredAny,
    },
    FunctionCall {
        call_id: String,
        name: String,
        arguments: String,
        #[serde(default, rename = "id")]
        _id: IgnoredAny,
        #[serde(default, rename = "status")]
        _status: IgnoredAny,
    },
    FunctionCallOutput {
        call_id: String,
        output: Value,
        #[serde(default, rename = "id")]
        _id: IgnoredAny,
        #[serde(default, rename = "status")]
        _status: IgnoredAny,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    User,
    Assistant,
    System,
    Developer,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Piece {
    InputText {
        text: String,
    },
    OutputText {
        text: String,
        #[serde(default)]
        annotations: Vec<Nothing>,
        #[serde(default)]
        logprobs: Option<Vec<Nothing>>,
    },
    InputImage {
        file_id: FileId,
        #[serde(default)]
        detail: Option<Detail>,
        #[serde(default)]
        image_url: Option<Nothing>,
    },
    InputFile {
        file_id: FileId,
        #[serde(default)]
        filename: Option<String>,
    },
}

/// What nothing can be: there is no value of it.
#[derive(Deserialize)]
enum Nothing {}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Detail {
    Auto,
}

/// The messages of these items, which stand in the request at `at`. A message is appended for each.
///
/// # Errors
/// [`ChatError::Invalid`] with everything that cannot be kept.
pub fn read(items: Vec<Value>, at: &str) -> Result<Vec<NewMessage>, ChatError> {
    let (mut messages, mut errors) = (Vec::new(), Vec::new());
    for (n, item) in items.into_iter().enumerate() {
        match read_one(item, &format!("{at}/{n}")) {
            Ok((message, is_developer)) => {
                let metadata = is_developer.then(|| note(ROLE, "developer")).transpose()?;
                messages.push(NewMessage { metadata, ..message });
            }
            Err(wrong) => errors.extend(wrong),
        }
    }
    if errors.is_empty() { Ok(messages) } else { Err(ChatError::Invalid(errors)) }
}

/// The files that messages out of a request's items name, with where the request does.
pub fn files(messages: &[NewMessage], at: &str) -> impl Iterator<Item = (String, FileId)> {
    messages.iter().enumerate().flat_map(move |(n, message)| {
        let pointer = move |m| format!("{at}/{n}/content/{m}/file_id");
        message.content.files().map(move |(m, file)| (pointer(m), file))
    })
}

/// The message of an item, and whether it is a developer's.
fn read_one(mut item: Value, at: &str) -> Result<(NewMessage, bool), Vec<FieldError>> {
    if let Value::Object(members) = &mut item {
        // Messages need not say that they are.
        members.entry("type").or_insert_with(|| Value::from("message"));
    }
    let given: Given = serde_json::from_value(item).map_err(|_| {
        let detail = "It is no item that a conversation keeps: a message, a function_call or a function_call_output, with the members of those and no others.";
        vec![FieldError::new(at.to_owned(), detail)]
    })?;
    let is_message = matches!(given, Given::Message { .. });
    let (role, content, is_developer) = match given {
        Given::Message { role, content, .. } => {
            let content = read_content(content, role, at)?;
            let speaker = match role {
                Role::User => MessageRole::User,
                Role::Assistant => MessageRole::Assistant,
                Role::System | Role::Developer => MessageRole::System,
            };
            (speaker, content, role == Role::Developer)
        }
        Given::FunctionCall { call_id: id, name, arguments, .. } => {
            let call = Part::ToolCall { id, name, arguments: Value::String(arguments) };
            (MessageRole::Assistant, Content::Parts(vec![call]), false)
        }
        Given::FunctionCallOutput { call_id: tool_call_id, output, .. } => {
            let content = read_output(output, at)?;
            let result = Part::ToolResult { tool_call_id, content, is_error: false };
            (MessageRole::Tool, Content::Parts(vec![result]), false)
        }
    };
    let here = |error: FieldError| {
        let pointer = error.pointer.as_str();
        // A call has no content of its own in OpenAI's words.
        let own = if is_message { pointer } else { pointer.trim_start_matches("/content/0") };
        FieldError { pointer: format!("{at}{own}"), ..error }
    };
    let errors: Vec<_> = content.check().into_iter().map(here).collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let (status, model, usage, metadata) = (MessageStatus::Completed, None, None, None);
    Ok((NewMessage { role, status, content, model, usage, metadata }, is_developer))
}

fn read_content(content: Value, role: Role, at: &str) -> Result<Content, Vec<FieldError>> {
    let pieces = match content {
        Value::String(text) => return Ok(Content::Text(text)),
        Value::Array(pieces) => pieces,
        _ => {
            let detail = "It is a text or a list of parts.";
            return Err(vec![FieldError::new(format!("{at}/content"), detail)]);
        }
    };
    let (mut parts, mut errors) = (Vec::new(), Vec::new());
    for (n, piece) in pieces.into_iter().enumerate() {
        if let Some(part) = read_piece(piece, role) {
            parts.push(part);
        } else {
            let detail = "It is no part that a message of this role keeps: input_text, input_image and input_file with the file_id of a stored file and nothing else, output_text of the assistant's.";
            errors.push(FieldError::new(format!("{at}/content/{n}"), detail));
        }
    }
    if errors.is_empty() { Ok(Content::Parts(parts)) } else { Err(errors) }
}

fn read_piece(piece: Value, role: Role) -> Option<Part> {
    let is_assistant = role == Role::Assistant;
    match serde_json::from_value(piece).ok()? {
        Piece::InputText { text } if !is_assistant => Some(Part::Text { text }),
        Piece::OutputText { text, annotations, logprobs } if is_assistant => {
            let is_plain = annotations.is_empty() && logprobs.is_none_or(|list| list.is_empty());
            is_plain.then_some(Part::Text { text })
        }
        Piece::InputImage { file_id, detail: None | Some(Detail::Auto), image_url: None }
            if role == Role::User =>
        {
            Some(Part::ImageFile { file_id })
        }
        Piece::InputFile { file_id, filename } if role == Role::User => {
            Some(Part::File { file_id, name: filename })
        }
        _ => None,
    }
}

/// What a function gave back: a text, or texts.
fn read_output(output: Value, at: &str) -> Result<String, Vec<FieldError>> {
    let texts: Option<Vec<String>> = match output {
        Value::String(text) => return Ok(text),
        Value::Array(pieces) => pieces
            .into_iter()
            .map(|piece| match serde_json::from_value(piece) {
                Ok(Piece::InputText { text }) => Some(text),
                _ => None,
            })
            .collect(),
        _ => None,
    };
    texts.map(|texts| texts.join("\n")).ok_or_else(|| {
        let detail = "It is a text or a list of input_text.";
        vec![FieldError::new(format!("{at}/output"), detail)]
    })
}
