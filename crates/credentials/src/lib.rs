#![doc = include_str!("../README.md")]

mod access_token;
mod api_key_token;
mod bcrypt_hash;
mod common_passwords;
mod opaque_token;
mod password;
mod password_hash;
mod signing_key;
mod totp;

pub use access_token::{
    ACCESS_TOKEN_LIFETIME, AUDIENCE, AccessToken, Claims, InvalidToken, LEEWAY_S, TOKEN_BYTES_MAX,
};
pub use api_key_token::ApiKeyToken;
pub use opaque_token::OpaqueToken;
pub use password::{
    PASSWORD_CHARS_FLOOR, PASSWORD_CHARS_MAX, Password, PasswordError, PasswordPolicy,
};
pub use password_hash::{
    HashParameters, PasswordHashError, Verdict, hash_password, spend_a_verification,
    verify_password,
};
pub use signing_key::{Jwk, SignError, SigningKey, Verifier};
pub use totp::{RECOVERY_CODES, RecoveryCode, SealError, TotpSecret};
