//! Tools of the account's MCP servers: what is offered to models, and what may be called without asking anybody.

mod approval;
mod connect;
mod offer;
mod result;

pub use connect::{Toolbox, Verdict, Wanted};
pub use result::Outcome;
