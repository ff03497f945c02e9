#![doc = include_str!("../README.md")]

mod hosts;
mod key;
mod parameters;
mod provider;

pub use hosts::{Host, Hosts, ProviderKey};
pub use key::{Choice, Destination, KeyEntry, choose_key};
pub use parameters::{BrokenParameter, check_parameters};
pub use provider::{Provider, UnknownProvider};
