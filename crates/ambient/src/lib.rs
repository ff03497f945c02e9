#![doc = include_str!("../README.md")]

mod clock;
mod entropy;
pub mod log;

pub use clock::{Clock, Hand, ParseTimeError, UnixMillis};
pub use entropy::{Entropy, EntropyError};
