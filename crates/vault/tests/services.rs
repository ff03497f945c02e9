//! Keys that a service holds: what it refuses, what happens while it is away, and what comes of its versions.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ambient::{Clock, Entropy, Hand};
use bytes::Bytes;
use egress::{Egress, UrlPolicy};
use http::{Request, Response};
use serde_json::{Value, json};
use testing::{Condition, HttpServer, MASTER_KEY, NOW, TransitServer};
use vault::{KeyServices, Row, Sealed, Vault, VaultError};

const ROW: Row<'_> = Row { table: "secret", column: "sealed", id: "key_1", account_id: None };

fn vault(services: &Value) -> (Vault, Hand) {
    let policy: UrlPolicy = "http://127.0.0.1:*".parse().unwrap();
    let services = KeyServices::parse(&services.to_string(), &policy).unwrap();
    let (clock, hand) = Clock::manual(NOW);
    let ring = MASTER_KEY.parse().unwrap();
    (Vault::new(&ring, &services, &Egress::new().unwrap(), clock, Entropy::system()), hand)
}

fn master_key() -> Value {
    json!({ "type": "master_key" })
}

#[tokio::test]
async fn what_a_service_refuses_is_told_apart_from_its_absence() {
    let transit = TransitServer::start().await;
    let (vault, _) = vault(&json!([transit.service("hc")]));
    let sealed = vault.seal(&ROW, b"hunter2").await.unwrap();
    assert_eq!(sealed.kek_id, "hc:v1");
    for (condition, expected) in [
        (Condition::Revoked, "Refused"),
        (Condition::Sealed, "Unavailable"),
        (Condition::Gone, "Unavailable"),
    ] {
        transit.set(condition);
        for error in [
            vault.open(&ROW, &sealed).await.unwrap_err(),
            vault.seal(&ROW, b"x").await.unwrap_err(),
            vault.current_kek_id().await.unwrap_err(),
        ] {
            assert_eq!(format!("{error:?}"), expected);
            assert!(error.is_unavailable());
        }
    }
    transit.set(Condition::Well);
    assert_eq!(vault.open(&ROW, &sealed).await.unwrap().as_str(), Some("hunter2"));
    let elsewhere = json!([{
        "type": "vault_transit", "name": "hc", "url": "http://127.0.0.1:1", "token": "t", "key": "k",
    }]);
    let error = self::vault(&elsewhere).0.open(&ROW, &sealed).await.unwrap_err();
    assert!(matches!(error, VaultError::Unavailable), "{error:?}");
    let mut stranger = transit.service("hc");
    stranger["token"] = json!("another");
    let error = self::vault(&json!([stranger])).0.open(&ROW, &sealed).await.unwrap_err();
    assert!(matches!(error, VaultError::Refused), "{error:?}");
    let mut unknown = transit.service("hc");
    unknown["key"] = json!("another");
    let error = self::vault(&json!([unknown])).0.seal(&ROW, b"x").await.unwrap_err();
    assert!(matches!(error, VaultError::Refused), "{error:?}");
}

#[tokio::test]
async fn while_a_service_is_away_what_it_unwrapped_opens_for_five_minutes() {
    let transit = TransitServer::start().await;
    let (vault, hand) = vault(&json!([transit.service("hc")]));
    let seen = vault.seal(&ROW, b"seen").await.unwrap();
    let place = Row { id: "key_2", ..ROW };
    let unseen = vault.seal(&place, b"unseen").await.unwrap();
    vault.open(&ROW, &seen).await.unwrap();
    let calls = transit.calls();
    transit.set(Condition::Gone);
    hand.advance(Duration::from_secs(299));
    assert_eq!(vault.open(&ROW, &seen).await.unwrap().as_str(), Some("seen"));
    assert_eq!(transit.calls(), calls, "what is remembered is not asked for");
    assert!(matches!(vault.open(&place, &unseen).await, Err(VaultError::Unavailable)));
    // What is remembered is remembered for its row.
    assert!(matches!(vault.open(&place, &seen).await, Err(VaultError::Unavailable)));
    hand.advance(Duration::from_secs(1));
    assert!(matches!(vault.open(&ROW, &seen).await, Err(VaultError::Unavailable)));
    transit.set(Condition::Well);
    assert_eq!(vault.open(&ROW, &seen).await.unwrap().as_str(), Some("seen"));
    // Another instance remembers nothing.
    transit.set(Condition::Gone);
    let (other, _) = self::vault(&json!([transit.service("hc")]));
    assert!(matches!(other.open(&ROW, &seen).await, Err(VaultError::Unavailable)));
}

#[tokio::test]
async fn what_a_service_wrapped_cannot_be_changed_or_moved() {
    let transit = TransitServer::start().await;
    let (vault, _) = vault(&json!([transit.service("hc")]));
    let sealed = vault.seal(&ROW, b"hunter2").await.unwrap();
    for length in 0..sealed.wrapped_dek.len() {
        let cut = Sealed { wrapped_dek: sealed.wrapped_dek[..length].to_vec(), ..sealed.clone() };
        assert!(matches!(vault.open(&ROW, &cut).await, Err(VaultError::Damaged)), "{length}");
    }
    for bit in 0..8 * sealed.wrapped_dek.len() {
        let mut flipped = sealed.clone();
        flipped.wrapped_dek[bit / 8] ^= 1 << (bit % 8);
        assert!(matches!(vault.open(&ROW, &flipped).await, Err(VaultError::Damaged)), "{bit}");
    }
    for kek_id in ["hc:v2", "hc:v01", "hc:v", "hc:v+1", "hc", "hc2:v1", "ring:1", ""] {
        let renamed = Sealed { kek_id: kek_id.to_owned(), ..sealed.clone() };
        let error = vault.open(&ROW, &renamed).await.unwrap_err();
        let is_refused = matches!(error, VaultError::Damaged | VaultError::UnknownKey { .. });
        assert!(is_refused, "{kek_id}: {error:?}");
    }
    let elsewhere = Row { id: "key_2", ..ROW };
    assert!(matches!(vault.open(&elsewhere, &sealed).await, Err(VaultError::Damaged)));
}

