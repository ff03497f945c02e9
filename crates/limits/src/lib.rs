#![doc = include_str!("../README.md")]

mod backoff;
mod charge;
mod limit;

pub use backoff::Backoff;
pub use charge::{Charge, LimitError, charge};
pub use limit::{Limit, ParseLimitError};
