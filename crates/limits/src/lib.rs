#![doc = include_str!("../README.md")]

mod allowance;
mod charge;
mod limit;

pub use allowance::Allowance;
pub use charge::{Charge, LimitError, charge};
pub use limit::{Limit, ParseLimitError};
