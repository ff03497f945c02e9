//! The form of a request over which a signature is computed.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest as _, Sha256};

use crate::{Header, hexadecimal};

/// All but the unreserved characters of RFC 3986.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// In a path, slashes separate.
const RESERVED_IN_PATHS: AsciiSet = RESERVED.remove(b'/');

/// A request as it is about to be sent.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub method: &'a str,
    /// The header `host`.
    pub host: &'a str,
    /// Percent-encoded, as it is sent.
    pub path: &'a str,
    /// Without the question mark, percent-encoded; empty when there is none.
    pub query: &'a str,
    /// Other headers that are to be signed.
    pub headers: &'a [(&'a str, &'a str)],
    pub payload: Payload<'a>,
}

/// What is known of a body.
#[derive(Clone, Copy)]
pub enum Payload<'a> {
    Bytes(&'a [u8]),
    /// The body is not signed; S3 takes this over TLS.
    Unsigned,
}

pub(crate) struct Canonical {
    pub text: String,
    /// Their names, joined by semicolons.
    pub signed_headers: String,
}

impl Payload<'_> {
    pub(crate) fn digest(&self) -> String {
        match self {
            Self::Bytes(bytes) => hexadecimal(&Sha256::digest(bytes)),
            Self::Unsigned => "UNSIGNED-PAYLOAD".to_owned(),
        }
    }
}

impl Request<'_> {
    pub(crate) fn canonical(&self, added: &[Header], is_s3: bool) -> Canonical {
        let path = match self.path {
            "" => "/".to_owned(),
            path if is_s3 => {
                let bytes: Vec<u8> = percent_decode_str(path).collect();
                percent_encode(&bytes, &RESERVED_IN_PATHS).to_string()
            }
            path => percent_encode(path.as_bytes(), &RESERVED_IN_PATHS).to_string(),
        };
        let headers = self.headers(added);
        let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        let signed_headers = names.join(";");
        let lines: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let lines = lines.concat();
        let (method, query, digest) = (self.method, self.query(), self.payload.digest());
        let text = format!("{method}\n{path}\n{query}\n{lines}\n{signed_headers}\n{digest}");
        Canonical { text, signed_headers }
    }

    /// Names and values decoded, encoded in the one way, and sorted.
    fn query(&self) -> String {
        let encoded = |text: &str| {
            let bytes: Vec<u8> = percent_decode_str(text).collect();
            percent_encode(&bytes, &RESERVED).to_string()
        };
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty());
        let mut pairs: Vec<(String, String)> = pairs
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (encoded(name), encoded(value)))
            .collect();
        pairs.sort();
        let pairs: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("&")
    }

    fn headers(&self, added: &[Header]) -> Vec<(String, String)> {
        let added = added.iter().map(|(name, value)| (*name, value.as_str()));
        let own = [("host", self.host)].into_iter().chain(self.headers.iter().copied());
        let mut headers: Vec<(String, String)> = own
            .chain(added)
            .map(|(name, value)| {
                let words: Vec<&str> = value.split(' ').filter(|word| !word.is_empty()).collect();
                (name.to_ascii_lowercase(), words.join(" "))
            })
            .collect();
        // Stable: values of one name stay in their order.
        headers.sort_by(|(a, _), (b, _)| a.cmp(b));
        headers
    }
}

impl fmt::Debug for Request<'_> {
    /// Headers and body may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("host", &self.host)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
