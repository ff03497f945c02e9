#![doc = include_str!("../README.md")]

mod fingerprint;
mod ring;

pub use fingerprint::{KeyringError, check, register};
pub use ring::{Keyring, ParseKeyringError, Purpose, RootKey};
