#![doc = include_str!("../README.md")]

mod canonical;
mod credentials;

use std::fmt::Write as _;

use ambient::UnixMillis;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

pub use canonical::{Payload, Request};
pub use credentials::Credentials;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// For which service a signature is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// As in `eu-central-1`.
    pub region: &'a str,
    /// As in `kms` and `s3`.
    pub service: &'a str,
}

/// A header that goes with a signed request. Its value may be a secret: the session token is one.
pub type Header = (&'static str, Zeroizing<String>);

/// The headers that make a request count.
///
/// They are `x-amz-date`, `authorization`, and where there is one the session token; for S3 the digest of the body too. They are to be sent
/// with the request, which is otherwise to be sent as it was given.
pub fn sign(
    credentials: &Credentials,
    scope: Scope<'_>,
    request: &Request<'_>,
    at: UnixMillis,
) -> Vec<Header> {
    let time = basic_format(at);
    let day = time.get(..8).unwrap_or_default();
    let Scope { region, service } = scope;
    let is_s3 = service == "s3";

    let mut headers: Vec<Header> = vec![("x-amz-date", time.clone().into())];
    if let Some(token) = credentials.session_token() {
        headers.push(("x-amz-security-token", token.to_owned().into()));
    }
    if is_s3 {
        headers.push(("x-amz-content-sha256", request.payload.digest().into()));
    }
    let canonical = request.canonical(&headers, is_s3);
    let signed = canonical.signed_headers;
    let digest = hexadecimal(&Sha256::digest(canonical.text.as_bytes()));
    let place = format!("{day}/{region}/{service}/aws4_request");
    let text = format!("{ALGORITHM}\n{time}\n{place}\n{digest}");

    let parts = [day, region, service, "aws4_request"];
    let first = Zeroizing::new(format!("AWS4{}", credentials.secret()));
    let key = parts.iter().fold(Zeroizing::new(first.as_bytes().to_vec()), |key, part| {
        Zeroizing::new(hmac(&key, part).to_vec())
    });
    let signature = hexadecimal(&hmac(&key, &text));
    let id = &credentials.access_key_id;
    let authorization = format!(
        "{ALGORITHM} Credential={id}/{place}, SignedHeaders={signed}, Signature={signature}"
    );
    headers.push(("authorization", authorization.into()));
    headers
}

/// ISO 8601 in its basic format, as in `20150830T123600Z`.
fn basic_format(at: UnixMillis) -> String {
    let extended = at.to_string();
    let seconds = extended.split('.').next().unwrap_or_default();
    seconds.chars().filter(char::is_ascii_alphanumeric).chain(['Z']).collect()
}

fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

#[cfg(test)]
mod tests;
