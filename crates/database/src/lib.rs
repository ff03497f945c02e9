#![doc = include_str!("../README.md")]

mod error;
mod rows;
mod statement;
mod value;

#[cfg(target_family = "wasm")]
#[path = "component.rs"]
mod body;
#[cfg(not(target_family = "wasm"))]
#[path = "native.rs"]
mod body;

pub use body::Database;
pub use error::{ConstraintKind, DatabaseError};
pub use rows::{FromValue, Row, Rows};
pub use statement::Statement;
pub use value::Value;
