use serde::Deserialize;
use serde_json::value::RawValue;

use crate::McpError;
use crate::message::object;
use crate::tool::is_object;

/// What a tool gave back. All of it is text of a stranger's: data, never an instruction (SECURITY R109).
#[derive(Debug, Clone)]
pub struct ToolResult {
    pub content: Vec<Content>,
    /// The JSON object of tools that have an output schema. It was not checked against it.
    pub structured: Option<Box<RawValue>>,
    /// The tool failed, and the content says how, for the model.
    pub is_error: bool,
}

/// A part of a result. Bytes stay in base64, as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Text(String),
    Image { data: String, mime_type: String },
    Audio { data: String, mime_type: String },
    Link { uri: String, name: String, description: Option<String>, mime_type: Option<String> },
    Embedded(Resource),
}

/// A resource that stands in the result itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    pub uri: String,
    pub mime_type: Option<String>,
    pub body: ResourceBody,
}

/// What a resource holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResourceBody {
    Text(String),
    Blob(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireResult {
    #[serde(default)]
    content: Vec<WireContent>,
    #[serde(default)]
    structured_content: Option<Box<RawValue>>,
    #[serde(default)]
    is_error: bool,
}

/// All kinds in one: a tagged enum would first make a tree of whatever comes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireContent {
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    data: Option<String>,
    #[serde(default)]
    mime_type: Option<String>,
    #[serde(default)]
    uri: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    resource: Option<WireResource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Text,
    Image,
    Audio,
    ResourceLink,
    Resource,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireResource {
    uri: String,
    #[serde(default)]
    mime_type: Option<String>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    blob: Option<String>,
}

impl ToolResult {
    /// Reads the result of `tools/call`.
    pub(crate) fn read(result: &str) -> Result<Self, McpError> {
        let result: WireResult = object(result)?;
        let content: Option<Vec<_>> = result.content.into_iter().map(WireContent::read).collect();
        if result.structured_content.as_deref().is_some_and(|json| !is_object(json)) {
            return Err(McpError::Malformed);
        }
        Ok(Self {
            content: content.ok_or(McpError::Malformed)?,
            structured: result.structured_content,
            is_error: result.is_error,
        })
    }
}

impl WireContent {
    /// `None` when something is missing that its kind has.
    fn read(self) -> Option<Content> {
        Some(match self.kind {
            Kind::Text => Content::Text(self.text?),
            Kind::Image => Content::Image { data: self.data?, mime_type: self.mime_type? },
            Kind::Audio => Content::Audio { data: self.data?, mime_type: self.mime_type? },
            Kind::ResourceLink => Content::Link {
                uri: self.uri?,
                name: self.name?,
                description: self.description,
                mime_type: self.mime_type,
            },
            Kind::Resource => Content::Embedded(self.resource?.read()?),
        })
    }
}

impl WireResource {
    fn read(self) -> Option<Resource> {
        let body = match (self.text, self.blob) {
            (Some(text), None) => ResourceBody::Text(text),
            (None, Some(blob)) => ResourceBody::Blob(blob),
            (Some(_), Some(_)) | (None, None) => return None,
        };
        Some(Resource { uri: self.uri, mime_type: self.mime_type, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_that_are_none_are_refused() {
        for content in [
            r#"{"type":"text"}"#,
            r#"{"text":"a"}"#,
            r#"{"type":"video","data":"","mimeType":""}"#,
            r#"{"type":"image","data":""}"#,
            r#"{"type":"audio","mimeType":""}"#,
            r#"{"type":"resource_link","uri":"a:b"}"#,
            r#"{"type":"resource"}"#,
            r#"{"type":"resource","resource":{"uri":"a:b"}}"#,
            r#"{"type":"resource","resource":{"uri":"a:b","text":"","blob":""}}"#,
            r#"{"type":"text","text":"a","text":"b"}"#,
            "null",
        ] {
            let outcome = ToolResult::read(&format!(r#"{{"content":[{content}]}}"#));
            assert_eq!(outcome.unwrap_err(), McpError::Malformed, "{content}");
        }
        for result in
            ["null", "[]", r#"{"content":"a"}"#, r#"{"content":[],"structuredContent":[1]}"#]
        {
            assert_eq!(ToolResult::read(result).unwrap_err(), McpError::Malformed, "{result}");
        }
    }

    #[test]
    fn every_kind_of_content_is_read() {
        let result = ToolResult::read(
            r#"{"content":[{"type":"text","text":"a\u0000"},{"type":"image","data":"AA==","mimeType":"image/png"},
                {"type":"audio","data":"AA==","mimeType":"audio/wav","annotations":{"priority":1}},
                {"type":"resource_link","uri":"file:///x","name":"x"},
                {"type":"resource","resource":{"uri":"a:b","text":"t"}},
                {"type":"resource","resource":{"uri":"a:b","mimeType":"m","blob":"AA=="}}],
                "structuredContent":{"n":1.50},"isError":true,"_meta":{}}"#,
        )
        .unwrap();
        let data = || "AA==".to_owned();
        let resource = |mime_type: Option<&str>, body| {
            let mime_type = mime_type.map(str::to_owned);
            Content::Embedded(Resource { uri: "a:b".to_owned(), mime_type, body })
        };
        let expected = [
            Content::Text("a\0".to_owned()),
            Content::Image { data: data(), mime_type: "image/png".to_owned() },
            Content::Audio { data: data(), mime_type: "audio/wav".to_owned() },
            Content::Link {
                uri: "file:///x".to_owned(),
                name: "x".to_owned(),
                description: None,
                mime_type: None,
            },
            resource(None, ResourceBody::Text("t".to_owned())),
            resource(Some("m"), ResourceBody::Blob(data())),
        ];
        assert_eq!(result.content, expected);
        assert_eq!(result.structured.unwrap().get(), r#"{"n":1.50}"#);
        assert!(result.is_error);
    }
}
