//! The interface of OpenAI's, as their SDKs call it.

mod chunk;
mod completion;
mod models;
mod relay;
mod request;
mod tools;

pub use completion::openai_create_completion;
pub use models::{openai_get_model, openai_list_models};
