#![doc = include_str!("../README.md")]

mod aws_kms;
mod envelope;
mod error;
mod kek;
mod remembered;
mod rotation;
mod row;
mod secret;
mod services;
mod store;
mod transit;
mod vault;

pub use envelope::{SECRET_BYTES_MAX, Sealed};
pub use error::VaultError;
pub use rotation::{KekStatus, Rotated, RotationError, check, retire, rotate, status};
pub use row::Row;
pub use secret::{Secret, last_four};
pub use services::{KeyServices, ParseKeyServicesError};
pub use store::{Kind, Owner};
pub use vault::Vault;
