//! Accounts, their members, invitations and log.

mod account;
pub mod http;
mod invitation;
mod invitation_store;
mod member;
mod store;
