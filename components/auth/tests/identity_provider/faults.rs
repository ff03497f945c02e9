//! What a hostile provider does.

use serde_json::json;
use testing::NOW;

use super::{Canned, Script, Signer};

const DISCOVERY: &str = "/.well-known/openid-configuration";

fn now_s() -> u64 {
    NOW.as_seconds()
}

fn canned(status: u16, content_type: &'static str, body: impl Into<bytes::Bytes>) -> Canned {
    Canned { status, content_type, location: None, body: body.into() }
}

fn json_text(body: impl Into<bytes::Bytes>) -> Canned {
    canned(200, "application/json", body)
}

/// A redirect to another path of the same server.
fn elsewhere(script: &Script, status: u16) -> Canned {
    let location = Some(format!("{}/elsewhere", script.origin));
    Canned { location, ..canned(status, "text/html", "") }
}

fn set(script: &mut Script, path: &'static str, answer: Canned) {
    script.answers.insert(path, Some(answer));
}

fn break_off(script: &mut Script, path: &'static str) {
    script.answers.insert(path, None);
}

pub const REFUSED: &str = "external_sign_in_refused";
pub const AWAY: &str = "identity_provider_unavailable";

/// What is wrong, how it comes about, and what the answer's code is.
pub type Fault = (&'static str, fn(&mut Script), &'static str);

