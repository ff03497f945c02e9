#![doc = include_str!("../README.md")]

mod access;
mod gate;
mod instance;
mod openapi;
mod readiness;
mod repeat;
mod table;

pub use access::{Access, Tenant};
pub use axum::http::Method;
pub use gate::Gates;
pub use instance::answer;
pub use openapi::{Part, UnknownSchema, openapi};
pub use readiness::Readiness;
pub use table::{Declaration, Outcome, PasswordRule, Route, RouteTable};
