//! Access tokens: what is issued is accepted, and everything else is refused alike.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use ambient::UnixMillis;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use credentials::{AccessToken, Claims, SigningKey, Verifier};
use ids::Id;
use keyring::Keyring;
use serde_json::{Value, json};

const ISSUER: &str = "https://chat.example";
const NOW: UnixMillis = UnixMillis(1_700_000_000_500);
const NOW_S: u64 = 1_700_000_000;

fn key(generation: u32) -> SigningKey {
    let ring: Keyring = "q0mBR1kKwtqYkA0Wn3T4lVQ3xH9m0dVnUq2k1hJ5y7g=".parse().unwrap();
    SigningKey::derive(ring.current(), generation).unwrap()
}

fn claims() -> Claims {
    let random = [5; 10];
    Claims::issued(
        NOW,
        Id::new(NOW, random),
        Id::new(NOW, random),
        Id::new(NOW, random),
        Id::new(NOW, random),
    )
}

fn token() -> String {
    key(1).sign(ISSUER, &claims()).unwrap()
}

/// Everything that is checked when a request comes in.
fn accepts(compact: &str, now: UnixMillis) -> bool {
    let verifier = Verifier::new(&key(1).public_key()).unwrap();
    AccessToken::read(compact, ISSUER)
        .and_then(|token| token.check_time(now).map(|()| token))
        .and_then(|token| token.verify(compact, &verifier))
        .is_ok()
}

fn part(compact: &str, index: usize) -> Value {
    serde_json::from_slice(&B64.decode(compact.split('.').nth(index).unwrap()).unwrap()).unwrap()
}

/// Signs any header and payload with the real key, by way of the library that the product does not use for it.
fn forge(header: &str, payload: &str) -> String {
    let signed = format!("{}.{}", B64.encode(header), B64.encode(payload));
    // The signature of other content under the same key: as good as an attacker can get.
    let signature = token().rsplit_once('.').unwrap().1.to_owned();
    format!("{signed}.{signature}")
}

#[test]
fn a_token_says_what_it_was_issued_with() {
    let compact = token();
    assert_eq!(part(&compact, 0), json!({"alg": "EdDSA", "typ": "at+jwt", "kid": key(1).kid()}));
    let id = |prefix: &str| format!("{prefix}_01hf7yat2n0m2gc1850m2gc185");
    let payload = part(&compact, 1);
    let names: Vec<_> = payload.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["account", "aud", "exp", "iat", "iss", "jti", "nbf", "sid", "sub"]);
    assert_eq!(payload["exp"], NOW_S + 600);
    assert_eq!(payload["sub"].as_str().unwrap().len(), id("user").len());
    let read = AccessToken::read(&compact, ISSUER).unwrap();
    assert_eq!(read.claims(), &claims());
    assert_eq!(read.kid(), key(1).kid());
    assert!(accepts(&compact, NOW));
    assert!(compact.len() < 1024, "{}", compact.len());
}

#[test]
fn a_token_begins_and_ends_with_its_leeway() {
    let compact = token();
    let at = |seconds: u64| UnixMillis(i64::try_from(seconds * 1000).unwrap());
    assert!(!accepts(&compact, at(NOW_S - 31)));
    assert!(accepts(&compact, at(NOW_S - 30)));
    assert!(accepts(&compact, at(NOW_S + 629)));
    assert!(!accepts(&compact, at(NOW_S + 630)));
    assert!(!accepts(&compact, UnixMillis(i64::MIN)));
    assert!(!accepts(&compact, UnixMillis(i64::MAX)));
}

#[test]
fn another_key_issuer_or_deployment_is_refused() {
    assert!(!accepts(&key(2).sign(ISSUER, &claims()).unwrap(), NOW));
    assert!(!accepts(&key(1).sign("https://other.example", &claims()).unwrap(), NOW));
    let other: Keyring = "t3aXc8Jw5vE0o2rK9sQmYbGd1nPzH4uLfT6iRkVxW0M=".parse().unwrap();
    let foreign = SigningKey::derive(other.current(), 1).unwrap();
    assert!(!accepts(&foreign.sign(ISSUER, &claims()).unwrap(), NOW));
}

#[test]
fn a_change_of_any_character_is_refused() {
    let compact = token();
    for index in 0..compact.len() {
        let mut bytes = compact.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        assert!(!accepts(std::str::from_utf8(&bytes).unwrap(), NOW), "character {index}");
    }
}

