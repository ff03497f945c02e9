//! Models: which one is asked, where, with whose key, and what it answers.

mod answer;
mod ask;
mod chosen;
mod failure;

pub use answer::Answering;
pub use chosen::{Chosen, PLATFORM, primary_id};
pub use failure::AskError;
