#![doc = include_str!("../README.md")]

mod allowance;
mod backoff;
mod charge;
mod limit;

pub use allowance::Allowance;
pub use backoff::Backoff;
pub use charge::{Charge, LimitError, charge};
pub use limit::{Limit, ParseLimitError};