/// Tokens that must not count, however they arrive.
pub const TOKENS: &[Fault] = &[
    ("a signature by another key", |s| s.signer = Signer::Another, REFUSED),
    ("alg none", |s| s.signer = Signer::Nobody, REFUSED),
    ("the public key as a secret", |s| s.signer = Signer::PublicKeyAsSecret, REFUSED),
    ("alg HS256 over a good signature", |s| s.header = json!({"alg": "HS256"}), REFUSED),
    ("alg of another kind of key", |s| s.header = json!({"alg": "RS256"}), REFUSED),
    ("an unknown kid", |s| s.header = json!({"kid": "k2"}), REFUSED),
    ("a kid like a path", |s| s.header = json!({"kid": "../../etc/passwd"}), REFUSED),
    ("a kid like SQL", |s| s.header = json!({"kid": "k1' OR '1'='1"}), REFUSED),
    (
        "an embedded key",
        |s| s.header = json!({"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "AA"}}),
        REFUSED,
    ),
    ("a key set URL", |s| s.header = json!({"jku": format!("{}/evil", s.origin)}), REFUSED),
    ("a certificate URL", |s| s.header = json!({"x5u": format!("{}/evil", s.origin)}), REFUSED),
    ("a certificate", |s| s.header = json!({"x5c": ["MIIB"]}), REFUSED),
    ("a critical extension", |s| s.header = json!({"crit": ["exp"]}), REFUSED),
    ("an access token", |s| s.header = json!({"typ": "at+jwt"}), REFUSED),
    ("a logout token", |s| s.header = json!({"typ": "logout+jwt"}), REFUSED),
    ("another issuer", |s| s.claims = json!({"iss": "https://evil.example"}), REFUSED),
    ("the issuer with a slash", |s| s.claims = json!({"iss": format!("{}/", s.origin)}), REFUSED),
    ("no issuer", |s| s.claims = json!({"iss": null}), REFUSED),
    ("another audience", |s| s.claims = json!({"aud": "them"}), REFUSED),
    ("audiences without us", |s| s.claims = json!({"aud": ["them", "they"]}), REFUSED),
    ("audiences without a party", |s| s.claims = json!({"aud": ["us", "them"]}), REFUSED),
    ("no audience", |s| s.claims = json!({"aud": null}), REFUSED),
    ("another party", |s| s.claims = json!({"azp": "them"}), REFUSED),
    ("a token that is over", |s| s.claims = json!({"exp": now_s() - 30}), REFUSED),
    ("a token without end", |s| s.claims = json!({"exp": now_s() + 90_000}), REFUSED),
    ("no end", |s| s.claims = json!({"exp": null}), REFUSED),
    ("an end in words", |s| s.claims = json!({"exp": "tomorrow"}), REFUSED),
    ("made in the future", |s| s.claims = json!({"iat": now_s() + 31}), REFUSED),
    ("good in the future", |s| s.claims = json!({"nbf": now_s() + 31}), REFUSED),
    ("no subject", |s| s.claims = json!({"sub": null}), REFUSED),
    ("an empty subject", |s| s.claims = json!({"sub": ""}), REFUSED),
    ("a subject that is no text", |s| s.claims = json!({"sub": {"$ne": 1}}), REFUSED),
    ("a huge subject", |s| s.claims = json!({"sub": "a".repeat(256)}), REFUSED),
    ("a subject with a control character", |s| s.claims = json!({"sub": "ada\u{0}"}), REFUSED),
    ("a huge token", |s| s.claims = json!({"more": "a".repeat(20_000)}), REFUSED),
];

/// What providers must not publish.
pub const DOCUMENTS: &[Fault] = &[
    (
        "a description of another issuer",
        |s| s.discovery = json!({"issuer": "https://evil.example"}),
        AWAY,
    ),
    (
        "a description with a slash more",
        |s| s.discovery = json!({"issuer": format!("{}/", s.origin)}),
        AWAY,
    ),
    ("a description without keys", |s| s.discovery = json!({"jwks_uri": null}), AWAY),
    (
        "keys in a private network",
        |s| s.discovery = json!({"jwks_uri": "https://10.0.0.1/jwks"}),
        AWAY,
    ),
    (
        "keys at the cloud's metadata",
        |s| s.discovery = json!({"jwks_uri": "http://169.254.169.254/jwks"}),
        AWAY,
    ),
    ("keys in a file", |s| s.discovery = json!({"jwks_uri": "file:///etc/passwd"}), AWAY),
    (
        "a token endpoint in this application",
        |s| s.discovery = json!({"token_endpoint": "https://auth.spin.internal/t"}),
        AWAY,
    ),
    (
        "a sign-in page that is a script",
        |s| s.discovery = json!({"authorization_endpoint": "javascript:alert(1)"}),
        AWAY,
    ),
    (
        "a description that redirects",
        |s| {
            let answer = elsewhere(s, 302);
            set(s, DISCOVERY, answer);
        },
        AWAY,
    ),
    ("a huge description", |s| set(s, DISCOVERY, json_text(" ".repeat(70_000))), AWAY),
    ("a description that is half", |s| set(s, DISCOVERY, json_text(r#"{"issuer":"http"#)), AWAY),
    ("a description that is a page", |s| set(s, DISCOVERY, canned(200, "text/html", "{}")), AWAY),
    ("a description that breaks off", |s| break_off(s, DISCOVERY), AWAY),
    (
        "a description that fails",
        |s| set(s, DISCOVERY, canned(500, "application/json", "{}")),
        AWAY,
    ),
    (
        "keys that redirect",
        |s| {
            let answer = elsewhere(s, 307);
            set(s, "/jwks", answer);
        },
        AWAY,
    ),
    ("huge keys", |s| set(s, "/jwks", json_text(" ".repeat(70_000))), AWAY),
    ("keys that are no list", |s| set(s, "/jwks", json_text(r#"{"keys":{}}"#)), AWAY),
    ("keys as a page", |s| set(s, "/jwks", canned(200, "text/plain", r#"{"keys":[]}"#)), AWAY),
    ("keys that break off", |s| break_off(s, "/jwks"), AWAY),
];

/// What may go wrong when a code is exchanged.
pub const EXCHANGES: &[Fault] = &[
    (
        "a token endpoint that fails",
        |s| set(s, "/token", canned(500, "application/json", "{}")),
        AWAY,
    ),
    (
        "a client that is not known",
        |s| set(s, "/token", canned(401, "application/json", "{}")),
        AWAY,
    ),
    (
        "a code that is not known",
        |s| set(s, "/token", canned(400, "application/json", "{}")),
        REFUSED,
    ),
    (
        "a token endpoint that redirects",
        |s| {
            let answer = elsewhere(s, 308);
            set(s, "/token", answer);
        },
        AWAY,
    ),
    ("a token endpoint that breaks off", |s| break_off(s, "/token"), AWAY),
    ("a huge answer", |s| set(s, "/token", json_text(" ".repeat(70_000))), AWAY),
    ("half an answer", |s| set(s, "/token", json_text(r#"{"id_token":"ey"#)), AWAY),
    ("an answer that is a page", |s| set(s, "/token", canned(200, "text/html", "<html>")), AWAY),
    ("no ID token", |s| set(s, "/token", json_text(r#"{"access_token":"a"}"#)), AWAY),
    ("an ID token that is null", |s| set(s, "/token", json_text(r#"{"id_token":null}"#)), AWAY),
    ("an ID token that is none", |s| set(s, "/token", json_text(r#"{"id_token":"x"}"#)), REFUSED),
    ("another nonce", |s| s.claims = json!({"nonce": "m"}), REFUSED),
    ("no nonce", |s| s.claims = json!({"nonce": null}), REFUSED),
];
