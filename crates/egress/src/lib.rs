#![doc = include_str!("../README.md")]

mod message;
mod patience;
#[cfg(target_family = "wasm")]
#[path = "component.rs"]
mod platform;
#[cfg(not(target_family = "wasm"))]
#[path = "native.rs"]
mod platform;
mod policy;
mod stream;

pub use message::{EgressError, Limits, Request, Response};
pub use patience::Patience;
pub use platform::{Egress, within};
pub use policy::{ParseOriginsError, Target, UrlPolicy, UrlRefused};
pub use stream::{Pieces, StreamLimits, StreamedResponse};
