//! The interface of OpenAI's, as their SDKs call it.

mod chunk;
pub mod completion;
pub mod conversations;
pub mod items;
mod metadata;
mod models;
pub mod question;
pub mod relay;
pub mod request;
pub mod responses;
pub mod tools;

pub use completion::openai_create_completion;
pub use models::{openai_get_model, openai_list_models};
pub use responses::Wish;