#[tokio::test]
async fn a_new_version_is_given_without_showing_what_is_wrapped() {
    let transit = TransitServer::start().await;
    let (vault, _) = vault(&json!([transit.service("hc")]));
    let sealed = vault.seal(&ROW, b"hunter2").await.unwrap();
    assert_eq!(vault.rewrap(&ROW, &sealed).await.unwrap(), None);
    transit.rotate();
    assert_eq!(vault.current_kek_id().await.unwrap(), "hc:v2");
    let rewrapped = vault.rewrap(&ROW, &sealed).await.unwrap().unwrap();
    assert_eq!((rewrapped.kek_id.as_str(), &rewrapped.sealed), ("hc:v2", &sealed.sealed));
    for value in [&sealed, &rewrapped] {
        assert_eq!(vault.open(&ROW, value).await.unwrap().as_str(), Some("hunter2"));
    }
}

#[tokio::test]
async fn values_move_between_the_ring_and_services_and_back() {
    let (one, two) = (TransitServer::start().await, TransitServer::start().await);
    let (ring, _) = vault(&json!([]));
    let mut sealed = ring.seal(&ROW, b"hunter2").await.unwrap();
    for (services, kek_id) in [
        (json!([one.service("one")]), "one:v1"),
        (json!([two.service("two"), one.service("one")]), "two:v1"),
        (json!([master_key(), two.service("two")]), "ring:1"),
    ] {
        let (vault, _) = vault(&services);
        assert_eq!(vault.current_kek_id().await.unwrap(), kek_id);
        sealed = vault.rewrap(&ROW, &sealed).await.unwrap().unwrap();
        assert_eq!(sealed.kek_id, kek_id);
        assert_eq!(vault.open(&ROW, &sealed).await.unwrap().as_str(), Some("hunter2"));
    }
    assert_eq!(ring.open(&ROW, &sealed).await.unwrap().as_str(), Some("hunter2"));
}

#[tokio::test]
async fn what_is_no_answer_of_a_key_service_is_none() {
    for body in ["", "[]", "{}", r#"{"data":{}}"#, r#"{"data":{"ciphertext":"vault:1:AA=="}}"#] {
        let server = HttpServer::start(move |_| Some(Response::new(Bytes::from(body)))).await;
        let services = json!([{
            "type": "vault_transit", "name": "hc", "url": server.origin(), "token": "t", "key": "k",
        }]);
        let error = vault(&services).0.seal(&ROW, b"x").await.unwrap_err();
        assert!(matches!(error, VaultError::Unavailable), "{body}: {error:?}");
    }
}

/// What AWS KMS is sent; what it makes of that is tried with moto (`tests/peers/kms.test`).
#[tokio::test]
async fn requests_to_aws_are_signed_and_say_which_row_they_are_about() {
    let seen: Arc<Mutex<Vec<Request<Bytes>>>> = Arc::default();
    let log = Arc::clone(&seen);
    let server = HttpServer::start(move |request| {
        log.lock().unwrap().push(request.clone());
        let refused = r#"{"__type":"InvalidCiphertextException"}"#;
        let is_decrypt = request.headers()["x-amz-target"] == "TrentService.Decrypt";
        let (status, body) =
            if is_decrypt { (400, refused) } else { (200, r#"{"CiphertextBlob":"AQID"}"#) };
        Some(Response::builder().status(status).body(Bytes::from(body)).unwrap())
    })
    .await;
    let services = json!([{
        "type": "aws_kms", "name": "aws", "region": "eu-central-1", "key": "alias/k", "access_key_id": "AKIDEXAMPLE",
        "secret_access_key": "hunter2", "session_token": "token", "endpoint": server.origin(),
    }]);
    let (vault, _) = vault(&services);
    let sealed = vault.seal(&ROW, b"x").await.unwrap();
    assert_eq!(
        (sealed.kek_id.as_str(), sealed.wrapped_dek.as_slice()),
        ("aws", &[1, 3, 1, 2, 3][..])
    );
    assert!(matches!(vault.open(&ROW, &sealed).await, Err(VaultError::Damaged)));
    let seen = seen.lock().unwrap();
    for request in seen.iter() {
        let headers = request.headers();
        assert_eq!(headers["x-amz-date"], "20261122T023309Z");
        assert_eq!(headers["x-amz-security-token"], "token");
        let authorization = headers["authorization"].to_str().unwrap();
        let expected = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/eu-central-1/kms/aws4_request, \
                        SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature=";
        assert!(authorization.starts_with(expected), "{authorization}");
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        assert_eq!(body["KeyId"], "alias/k");
        let context = json!({
            "selvage:kek": "aws", "selvage:table": "secret", "selvage:column": "sealed", "selvage:row": "key_1",
        });
        assert_eq!(body["EncryptionContext"], context);
    }
}
