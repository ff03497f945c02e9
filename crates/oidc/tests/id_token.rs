//! Every way in which an ID token can be wrong, each refused for its own reason.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use ambient::UnixMillis;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::prelude::*;
use oidc::{Algorithm, Expected, Identity, InvalidIdToken, InvalidKeySet, KeySet, verify_id_token};
use serde_json::{Value, json};

const NOW_S: u64 = 1_795_314_789;
const ISSUER: &str = "https://id.example";

fn expected() -> Expected<'static> {
    Expected {
        issuer: ISSUER,
        client_id: "us",
        algorithms: &Algorithm::ALL,
        nonce: Some("n"),
        now: UnixMillis(1_795_314_789_250),
    }
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A provider with one Ed25519 key, which signs whatever it is told to.
struct Provider {
    pair: Ed25519KeyPair,
    keys: KeySet,
}

impl Provider {
    fn new() -> Self {
        let pair = Ed25519KeyPair::generate();
        let keys = KeySet::read(json!({"keys": [jwk(&pair)]}).to_string().as_bytes()).unwrap();
        Self { pair, keys }
    }

    fn sign(&self, header: &Value, claims: &str) -> String {
        let signed = format!("{}.{}", b64(header.to_string()), b64(claims));
        let signature = self.pair.key_pair().as_ref().sk.sign(&signed, None);
        format!("{signed}.{}", b64(*signature))
    }

    fn token(&self, claims: &Value) -> String {
        self.sign(&header(), &claims.to_string())
    }

    fn verify(&self, token: &str) -> Result<Identity, InvalidIdToken> {
        verify_id_token(token, &self.keys, &expected())
    }
}

fn jwk(pair: &Ed25519KeyPair) -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "kid": "k1", "use": "sig", "alg": "EdDSA", "x": b64(pair.public_key().to_bytes())})
}

fn header() -> Value {
    json!({"alg": "EdDSA", "typ": "JWT", "kid": "k1"})
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "ada", "aud": "us", "exp": NOW_S + 600, "iat": NOW_S, "nonce": "n",
        "email": "ada@example.com", "email_verified": true, "name": "Ada",
    })
}

#[test]
fn each_wrong_claim_is_refused_for_its_own_reason() {
    use InvalidIdToken::{Audience, Issuer, Malformed, Nonce, Subject, Time};
    let provider = Provider::new();
    for (name, value, reason) in [
        ("iss", json!("https://id.example/"), Issuer),
        ("iss", json!("https://evil.example"), Issuer),
        ("iss", Value::Null, Malformed),
        ("sub", Value::Null, Malformed),
        ("sub", json!(7), Malformed),
        ("sub", json!(""), Subject),
        ("sub", json!("a".repeat(256)), Subject),
        ("sub", json!("a\n"), Subject),
        ("aud", json!("them"), Audience),
        ("aud", json!(["them"]), Audience),
        ("aud", json!([]), Audience),
        ("aud", json!(["us", "them"]), Audience),
        ("aud", json!({"us": 1}), Malformed),
        ("azp", json!("them"), Audience),
        ("exp", json!(NOW_S - 30), Time),
        ("exp", json!(NOW_S + 24 * 60 * 60 + 1), Time),
        ("exp", json!(1e300), Malformed),
        ("exp", json!("never"), Malformed),
        ("exp", json!(-1), Malformed),
        ("exp", Value::Null, Malformed),
        ("iat", json!(NOW_S + 31), Time),
        ("iat", Value::Null, Malformed),
        ("nbf", json!(NOW_S + 31), Time),
        ("nonce", json!("m"), Nonce),
        ("nonce", Value::Null, Nonce),
    ] {
        let mut wrong = claims();
        wrong[name] = value;
        assert_eq!(provider.verify(&provider.token(&wrong)), Err(reason), "{name}: {wrong}");
    }
    assert_eq!(provider.verify(&provider.token(&claims())).unwrap().subject, "ada");
}

