use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// Whether somebody is asked before a tool is called. Whoever says nothing is asked (SECURITY R109).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    Always,
    Never,
    /// As it is said of each tool, and always for the rest.
    PerTool,
}

/// What the member `mcp` of the settings says of approvals: `{"approval": "per_tool", "tools": {"server": {"tool": "never"}}}`.
#[derive(Debug, Default)]
pub struct Rules {
    mode: Mode,
    /// By the server's name and the tool's.
    tools: BTreeMap<String, BTreeMap<String, Mode>>,
}

impl Rules {
    /// The rules of a document. What has another form than it should is as if it were not there, which is the strict side.
    pub fn read(settings: &Map<String, Value>) -> Self {
        let mode = settings.get("approval").and_then(|mode| Mode::deserialize(mode).ok());
        let servers = settings.get("tools").and_then(Value::as_object).into_iter().flatten();
        let tools = servers.map(|(server, tools)| {
            let tools = tools.as_object().into_iter().flatten();
            let known = tools.filter_map(|(tool, mode)| {
                Mode::deserialize(mode).ok().map(|mode| (tool.clone(), mode))
            });
            (server.clone(), known.collect())
        });
        Self { mode: mode.unwrap_or_default(), tools: tools.collect() }
    }

    /// Whether somebody is asked before this tool is called.
    pub fn asks(&self, server: &str, tool: &str) -> bool {
        let own = self.tools.get(server).and_then(|tools| tools.get(tool)).copied();
        match self.mode {
            Mode::Always => true,
            Mode::Never => own == Some(Mode::Always),
            Mode::PerTool => own != Some(Mode::Never),
        }
    }
}

/// What an approval is about: this tool as this server describes it, with these arguments. Every part is preceded by its length, so that no two are
/// written alike.
pub fn digest(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    let mut text = String::new();
    for byte in digest.finalize() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asks(settings: &Value, tool: &str) -> bool {
        Rules::read(settings.as_object().unwrap()).asks("s", tool)
    }

    #[test]
    fn whoever_says_nothing_is_asked() {
        for settings in [
            json!({}),
            json!({"approval": "always", "tools": {"s": {"t": "never"}}}),
            json!({"approval": "NEVER"}),
            json!({"approval": 1, "tools": []}),
            json!({"approval": "per_tool", "tools": {"s": {"other": "never"}, "other": {"t": "never"}}}),
            json!({"approval": "per_tool", "tools": {"s": {"t": true}}}),
            json!({"approval": "never", "tools": {"s": {"t": "always"}}}),
        ] {
            assert!(asks(&settings, "t"), "{settings}");
        }
        for settings in [
            json!({"approval": "never"}),
            json!({"approval": "per_tool", "tools": {"s": {"t": "never"}}}),
        ] {
            assert!(!asks(&settings, "t"), "{settings}");
        }
    }

    #[test]
    fn nothing_can_pass_from_one_part_into_the_next() {
        assert_ne!(digest(&["a", "b"]), digest(&["ab", ""]));
        assert_ne!(digest(&["a"]), digest(&["a", ""]));
        assert_eq!(digest(&["a", "b"]), digest(&["a", "b"]));
    }
}
