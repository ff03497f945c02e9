#![doc = include_str!("../README.md")]

mod charge;
mod limit;

pub use charge::{Charge, LimitError, charge};
pub use limit::{Limit, ParseLimitError};
