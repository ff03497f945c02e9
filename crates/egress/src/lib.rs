#![doc = include_str!("../README.md")]

#[cfg(target_family = "wasm")]
mod component;
mod message;
#[cfg(not(target_family = "wasm"))]
mod native;
mod policy;

#[cfg(target_family = "wasm")]
pub use component::Egress;
pub use message::{EgressError, Limits, Request, Response};
#[cfg(not(target_family = "wasm"))]
pub use native::Egress;
pub use policy::{ParseOriginsError, Target, UrlPolicy, UrlRefused};
