//! What a secret may look like when it turns up somewhere.

use std::collections::HashMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// How many bytes of a form are looked up at once. Every form of every secret is longer.
const START: usize = 4;

/// All forms of all secrets, found in one pass over a text by how they start.
#[derive(Default)]
pub struct Traces(HashMap<[u8; START], Vec<Form>>);

struct Form {
    secret: String,
    name: &'static str,
    bytes: Vec<u8>,
}

impl Traces {
    pub fn add(&mut self, name: &str, secret: &str) {
        for (form, text) in forms(secret) {
            let bytes = text.into_bytes();
            let start = bytes[..START].try_into().unwrap();
            self.0.entry(start).or_default().push(Form {
                secret: name.to_owned(),
                name: form,
                bytes,
            });
        }
    }

    /// Where traces of secrets are, if there are any.
    pub fn find(&self, bytes: &[u8], place: &str) -> Vec<String> {
        let forms_at = |at: usize| {
            let candidates = bytes[at..].first_chunk().and_then(|start| self.0.get(start));
            candidates
                .into_iter()
                .flatten()
                .filter(move |form| bytes[at..].starts_with(&form.bytes))
        };
        (0..bytes.len())
            .flat_map(forms_at)
            .map(|form| format!("{} is in {place}, {}", form.secret, form.name))
            .collect()
    }
}

fn forms(secret: &str) -> Vec<(&'static str, String)> {
    let bytes = secret.as_bytes();
    let each =
        |form: &dyn Fn(u8) -> String| bytes.iter().map(|byte| form(*byte)).collect::<String>();
    let mut forms = vec![
        ("raw", secret.to_owned()),
        ("hexadecimal", each(&|byte| format!("{byte:02x}"))),
        ("hexadecimal", each(&|byte| format!("{byte:02X}"))),
        ("escaped for URLs", all_escaped(secret)),
        ("escaped for URLs", each(&|byte| format!("%{byte:02x}"))),
        ("escaped for URLs", some_escaped(secret)),
        ("escaped for JSON", each(&|byte| format!("\\u{byte:04x}"))),
        ("reversed", secret.chars().rev().collect()),
    ];
    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        // In a longer text the secret may begin at any of three places of the alphabet's groups; the ends depend on neighbours.
        for before in 0..3 {
            let text = engine.encode([&vec![b' '; before], bytes].concat());
            forms.push(("base64", text[4.min(4 * before)..text.len() - 2].to_owned()));
        }
    }
    forms
}

/// Percent-encoding of every byte.
pub fn all_escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        write!(escaped, "%{byte:02X}").unwrap();
        escaped
    })
}

/// Percent-encoding as libraries do it: what is unreserved stands for itself.
fn some_escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").unwrap();
        }
        escaped
    })
}

#[test]
fn every_form_of_a_secret_is_recognized() {
    let secret = "kX9/mQ2+vL7=sT4\"pZ8";
    let mut traces = Traces::default();
    traces.add("secret", secret);
    for before in 0..6 {
        let text = format!("{}{secret}xyz", "-".repeat(before));
        for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
            assert!(!traces.find(encoded.as_bytes(), "").is_empty(), "{before}: {encoded}");
        }
        assert!(!traces.find(text.as_bytes(), "").is_empty());
    }
    assert!(traces.find(b"kX9/mQ2+vL7=sT4", "").is_empty());
}