#[test]
fn each_wrong_header_is_refused() {
    use InvalidIdToken::{Algorithm, Header, Key};
    let provider = Provider::new();
    let jwk = jwk(&provider.pair);
    for (name, value, reason) in [
        ("alg", json!("none"), Algorithm),
        ("alg", json!("None"), Algorithm),
        ("alg", json!("HS256"), Algorithm),
        ("alg", json!("eddsa"), Algorithm),
        ("alg", json!("ES256"), Key),
        ("alg", json!("RS256"), Key),
        ("kid", json!("k2"), Key),
        ("kid", json!("../k1"), Key),
        ("typ", json!("at+jwt"), Header),
        ("typ", json!("logout+jwt"), Header),
        ("crit", json!(["exp"]), Header),
        ("crit", json!([]), Header),
        ("b64", json!(false), Header),
        ("zip", json!("DEF"), Header),
        ("jwk", jwk, Header),
        ("jku", json!("https://evil.example/jwks"), Header),
        ("x5u", json!("https://evil.example/cert"), Header),
        ("x5c", json!(["MIIB"]), Header),
    ] {
        let mut wrong = header();
        wrong[name] = value;
        let token = provider.sign(&wrong, &claims().to_string());
        assert_eq!(provider.verify(&token), Err(reason), "{wrong}");
    }
}

#[test]
fn what_is_not_exactly_the_signed_text_is_refused() {
    use InvalidIdToken::{Malformed, Signature};
    let provider = Provider::new();
    let token = provider.token(&claims());
    let parts: Vec<_> = token.split('.').collect();
    let mut other = claims();
    other["sub"] = json!("eve");
    let other = b64(other.to_string());
    let twice = claims().to_string().replacen('{', "{\"sub\":\"eve\",", 1);
    for (text, reason) in [
        (String::new(), Malformed),
        ("..".to_owned(), Malformed),
        (format!("{}.{}", parts[0], parts[1]), Malformed),
        (format!("{token}.{}", parts[2]), Malformed),
        (format!("{token}="), Signature),
        (format!("{}=.{}.{}", parts[0], parts[1], parts[2]), Malformed),
        (format!("{}.{other}.{}", parts[0], parts[2]), Signature),
        (format!("{}.{}.", parts[0], parts[1]), Signature),
        (format!("{}.{}.{}", parts[0], parts[1], b64([0; 64])), Signature),
        (Provider::new().token(&claims()), Signature),
        (provider.sign(&header(), &twice), Malformed),
        (provider.sign(&header(), "[]"), Malformed),
        (provider.sign(&header(), &" ".repeat(13_000)), Malformed),
    ] {
        assert_eq!(provider.verify(&text), Err(reason), "{text}");
    }
}

#[test]
fn a_key_that_is_public_is_no_secret() {
    let provider = Provider::new();
    let public = provider.pair.public_key();
    for secret in [public.to_bytes(), public.to_pem().into_bytes()] {
        let forged = HS256Key::from_bytes(&secret).with_key_id("k1");
        let claims = Claims::create(Duration::from_mins(5)).with_issuer(ISSUER).with_subject("ada");
        let token = forged.authenticate(claims.with_audience("us")).unwrap();
        assert!(provider.verify(&token).is_err());
    }
}

#[test]
fn an_algorithm_that_is_not_configured_is_refused() {
    let provider = Provider::new();
    let token = provider.token(&claims());
    let expected = Expected { algorithms: &[Algorithm::Rs256], ..expected() };
    let refused = verify_id_token(&token, &provider.keys, &expected);
    assert_eq!(refused, Err(InvalidIdToken::Algorithm));
}

