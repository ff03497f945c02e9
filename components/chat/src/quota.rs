//! What may be used and what was: `/api/quota`, `/api/usage`, and what the operator sets for an account.

pub mod cursor;
pub mod http;
pub mod service;
