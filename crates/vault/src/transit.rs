//! HashiCorp Vault, the secrets engine Transit (<https://developer.hashicorp.com/vault/api-docs/secret/transit>).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use egress::{Egress, EgressError, Request, Target};
use http::{HeaderName, StatusCode};
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::envelope::{KEY_BYTES, Key};
use crate::kek::{LABEL, SERVICE_LIMITS, Wrapped};
use crate::services::TransitKey;
use crate::{Row, Secret, VaultError};

/// Format 1, the service's own cipher.
const HEADER: [u8; 2] = [1, 2];

const JSON: &str = "application/json";

static X_VAULT_TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
static X_VAULT_NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");
static X_VAULT_REQUEST: HeaderName = HeaderName::from_static("x-vault-request");

/// One key there, in all its versions.
#[derive(Debug, Clone)]
pub(crate) struct Transit {
    key: TransitKey,
    egress: Egress,
}

/// A ciphertext, `vault:v1:…`. Kept as the bytes that it stands for: base64 has several spellings of some.
struct Ciphertext {
    version: u32,
    bytes: Vec<u8>,
}

#[derive(Serialize)]
struct Plaintext<'a> {
    plaintext: &'a str,
}

#[derive(Serialize)]
struct Given<'a> {
    ciphertext: &'a str,
}

#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

#[derive(Deserialize)]
struct AnsweredCiphertext {
    ciphertext: String,
}

#[derive(Deserialize)]
struct AnsweredPlaintext {
    #[serde(deserialize_with = "erased")]
    plaintext: Zeroizing<String>,
}

impl Transit {
    pub fn new(key: TransitKey, egress: Egress) -> Self {
        Self { key, egress }
    }

    /// The version of the key that an id names, if it is one of this key.
    pub fn version(&self, kek_id: &str) -> Option<u32> {
        let digits = kek_id.strip_prefix(self.key.name.as_str())?.strip_prefix(":v")?;
        let version: u32 = digits.parse().ok()?;
        // One version has one name.
        (version.to_string() == digits).then_some(version)
    }

    /// What is encrypted there is the key together with the digest of its row. The engine could take the row as associated data, but could
    /// not then give the ciphertext its newest version without having it.
    pub async fn wrap(&self, row: &Row<'_>, dek: &Key) -> Result<Wrapped, VaultError> {
        let bound = Zeroizing::new([dek.as_bytes().as_slice(), &self.digest(row)].concat());
        let plaintext = Zeroizing::new(STANDARD.encode(&*bound));
        let body = Plaintext { plaintext: &plaintext };
        let answer: AnsweredCiphertext =
            self.call(&self.key.encrypt, &body, VaultError::Refused).await?;
        self.wrapped(&answer.ciphertext)
    }

    pub async fn unwrap(
        &self,
        row: &Row<'_>,
        version: u32,
        wrapped_dek: &[u8],
    ) -> Result<Key, VaultError> {
        let ciphertext = Ciphertext::read(version, wrapped_dek)?.to_string();
        let body = Given { ciphertext: &ciphertext };
        let answer: AnsweredPlaintext =
            self.call(&self.key.decrypt, &body, VaultError::Damaged).await?;
        let bound = STANDARD.decode(answer.plaintext.as_bytes());
        let bound = Secret::new(bound.map_err(|_| VaultError::Unavailable)?);
        let (dek, digest) = bound.split_at_checked(KEY_BYTES).ok_or(VaultError::Damaged)?;
        if digest != self.digest(row) {
            return Err(VaultError::Damaged);
        }
        Key::from_slice(dek).ok_or(VaultError::Damaged)
    }

    /// Gives a wrapped key the newest version of the key there, without seeing it.
    pub async fn rewrap(&self, version: u32, wrapped_dek: &[u8]) -> Result<Wrapped, VaultError> {
        let ciphertext = Ciphertext::read(version, wrapped_dek)?.to_string();
        let body = Given { ciphertext: &ciphertext };
        let answer: AnsweredCiphertext =
            self.call(&self.key.rewrap, &body, VaultError::Damaged).await?;
        self.wrapped(&answer.ciphertext)
    }

    fn wrapped(&self, ciphertext: &str) -> Result<Wrapped, VaultError> {
        // A server that answers something else is none, or one in trouble.
        let ciphertext = ciphertext.parse::<Ciphertext>().map_err(|()| VaultError::Unavailable)?;
        let Ciphertext { version, bytes } = ciphertext;
        let kek_id = format!("{}:v{version}", self.key.name);
        Ok(Wrapped { kek_id, wrapped_dek: [HEADER.as_slice(), &bytes].concat() })
    }

    fn digest(&self, row: &Row<'_>) -> [u8; 32] {
        Sha256::digest(row.associated(LABEL, self.key.name.as_bytes())).into()
    }

    /// `malformed` is what a 400 means: the engine has no other word for a ciphertext that is none of its own.
    async fn call<T: for<'de> Deserialize<'de>>(
        &self,
        target: &Target,
        body: &impl Serialize,
        malformed: VaultError,
    ) -> Result<T, VaultError> {
        let body = serde_json::to_vec(body).map_err(|_| VaultError::Refused)?;
        let token = self.key.token.as_str().unwrap_or_default();
        let mut request = Request::post(target.clone(), JSON, body)
            .with_secret(X_VAULT_TOKEN.clone(), token)
            .and_then(|request| request.with_secret(X_VAULT_REQUEST.clone(), "true"))
            .map_err(|_| VaultError::Refused)?;
        if let Some(namespace) = &self.key.namespace {
            request = request
                .with_secret(X_VAULT_NAMESPACE.clone(), namespace)
                .map_err(|_| VaultError::Refused)?;
        }
        let response = self.egress.send(request, SERVICE_LIMITS).await.map_err(failure)?;
        match response.status {
            StatusCode::OK => {
                let answer: Result<Answer<T>, _> = serde_json::from_slice(&response.body);
                answer.map(|answer| answer.data).map_err(|_| VaultError::Unavailable)
            }
            StatusCode::BAD_REQUEST => Err(malformed),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
                Err(VaultError::Refused)
            }
            // Sealed, a standby, limited by a quota, or failing.
            _ => Err(VaultError::Unavailable),
        }
    }
}

/// Text that is erased when it is dropped.
pub(crate) fn erased<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(deserializer).map(Zeroizing::new)
}

/// What it means that there was no answer.
pub(crate) fn failure(error: EgressError) -> VaultError {
    match error {
        EgressError::Redirected | EgressError::Unsendable | EgressError::TooLarge => {
            VaultError::Refused
        }
        EgressError::Unreachable | EgressError::Timeout | EgressError::Interrupted => {
            VaultError::Unavailable
        }
    }
}

impl Ciphertext {
    fn read(version: u32, wrapped_dek: &[u8]) -> Result<Self, VaultError> {
        let bytes = wrapped_dek.strip_prefix(&HEADER).ok_or(VaultError::Damaged)?.to_vec();
        Ok(Self { version, bytes })
    }
}

impl std::fmt::Display for Ciphertext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "vault:v{}:{}", self.version, STANDARD.encode(&self.bytes))
    }
}

impl std::str::FromStr for Ciphertext {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (version, encoded) =
            text.strip_prefix("vault:v").and_then(|rest| rest.split_once(':')).ok_or(())?;
        let version = version.parse().map_err(|_| ())?;
        let bytes = STANDARD.decode(encoded).map_err(|_| ())?;
        Ok(Self { version, bytes })
    }
}
