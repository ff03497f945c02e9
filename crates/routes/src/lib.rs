#![doc = include_str!("../README.md")]

mod readiness;
mod table;

pub use axum::http::Method;
pub use readiness::Readiness;
pub use table::{Access, Declaration, Gates, Route, RouteTable};
