//! The interface of Anthropic's, as their SDKs call it.

mod content;
mod messages;
mod object;
mod request;
mod story;
mod telling;
mod tools;

pub use messages::anthropic_create_message;
