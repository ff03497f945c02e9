#![doc = include_str!("../README.md")]

mod algorithm;
mod client;
mod discovery;
mod id_token;
mod introspection;
mod key_set;
mod request;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use client::{Client, ClientSecret};
pub use discovery::{Discovery, InvalidDiscovery};
pub use id_token::{Expected, Identity, InvalidIdToken, is_compact, key_id, verify_id_token};
pub use introspection::{InvalidIntrospection, introspection_request, read_introspection};
pub use key_set::{InvalidKeySet, KeySet};
pub use request::{
    AuthorizationRequest, Form, InvalidTokenAnswer, TokenRequest, code_challenge, read_id_token,
};
