//! What a secret may look like when it turns up somewhere.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

pub struct Traces {
    name: String,
    forms: Vec<(&'static str, Vec<u8>)>,
}

impl Traces {
    pub fn new(name: &str, secret: &str) -> Self {
        let bytes = secret.as_bytes();
        let each =
            |form: &dyn Fn(u8) -> String| bytes.iter().map(|byte| form(*byte)).collect::<String>();
        let mut forms = vec![
            ("raw", secret.to_owned()),
            ("hexadecimal", each(&|byte| format!("{byte:02x}"))),
            ("hexadecimal", each(&|byte| format!("{byte:02X}"))),
            ("escaped for URLs", each(&|byte| format!("%{byte:02X}"))),
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
        let forms = forms.into_iter().map(|(form, text)| (form, text.into_bytes())).collect();
        Self { name: name.to_owned(), forms }
    }

    /// Where a trace of the secret is, if there is one.
    pub fn find(&self, bytes: &[u8], place: &str) -> Option<String> {
        let (form, _) = self.forms.iter().find(|(_, form)| contains(bytes, form))?;
        Some(format!("{} is in {place}, {form}", self.name))
    }
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

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    part.len() <= bytes.len() && bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn every_form_of_a_secret_is_recognized() {
    let secret = "kX9/mQ2+vL7=sT4\"pZ8";
    let traces = Traces::new("secret", secret);
    for before in 0..6 {
        let text = format!("{}{secret}xyz", "-".repeat(before));
        for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
            assert!(traces.find(encoded.as_bytes(), "").is_some(), "{before}: {encoded}");
        }
        assert!(traces.find(text.as_bytes(), "").is_some());
    }
    assert!(traces.find(b"kX9/mQ2+vL7=sT4", "").is_none());
}
