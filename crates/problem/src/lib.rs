#![doc = include_str!("../README.md")]

mod extract;
mod if_match;
mod json;
mod json_object;
pub mod kinds;
mod manners;
mod problem;
mod shape;

pub use extract::{Path, Query};
pub use if_match::IfMatch;
pub use json::{BODY_BYTES_MAX, BodyLimit, Json, read_body};
pub use json_object::{JsonObject, METADATA_BYTES_MAX};
pub use kinds::Kind;
pub use manners::{Manners, with_manners};
pub use problem::{FieldError, Problem, chain};
