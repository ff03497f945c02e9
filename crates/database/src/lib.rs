#![doc = include_str!("../README.md")]

mod error;
mod rows;
mod statement;
mod value;

#[cfg(target_family = "wasm")]
mod component;
#[cfg(not(target_family = "wasm"))]
mod native;

#[cfg(target_family = "wasm")]
pub use component::Database;
pub use error::{ConstraintKind, DatabaseError};
#[cfg(not(target_family = "wasm"))]
pub use native::Database;
pub use rows::{FromValue, Row, Rows};
pub use statement::Statement;
pub use value::Value;
