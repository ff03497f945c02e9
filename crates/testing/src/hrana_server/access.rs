//! Who may do what, by the token of the request.

use anyhow::Context;
use hyper::header::AUTHORIZATION;
use hyper::{HeaderMap, StatusCode};
use jwt_simple::prelude::*;

use super::failure::Answer;

/// The key that signs and checks tokens, when tokens are wanted at all.
pub struct Access {
    key: Option<Ed25519KeyPair>,
}

/// What a request may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    ReadOnly,
    ReadWrite,
}

/// The claim that says so, as the server defines it.
#[derive(Serialize, Deserialize)]
struct Claim {
    a: String,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Access").field("tokens", &self.key.is_some()).finish()
    }
}

impl Access {
    pub fn new(tokens: bool) -> Self {
        Self { key: tokens.then(Ed25519KeyPair::generate) }
    }

    pub fn token(&self, permission: &str) -> anyhow::Result<String> {
        let Some(key) = &self.key else { return Ok(String::new()) };
        let claim = Claim { a: permission.to_owned() };
        let claims = Claims::with_custom_claims(claim, Duration::from_hours(1));
        key.sign(claims).context("the token cannot be signed")
    }

    pub fn permission(&self, headers: &HeaderMap) -> Result<Permission, Answer> {
        let Some(key) = &self.key else { return Ok(Permission::ReadWrite) };
        let refused = |message| Answer::error(StatusCode::UNAUTHORIZED, message);
        let header = headers.get(AUTHORIZATION).ok_or_else(|| {
            refused("The `Authorization` HTTP header is required but was not specified")
        })?;
        let token = header
            .to_str()
            .ok()
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or_else(|| refused("The `Authorization` HTTP header has invalid value"))?;
        // The server ignores `nbf`.
        let options = VerificationOptions { accept_future: true, ..VerificationOptions::default() };
        let claims = key
            .public_key()
            .verify_token::<Claim>(token, Some(options))
            .map_err(|_| refused("The JWT is invalid"))?;
        match claims.custom.a.as_str() {
            "rw" => Ok(Permission::ReadWrite),
            "ro" => Ok(Permission::ReadOnly),
            _ => Err(refused("The JWT is invalid")),
        }
    }
}
