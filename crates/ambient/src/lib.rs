#![doc = include_str!("../README.md")]

mod afterwards;
mod clock;
mod entropy;
pub mod log;
mod spawn;

pub use afterwards::Afterwards;
pub use clock::{Clock, Hand, ParseTimeError, UnixMillis};
pub use entropy::{Entropy, EntropyError};
pub use spawn::spawn;
