//! AWS KMS as moto plays it, a Python package that others made. `tests/peers/kms.test` installs it and says where it is.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ambient::{Clock, Entropy, Hand};
use database::Database;
use egress::{Egress, Limits, Request, UrlPolicy};
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use sigv4::{Credentials, Payload, Scope};
use testing::{MASTER_KEY, NOW};
use vault::{KeyServices, Kind, Owner, Row, Sealed, Vault, VaultError};

/// The program `moto_server`.
const PROGRAM: &str = "VAULT_TEST_MOTO";

const ROW: Row<'_> = Row { table: "secret", column: "sealed", id: "key_1", account_id: None };

struct Moto {
    child: Child,
    origin: String,
}

impl Moto {
    /// `None` where nobody installed it.
    fn start() -> Option<Self> {
        let program = std::env::var_os(PROGRAM)?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let child = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &address.port().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moto = Self { child, origin: format!("http://{address}") };
        for _ in 0..600 {
            if TcpStream::connect(address).is_ok() {
                return Some(moto);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("moto does not listen");
    }

    /// A new key's id.
    async fn key(&self) -> String {
        let created = self.call("CreateKey", &json!({})).await;
        created["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
    }

    async fn call(&self, operation: &str, body: &Value) -> Value {
        let operation = format!("TrentService.{operation}");
        let target = policy().check(&format!("{}/", self.origin)).unwrap();
        let body = body.to_string();
        let json = "application/x-amz-json-1.1";
        let signed = sigv4::sign(
            &Credentials::new("AKIDEXAMPLE".to_owned(), "secret".to_owned(), None),
            Scope { region: "eu-central-1", service: "kms" },
            &sigv4::Request {
                method: "POST",
                host: target.authority(),
                path: target.path(),
                query: target.query(),
                headers: &[("content-type", json), ("x-amz-target", &operation)],
                payload: Payload::Bytes(body.as_bytes()),
            },
            NOW,
        );
        let mut request = Request::post(target, json, body);
        request.headers.insert("x-amz-target", HeaderValue::from_str(&operation).unwrap());
        for (name, value) in signed {
            request = request.with_secret(HeaderName::from_static(name), &value).unwrap();
        }
        let response = Egress::new().unwrap().send(request, Limits::default()).await.unwrap();
        assert_eq!(response.status, 200, "{operation}");
        serde_json::from_slice(&response.body).unwrap_or_default()
    }

    fn service(&self, name: &str, key: &str) -> Value {
        json!({
            "type": "aws_kms", "name": name, "region": "eu-central-1", "key": key, "access_key_id": "AKIDEXAMPLE",
            "secret_access_key": "secret", "endpoint": self.origin,
        })
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn policy() -> UrlPolicy {
    "http://127.0.0.1:*".parse().unwrap()
}

fn vault(services: &Value) -> (Vault, Hand) {
    let services = KeyServices::parse(&services.to_string(), &policy()).unwrap();
    let (clock, hand) = Clock::manual(NOW);
    let ring = MASTER_KEY.parse().unwrap();
    (Vault::new(&ring, &services, &Egress::new().unwrap(), clock, Entropy::system()), hand)
}

#[tokio::test]
async fn what_aws_wrapped_cannot_be_changed_or_moved() {
    let Some(moto) = Moto::start() else { return };
    let key = moto.key().await;
    let (vault, _) = vault(&json!([moto.service("aws", &key)]));
    let sealed = vault.seal(&ROW, b"hunter2").await.unwrap();
    assert_eq!(sealed.kek_id, "aws");
    let elsewhere = Row { id: "key_2", ..ROW };
    let error = vault.open(&elsewhere, &sealed).await.unwrap_err();
    assert!(matches!(error, VaultError::Damaged), "{error:?}");
    for bit in 0..8 * sealed.wrapped_dek.len() {
        let mut flipped = sealed.clone();
        flipped.wrapped_dek[bit / 8] ^= 1 << (bit % 8);
        assert!(vault.open(&ROW, &flipped).await.is_err(), "bit {bit}");
    }
    for length in 0..sealed.wrapped_dek.len() {
        let cut = Sealed { wrapped_dek: sealed.wrapped_dek[..length].to_vec(), ..sealed.clone() };
        assert!(vault.open(&ROW, &cut).await.is_err(), "{length} bytes");
    }
    assert_eq!(vault.open(&ROW, &sealed).await.unwrap().as_str(), Some("hunter2"));
    let (other, _) = self::vault(&json!([moto.service("aws", &moto.key().await)]));
    assert!(other.open(&ROW, &sealed).await.is_err(), "another key opened it");
    let (unknown, _) = self::vault(&json!([moto.service("aws", "alias/nobody")]));
    let error = unknown.seal(&ROW, b"x").await.unwrap_err();
    assert!(matches!(error, VaultError::Refused), "{error:?}");
    moto.call("DisableKey", &json!({ "KeyId": key })).await;
}

#[tokio::test]
async fn what_was_unwrapped_opens_for_five_minutes_after_aws_went_away() {
    let Some(moto) = Moto::start() else { return };
    let (vault, hand) = vault(&json!([moto.service("aws", &moto.key().await)]));
    let sealed = vault.seal(&ROW, b"hunter2").await.unwrap();
    vault.open(&ROW, &sealed).await.unwrap();
    let older = self::vault(&json!([])).0.seal(&ROW, b"older").await.unwrap();
    drop(moto);
    hand.advance(Duration::from_secs(299));
    assert_eq!(vault.open(&ROW, &sealed).await.unwrap().as_str(), Some("hunter2"));
    hand.advance(Duration::from_secs(1));
    for error in [
        vault.open(&ROW, &sealed).await.unwrap_err(),
        vault.seal(&ROW, b"x").await.unwrap_err(),
        vault.rewrap(&ROW, &older).await.unwrap_err(),
    ] {
        assert!(matches!(error, VaultError::Unavailable), "{error:?}");
    }
    // The master key is at hand, and opens what it has wrapped.
    assert_eq!(vault.open(&ROW, &older).await.unwrap().as_str(), Some("older"));
}

#[tokio::test]
async fn secrets_move_to_aws_and_from_key_to_key() {
    let Some(moto) = Moto::start() else { return };
    let database = Database::in_memory().unwrap();
    migrations::ensure(&database, NOW.0).await.unwrap();
    let ids: Vec<String> = (0..300).map(|n| format!("key_{n}")).collect();
    let owner = |id| Owner { account_id: None, kind: Kind::Key, id };
    let (ring, _) = vault(&json!([]));
    for id in &ids {
        let sealed = ring.seal(&owner(id).row(), id.as_bytes()).await.unwrap();
        database.batch(owner(id).put(sealed, None, NOW).into()).await.unwrap();
    }
    let one = moto.service("one", &moto.key().await);
    let two = moto.service("two", &moto.key().await);
    let (to_one, _) = vault(&json!([one]));
    let (to_two, _) = vault(&json!([two, one]));
    for (vault, kek_id) in [(&to_one, "one"), (&to_two, "two")] {
        let rotated = vault::rotate(&database, vault, NOW, |_| ()).await.unwrap();
        assert_eq!((rotated.kek_id.as_str(), rotated.rewrapped, rotated.damaged), (kek_id, 300, 0));
    }
    for id in &ids {
        let sealed = owner(id).find(&database).await.unwrap().unwrap();
        assert_eq!(
            to_two.open(&owner(id).row(), &sealed).await.unwrap().as_str(),
            Some(id.as_str())
        );
    }
    vault::retire(&database, &to_two, "one", NOW).await.unwrap();
    drop(moto);
    let again = vault(&json!([one])).0;
    assert!(vault::check(&database, &again).await.is_err());
}
