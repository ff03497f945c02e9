#![doc = include_str!("../README.md")]

mod everything;
mod piece;

pub use everything::{SweepError, Swept, sweep};
pub use piece::{MESSAGES_MAX, piece_of_account, piece_of_conversation};
