//! What a tool gave back, as text for a model.

use mcp::{Content, McpError, ResourceBody, ToolResult};

/// How much of a result a model is told, in bytes.
const RESULT_BYTES_MAX: usize = 64 * 1024;

/// The result of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub text: String,
    pub is_error: bool,
}

impl Outcome {
    /// A call that was not carried out, or whose result is not known.
    pub fn error(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_error: true }
    }
}

impl From<ToolResult> for Outcome {
    fn from(result: ToolResult) -> Self {
        let ToolResult { content, structured, is_error } = result;
        let mut texts: Vec<String> = content.into_iter().map(told).collect();
        // Whoever has a structure says it as text, too; those that do not are told by it.
        if let Some(structured) = structured.filter(|_| texts.is_empty()) {
            texts.push(structured.get().to_owned());
        }
        Self { text: shortened(texts.join("\n")), is_error }
    }
}

impl From<McpError> for Outcome {
    fn from(error: McpError) -> Self {
        Self::error(match error {
            McpError::Refused { message, .. } => shortened(message),
            // Its texts hold nothing of what the server said.
            error => format!("The tool could not be called: {error}."),
        })
    }
}

fn told(content: Content) -> String {
    match content {
        Content::Text(text) => text,
        Content::Image { mime_type, .. } => format!("[An image of type {mime_type}.]"),
        Content::Audio { mime_type, .. } => format!("[Audio of type {mime_type}.]"),
        Content::Link { uri, name, .. } => format!("[{name}: {uri}]"),
        Content::Embedded(resource) => match resource.body {
            ResourceBody::Text(text) => text,
            ResourceBody::Blob(_) => format!("[A resource: {}]", resource.uri),
        },
    }
}

fn shortened(mut text: String) -> String {
    if RESULT_BYTES_MAX < text.len() {
        let end = (0..=RESULT_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or_default());
        text.push_str("\n[The rest is too long.]");
    }
    text
}
