#![doc = include_str!("../README.md")]

mod everything;
mod files;
mod piece;

pub use everything::{SweepError, Swept, sweep};
pub use files::{FileSweepError, forget_chunks, piece_of_files, remove_chunks};
pub use piece::{MESSAGES_MAX, piece_of_account, piece_of_conversation};
