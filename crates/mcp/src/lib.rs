#![doc = include_str!("../README.md")]

mod client;
mod credentials;
mod ear;
mod error;
mod events;
mod legacy;
mod limits;
mod message;
mod result;
mod server;
mod streamable;
mod tool;
mod wire;

pub use client::{Client, Transport};
pub use credentials::{Credentials, InvalidCredentials};
pub use error::McpError;
pub use limits::Limits;
pub use result::{Content, Resource, ResourceBody, ToolResult};
pub use server::{ServerInfo, Version};
pub use tool::Tool;
