use std::time::Duration;

use serde_json::{Value, json};

use super::{ProviderFault, ProviderRequest};

/// What a provider says to a prompt.
#[derive(Debug, Clone, Default)]
pub struct ProviderReply {
    /// The text, in the pieces that it is streamed in. Each is a token.
    pub pieces: Vec<String>,
    /// Calls of tools: the name, and the arguments as text. Each is a token.
    pub calls: Vec<(String, String)>,
    /// The time after each piece.
    pub pause: Duration,
    /// Whether the answer ends because it got too long.
    pub is_cut: bool,
    /// The sequence at which the answer ends, which only Anthropic's protocol says.
    pub stopped_at: Option<String>,
    pub fault: Option<ProviderFault>,
}

/// What an answer says about tokens: numbers, or what a fault puts in their place.
pub struct Said {
    pub input: Value,
    pub output: Value,
}

impl ProviderReply {
    /// This text, word by word.
    pub fn text(text: &str) -> Self {
        let pieces = text.split_inclusive(' ').map(str::to_owned).collect();
        Self { pieces, ..Self::default() }
    }

    /// So many pieces of text, each with its number.
    pub fn counting(pieces: usize) -> Self {
        let pieces = (0..pieces).map(|number| format!("{number} ")).collect();
        Self { pieces, ..Self::default() }
    }

    /// A call of a tool, and no text.
    pub fn call(name: &str, arguments: &Value) -> Self {
        let calls = vec![(name.to_owned(), arguments.to_string())];
        Self { calls, ..Self::default() }
    }

    #[must_use]
    pub fn with_pause(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    #[must_use]
    pub fn with_fault(self, fault: ProviderFault) -> Self {
        Self { fault: Some(fault), ..self }
    }

    /// The whole text.
    pub fn whole(&self) -> String {
        self.pieces.concat()
    }

    /// The tokens of the whole answer.
    pub fn output_tokens(&self) -> usize {
        self.pieces.len() + self.calls.len()
    }

    /// The reply with what a fault changes in what is said.
    pub(super) fn distorted(&self) -> Self {
        let mut reply = self.clone();
        match self.fault {
            Some(ProviderFault::BrokenCall) => {
                reply.calls = vec![("echo".to_owned(), r#"{"a": [1, "#.to_owned())];
            }
            Some(ProviderFault::NamelessCall) => {
                reply.calls = vec![(String::new(), "{}".to_owned())];
            }
            Some(ProviderFault::ManyCalls) => {
                reply.calls = vec![("echo".to_owned(), "{}".to_owned()); 1000];
            }
            Some(ProviderFault::GiantPiece) => reply.pieces = vec!["x".repeat(20 * 1024 * 1024)],
            _ => {}
        }
        reply
    }

    /// Whether it says how many tokens there were, and says it right.
    pub(super) fn tells_usage(&self) -> bool {
        use ProviderFault as F;
        let wrong = [F::NoUsage, F::NegativeUsage, F::FractionalUsage, F::HugeUsage];
        self.fault.is_none_or(|fault| !wrong.contains(&fault))
    }

    pub(super) fn usage(&self, request: &ProviderRequest) -> Option<Said> {
        let right =
            Said { input: json!(request.input_tokens()), output: json!(self.output_tokens()) };
        match self.fault {
            Some(ProviderFault::NoUsage) => None,
            Some(ProviderFault::NegativeUsage) => Some(Said { output: json!(-5), ..right }),
            Some(ProviderFault::FractionalUsage) => Some(Said { output: json!(1e30), ..right }),
            Some(ProviderFault::HugeUsage) => {
                Some(Said { input: json!(u64::MAX), output: json!(u64::MAX) })
            }
            _ => Some(right),
        }
    }
}
