#![doc = include_str!("../README.md")]

mod append;
mod content;
mod message;
mod title;

pub use append::{Append, MessagesError, Position, list_missing_files};
pub use content::{CONTENT_BYTES_MAX, Content, NAME_CHARS_MAX, Part};
pub use message::{MessageRole, MessageStatus, NewMessage, Usage};
