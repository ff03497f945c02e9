use std::collections::HashSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::message::object;
use crate::{Limits, McpError};

/// The longest name of a tool, in characters.
const NAME_CHARS_MAX: usize = 128;

/// The longest cursor, in bytes: it is sent back.
const CURSOR_BYTES_MAX: usize = 4096;

/// A tool, as its server describes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tool {
    pub name: String,
    /// A name for people.
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    /// The JSON Schema of its arguments: an object.
    pub input_schema: Box<RawValue>,
    /// The JSON Schema of [`ToolResult::structured`](crate::ToolResult::structured): an object.
    #[serde(default)]
    pub output_schema: Option<Box<RawValue>>,
}

/// A list of tools that is read page by page.
#[derive(Debug)]
pub struct ToolList {
    limits: Limits,
    tools: Vec<Tool>,
    names: HashSet<String>,
    cursors: HashSet<String>,
    bytes_left: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    tools: Vec<Tool>,
    #[serde(default)]
    next_cursor: Option<String>,
}

impl Tool {
    fn bytes(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        self.name.len()
            + text(&self.title)
            + text(&self.description)
            + self.input_schema.get().len()
            + self.output_schema.as_ref().map_or(0, |schema| schema.get().len())
    }

    /// Whether a name can be told from others by looking at it, and schemas are some.
    fn is_proper(&self) -> bool {
        !self.name.is_empty()
            && self.name.chars().count() <= NAME_CHARS_MAX
            && !self.name.chars().any(|c| c.is_control() || c.is_whitespace())
            && is_object(&self.input_schema)
            && self.output_schema.as_deref().is_none_or(is_object)
    }
}

impl ToolList {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            tools: Vec::new(),
            names: HashSet::new(),
            cursors: HashSet::new(),
            bytes_left: limits.tools_bytes_max,
        }
    }

    /// Adds a page, and gives the cursor of the next.
    pub fn add(&mut self, result: &str) -> Result<Option<String>, McpError> {
        let page: Page = object(result)?;
        for tool in page.tools {
            if !tool.is_proper() || !self.names.insert(tool.name.clone()) {
                return Err(McpError::Malformed);
            }
            self.bytes_left = self.bytes_left.checked_sub(tool.bytes()).ok_or(McpError::TooMuch)?;
            self.tools.push(tool);
            if self.limits.tools_max < self.tools.len() {
                return Err(McpError::TooMuch);
            }
        }
        let Some(cursor) = page.next_cursor else { return Ok(None) };
        // A cursor that comes again would go round for ever.
        if CURSOR_BYTES_MAX < cursor.len() || !self.cursors.insert(cursor.clone()) {
            return Err(McpError::Malformed);
        }
        if self.limits.pages_max <= self.cursors.len() {
            return Err(McpError::TooMuch);
        }
        Ok(Some(cursor))
    }

    pub fn into_tools(self) -> Vec<Tool> {
        self.tools
    }
}

/// Whether JSON that was parsed already is an object.
pub fn is_object(json: &RawValue) -> bool {
    json.get().starts_with('{')
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: fn() -> Limits =
        || Limits { pages_max: 2, tools_max: 3, tools_bytes_max: 300, ..Limits::default() };

    fn tool(name: &str) -> String {
        format!(r#"{{"name":"{name}","inputSchema":{{"type":"object"}}}}"#)
    }

    fn page(tools: &[String], cursor: &str) -> String {
        format!(r#"{{"tools":[{}],"nextCursor":{cursor}}}"#, tools.join(","))
    }

    fn add(pages: &[String]) -> Result<Vec<String>, McpError> {
        let mut list = ToolList::new(LIMITS());
        for page in pages {
            list.add(page)?;
        }
        Ok(list.into_tools().into_iter().map(|tool| tool.name).collect())
    }

    #[test]
    fn lists_that_are_none_or_too_long_are_refused() {
        let malformed = Err(McpError::Malformed);
        for text in ["{}", "[]", r#"{"tools":{}}"#, r#"{"tools":[{"name":"a"}]}"#] {
            assert_eq!(add(&[text.to_owned()]), malformed, "{text}");
        }
        let long = "x".repeat(NAME_CHARS_MAX + 1);
        for name in ["", "a b", r"a\u0000", r"a\n", &long] {
            assert_eq!(add(&[page(&[tool(name)], "null")]), malformed, "{name}");
        }
        for schema in ["null", "true", "[]", r#""{}""#] {
            let tool = format!(r#"{{"name":"a","inputSchema":{schema}}}"#);
            assert_eq!(add(&[page(&[tool], "null")]), malformed, "{schema}");
        }
        assert_eq!(add(&[page(&[tool("a"), tool("a")], "null")]), malformed, "the same name twice");
        let (first, again) = (page(&[tool("a")], r#""c""#), page(&[tool("b")], r#""c""#));
        assert_eq!(add(&[first.clone(), again]), malformed, "the same cursor twice");
        let third = page(&[tool("b")], r#""d""#);
        assert_eq!(add(&[first, third]), Err(McpError::TooMuch), "a third page");
        let names = ["a", "b", "c", "d"].map(tool);
        assert_eq!(add(&[page(&names, "null")]), Err(McpError::TooMuch), "a fourth tool");
        let text = r#"{"name":"a","description":"DDD","inputSchema":{}}"#;
        let large = text.replace("DDD", &"d".repeat(298));
        assert_eq!(add(&[page(&[large], "null")]), Err(McpError::TooMuch), "too many bytes");
        let exact = text.replace("DDD", &"d".repeat(297));
        assert_eq!(add(&[page(&[exact], "null")]), Ok(vec!["a".to_owned()]));
    }

    #[test]
    fn pages_make_one_list_with_schemas_as_they_were_written() {
        let schema = r#"{"type":"object","properties":{"n":{"const":1.0000000000000000001}}}"#;
        let first = format!(r#"{{"name":"a","title":"A","inputSchema":{schema}}}"#);
        let mut list = ToolList::new(LIMITS());
        assert_eq!(list.add(&page(&[first], r#""c""#)), Ok(Some("c".to_owned())));
        assert_eq!(list.add(&page(&[tool("b")], "null")), Ok(None));
        let tools = list.into_tools();
        assert_eq!((tools.len(), tools[0].title.as_deref()), (2, Some("A")));
        assert_eq!(tools[0].input_schema.get(), schema);
    }
}