#[test]
fn headers_that_are_not_exactly_ours_are_refused() {
    let compact = token();
    let payload = part(&compact, 1).to_string();
    let kid = key(1).kid().to_owned();
    let good = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": kid});
    let mut headers: Vec<String> = vec![
        String::new(),
        "{}".into(),
        "[]".into(),
        "null".into(),
        format!(r#"{{"alg":"EdDSA","alg":"EdDSA","typ":"at+jwt","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"EdDSA","typ":"at+jwt","kid":"{kid}"}} "#) + "x",
    ];
    for alg in [
        "none", "None", "NONE", "eddsa", "EDDSA", "HS256", "HS512", "RS256", "ES256", "Ed25519", "",
    ] {
        headers.push(with(&good, "alg", json!(alg)));
    }
    for typ in ["JWT", "jwt", "AT+JWT", "at+JWT", "application/at+jwt", "rt+jwt", ""] {
        headers.push(with(&good, "typ", json!(typ)));
    }
    for kid in
        ["", "1", "../../etc/passwd", "' OR 1=1 --", &"A".repeat(43), &"a".repeat(44), "key\0"]
    {
        headers.push(with(&good, "kid", json!(kid)));
    }
    for (name, value) in [
        ("jwk", json!({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"})),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/x5u")),
        ("x5c", json!(["AAAA"])),
        ("x5t", json!("AAAA")),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("zip", json!("DEF")),
        ("b64", json!(false)),
        ("cty", json!("JWT")),
        ("extra", json!(null)),
    ] {
        headers.push(with(&good, name, value));
    }
    for name in ["alg", "typ", "kid"] {
        headers.push(with(&good, name, json!(null)));
        headers.push(with(&good, name, json!(7)));
        headers.push(with(&good, name, json!(["EdDSA"])));
        headers.push(without(&good, name));
    }
    for header in headers {
        let mutant = forge(&header, &payload);
        // Most of these fall before the signature is looked at; those with another kid fall with it.
        let read = AccessToken::read(&mutant, ISSUER);
        assert!(read.is_err() || header.contains("AAAAAAAA"), "{header}");
        assert!(!accepts(&mutant, NOW), "{header}");
    }
}

#[test]
fn claims_that_are_not_exactly_ours_are_refused_before_the_signature_is_checked() {
    let compact = token();
    let header = part(&compact, 0).to_string();
    let good = part(&compact, 1);
    assert!(AccessToken::read(&forge(&header, &good.to_string()), ISSUER).is_ok());
    let mut payloads: Vec<String> = vec![String::new(), "{}".into(), "[]".into(), "7".into()];
    for name in ["iss", "aud", "sub", "account", "sid", "jti", "iat", "nbf", "exp"] {
        payloads.push(without(&good, name));
        for value in
            [json!(null), json!([]), json!({}), json!(true), json!(""), json!([good[name]])]
        {
            payloads.push(with(&good, name, value));
        }
        let text = good.to_string();
        payloads.push(format!(r#"{},"{name}":{}}}"#, &text[..text.len() - 1], good[name]));
    }
    for name in ["iat", "nbf", "exp"] {
        for value in [json!(-1), json!(1.5), json!("1700000000"), json!(1e300)] {
            payloads.push(with(&good, name, value));
        }
    }
    for (name, value) in [
        ("iss", json!("https://chat.example/")),
        ("iss", json!("https://CHAT.example")),
        ("aud", json!("Selvage")),
        ("aud", json!("other")),
        ("aud", json!(["selvage", "other"])),
        ("sub", good["account"].clone()),
        ("account", good["sub"].clone()),
        ("sid", good["jti"].clone()),
        ("jti", good["sid"].clone()),
        ("sub", json!(good["sub"].as_str().unwrap().to_uppercase())),
        ("exp", json!(NOW_S + 901)),
        ("exp", json!(NOW_S - 1)),
        ("exp", json!(u64::MAX)),
        ("nbf", json!(u64::MAX)),
        ("scope", json!("admin")),
        ("role", json!("owner")),
    ] {
        payloads.push(with(&good, name, value));
    }
    for payload in payloads {
        assert!(AccessToken::read(&forge(&header, &payload), ISSUER).is_err(), "{payload}");
    }
}

#[test]
fn encodings_that_are_not_exactly_ours_are_refused() {
    let compact = token();
    let (head, signature) = compact.rsplit_once('.').unwrap();
    let (header, payload) = head.split_once('.').unwrap();
    let json = json!({"protected": header, "payload": payload, "signature": signature}).to_string();
    let pretty = B64.encode(serde_json::to_string_pretty(&part(&compact, 0)).unwrap());
    let mutants = [
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        header.into(),
        head.into(),
        format!("{head}."),
        format!("{compact}."),
        format!("{compact}.{signature}"),
        format!(" {compact}"),
        format!("{compact} "),
        format!("{compact}\n"),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}==.{signature}"),
        format!("{head}.{signature}=="),
        format!("{head}.{}", signature.replace(['-', '_'], "+")) + "/",
        format!("{head}.{}", &signature[..84]),
        format!("{head}.{}", B64.encode([0; 64])),
        format!("{head}.{}", B64.encode([0xff; 64])),
        // The last character of 64 bytes carries four bits that mean nothing; only zeros are canonical.
        format!("{head}.{}", &signature[..85]) + next(&signature[85..]),
        format!("{pretty}.{payload}.{signature}"),
        format!("{header}.{payload}.{}", "A".repeat(5000)),
        json,
        "é.é.é".into(),
    ];
    for mutant in mutants {
        assert!(!accepts(&mutant, NOW), "{mutant}");
    }
}

fn next(character: &str) -> &'static str {
    match character {
        "A" => "B",
        "Q" => "R",
        "g" => "h",
        _ => "x",
    }
}

fn with(object: &Value, name: &str, value: Value) -> String {
    let mut object = object.clone();
    object[name] = value;
    object.to_string()
}

fn without(object: &Value, name: &str) -> String {
    let mut object = object.clone();
    object.as_object_mut().unwrap().remove(name);
    object.to_string()
}
