#![doc = include_str!("../README.md")]

mod answer;
mod anthropic;
mod anthropic_request;
mod calls;
mod decoder;
mod error;
mod openai;
mod openai_request;
mod prompt;

pub use answer::{Completion, Finish, Output, Usage};
pub use decoder::{Decoder, Limits};
pub use error::ProviderError;
pub use prompt::{Message, Parameters, Part, Prompt, Tool, ToolCall, Unwritable, Wire};
