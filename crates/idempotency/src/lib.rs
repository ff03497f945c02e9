#![doc = include_str!("../README.md")]

mod claim;
mod deferred;
mod derived;
mod key;
mod passing;
mod replays;
mod store;

pub use claim::Claim;
pub use deferred::{Deferred, StreamedRoute};
pub use derived::{Pepper, Request, SealError};
pub use key::{IDEMPOTENCY_KEY, KEY_BYTES_MAX, Key};
pub use replays::{LIFETIME, Look, Replays};
