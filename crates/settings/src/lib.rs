#![doc = include_str!("../README.md")]

mod auth;
mod chat;
mod chunks;
mod config;
mod conversations;
mod data;
mod files;
mod limits;
mod mail;
mod oidc;
mod variables;
mod vault;

pub use auth::AuthSettings;
pub use chat::ChatSettings;
pub use chunks::ChunkSettings;
pub use config::{ConfigSettings, PrimaryModel};
pub use conversations::ConversationsSettings;
pub use data::DataSettings;
pub use files::FilesSettings;
pub use limits::LimitSettings;
pub use oidc::{Introspection, OidcProvider};
pub use variables::{SettingsError, Variables};
pub use vault::VaultSettings;
