//! The secrets engine Transit of HashiCorp Vault, as far as it encrypts, decrypts and rewraps with one key.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aes_gcm::aead::Aead as _;
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::{Request, Response};
use serde_json::{Value, json};

use crate::HttpServer;

const TOKEN: &str = "hvs.CAESIJlU9JMYEhOPYv4igdhm9PnZDrabYTobQ4Ymnlq1qY";
const NONCE_BYTES: usize = 12;

/// A server with a key in as many versions as it was rotated.
#[derive(Debug)]
pub struct TransitServer {
    server: HttpServer,
    engine: Arc<TransitEngine>,
}

/// How such a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    Well,
    /// Connections end without an answer.
    Gone,
    /// It answers that it is sealed.
    Sealed,
    /// Its tokens have been revoked.
    Revoked,
}

#[derive(Debug)]
struct TransitEngine {
    versions: Mutex<Vec<[u8; 32]>>,
    condition: Mutex<Condition>,
    calls: AtomicU64,
}

impl TransitServer {
    /// A server on loopback with the first version of its key.
    pub async fn start() -> Self {
        let engine = Arc::new(TransitEngine {
            versions: Mutex::default(),
            condition: Mutex::new(Condition::Well),
            calls: AtomicU64::new(0),
        });
        engine.rotate();
        let answering = Arc::clone(&engine);
        let server = HttpServer::start(move |request| answering.answer(request)).await;
        Self { server, engine }
    }

    /// What the variable `kms` needs to have of it.
    pub fn service(&self, name: &str) -> Value {
        json!({ "type": "vault_transit", "name": name, "url": self.server.origin(), "token": TOKEN, "key": "selvage" })
    }

    /// Makes a new version of the key.
    pub fn rotate(&self) {
        self.engine.rotate();
    }

    /// From now on it is like this.
    pub fn set(&self, condition: Condition) {
        *locked(&self.engine.condition) = condition;
    }

    /// How often it was called.
    pub fn calls(&self) -> u64 {
        self.engine.calls.load(Ordering::SeqCst)
    }
}

impl TransitEngine {
    fn rotate(&self) {
        let mut key = [0; 32];
        getrandom::fill(&mut key).unwrap();
        locked(&self.versions).push(key);
    }

    fn answer(&self, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let is_known = request.headers().get("x-vault-token").is_some_and(|token| token == TOKEN);
        let (status, body) = match *locked(&self.condition) {
            Condition::Gone => return None,
            Condition::Sealed => (503, json!({ "errors": ["Vault is sealed"] })),
            Condition::Revoked => (403, json!({ "errors": ["permission denied"] })),
            Condition::Well if !is_known => (403, json!({ "errors": ["permission denied"] })),
            Condition::Well => self.operate(request),
        };
        let body = Bytes::from(body.to_string());
        Some(Response::builder().status(status).body(body).unwrap())
    }

    fn operate(&self, request: &Request<Bytes>) -> (u16, Value) {
        let Ok(body) = serde_json::from_slice::<Value>(request.body()) else {
            return (400, json!({ "errors": ["failed to parse JSON input"] }));
        };
        let text = |member: &str| body.get(member).and_then(Value::as_str).unwrap_or_default();
        let refused = (400, json!({ "errors": ["invalid ciphertext: unable to decrypt"] }));
        let data = match request.uri().path() {
            "/v1/transit/encrypt/selvage" => {
                let plaintext = STANDARD.decode(text("plaintext")).ok();
                plaintext.map(|plaintext| json!({ "ciphertext": self.encrypt(&plaintext) }))
            }
            "/v1/transit/decrypt/selvage" => {
                let plaintext = self.decrypt(text("ciphertext"));
                plaintext.map(|plaintext| json!({ "plaintext": STANDARD.encode(plaintext) }))
            }
            "/v1/transit/rewrap/selvage" => {
                let plaintext = self.decrypt(text("ciphertext"));
                plaintext.map(|plaintext| json!({ "ciphertext": self.encrypt(&plaintext) }))
            }
            _ => return (404, json!({ "errors": [] })),
        };
        data.map_or(refused, |data| (200, json!({ "data": data })))
    }

    fn encrypt(&self, plaintext: &[u8]) -> String {
        let versions = locked(&self.versions);
        let key = versions.last().unwrap();
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).unwrap();
        let body = cipher(key).encrypt(&Nonce::from(nonce), plaintext).unwrap();
        let encoded = STANDARD.encode([nonce.as_slice(), &body].concat());
        format!("vault:v{}:{encoded}", versions.len())
    }

    fn decrypt(&self, ciphertext: &str) -> Option<Vec<u8>> {
        let (version, encoded) = ciphertext.strip_prefix("vault:v")?.split_once(':')?;
        let index = version.parse::<usize>().ok()?.checked_sub(1)?;
        let key = *locked(&self.versions).get(index)?;
        let bytes = STANDARD.decode(encoded).ok()?;
        let (nonce, body) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        cipher(&key).decrypt(&Nonce::from(*nonce), body).ok()
    }
}

fn cipher(key: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(&(*key).into())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