#[test]
fn of_several_keys_that_fit_none_is_tried() {
    let (one, two) = (Provider::new(), Provider::new());
    let keys = json!({"keys": [jwk(&one.pair), jwk(&two.pair)]}).to_string();
    let keys = KeySet::read(keys.as_bytes()).unwrap();
    let refused = verify_id_token(&one.token(&claims()), &keys, &expected());
    assert_eq!(refused, Err(InvalidIdToken::Key));
    let mut nameless = header();
    nameless.as_object_mut().unwrap().remove("kid");
    let token = one.sign(&nameless, &claims().to_string());
    assert_eq!(verify_id_token(&token, &keys, &expected()), Err(InvalidIdToken::Key));
    assert_eq!(one.verify(&token).unwrap().subject, "ada");
}

#[test]
fn key_sets_have_a_bound_and_keys_of_other_kinds_are_passed_over() {
    let provider = Provider::new();
    for text in ["", "[]", "{}", r#"{"keys":1}"#] {
        assert_eq!(KeySet::read(text.as_bytes()).unwrap_err(), InvalidKeySet, "{text}");
    }
    let many = vec![jwk(&provider.pair); 51];
    assert!(KeySet::read(json!({"keys": many}).to_string().as_bytes()).is_err());
    let mut encrypts = jwk(&provider.pair);
    encrypts["use"] = json!("enc");
    let oct = json!({"kty": "oct", "k": b64("secret"), "kid": "k1"});
    let odd = json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"});
    for key in [encrypts, oct, odd, json!(1), json!({"kty": "RSA"})] {
        let keys = KeySet::read(json!({"keys": [key]}).to_string().as_bytes()).unwrap();
        assert!(!keys.knows(None), "{key}");
    }
}

#[test]
fn an_address_counts_if_it_is_verified() {
    let provider = Provider::new();
    for (verified, counts) in [
        (json!(true), true),
        (json!("true"), true),
        (json!(false), false),
        (json!("false"), false),
        (json!(1), false),
        (Value::Null, false),
    ] {
        let mut claims = claims();
        claims["email_verified"] = verified.clone();
        let identity = provider.verify(&provider.token(&claims)).unwrap();
        assert_eq!(identity.verified_email.is_some(), counts, "{verified}");
    }
}

/// Claims for the library's own signers, whose clock is the system's.
fn fresh() -> JWTClaims<NoCustomClaims> {
    Claims::create(Duration::from_mins(5))
        .with_issuer(ISSUER)
        .with_subject("ada")
        .with_audience("us")
        .with_nonce("n")
}

fn check(jwk: &Value, token: &str) {
    let keys = KeySet::read(json!({"keys": [jwk]}).to_string().as_bytes()).unwrap();
    let now = UnixMillis(i64::try_from(Clock::now_since_epoch().as_millis()).unwrap());
    let expected = Expected { now, ..expected() };
    assert_eq!(verify_id_token(token, &keys, &expected).unwrap().subject, "ada");
    let (rest, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    bytes[10] ^= 1;
    let flipped = verify_id_token(&format!("{rest}.{}", b64(bytes)), &keys, &expected);
    assert_eq!(flipped, Err(InvalidIdToken::Signature));
}

#[test]
fn every_algorithm_that_can_be_configured_verifies() {
    let es256 = ES256KeyPair::generate();
    let point = es256.public_key().public_key().to_bytes_uncompressed();
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..])});
    check(&jwk, &es256.sign(fresh()).unwrap());
    let es384 = ES384KeyPair::generate();
    let point = es384.public_key().public_key().to_bytes_uncompressed();
    let jwk = json!({"kty": "EC", "crv": "P-384", "x": b64(&point[1..49]), "y": b64(&point[49..])});
    check(&jwk, &es384.sign(fresh()).unwrap());
    let rs256 = RS256KeyPair::generate(2048).unwrap();
    let RSAPublicKeyComponents { n, e } = rs256.public_key().to_components();
    let jwk = json!({"kty": "RSA", "n": b64(&n), "e": b64(&e)});
    check(&jwk, &rs256.sign(fresh()).unwrap());
    let ps256 = PS256KeyPair::from_der(&rs256.to_der().unwrap()).unwrap();
    check(&jwk, &ps256.sign(fresh()).unwrap());
}
