//! Keys that wrap the keys of values: of the ring, or of a service.

use std::time::Duration;

use ambient::Entropy;
use egress::Limits;
use keyring::{Purpose, RootKey};

use crate::aws_kms::AwsKms;
use crate::envelope::Key;
use crate::transit::Transit;
use crate::{Row, VaultError};

/// What the ids of the ring's keys begin with; no key service may be called so.
pub(crate) const RING: &str = "ring";

/// Labels are never changed: what is wrapped would not open any more.
pub(crate) const LABEL: &str = "selvage/1/vault/dek";

/// What a key service may cost. Somebody waits.
pub(crate) const SERVICE_LIMITS: Limits =
    Limits { total: Duration::from_secs(5), body_bytes_max: 64 * 1024 };

/// A value's key, wrapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrapped {
    pub kek_id: String,
    pub wrapped_dek: Vec<u8>,
}

/// What wraps keys.
#[derive(Debug, Clone)]
pub(crate) enum Kek {
    Ring(RingKey),
    Transit(Transit),
    AwsKms(AwsKms),
}

/// A key that follows from one of the master keys.
#[derive(Debug, Clone)]
pub(crate) struct RingKey {
    id: String,
    key: Key,
}

impl Kek {
    /// Whether this is what wrapped a key that names `kek_id`.
    pub fn is(&self, kek_id: &str) -> bool {
        match self {
            Self::Ring(ring) => ring.id == kek_id,
            Self::Transit(transit) => transit.version(kek_id).is_some(),
            Self::AwsKms(aws) => aws.id() == kek_id,
        }
    }

    /// The id that what it wraps now has, as far as that is known without asking.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Ring(ring) => Some(&ring.id),
            Self::AwsKms(aws) => Some(aws.id()),
            Self::Transit(_) => None,
        }
    }

    /// Whether unwrapping means asking somebody else.
    pub fn is_remote(&self) -> bool {
        !matches!(self, Self::Ring(_))
    }

    pub async fn wrap(
        &self,
        row: &Row<'_>,
        dek: &Key,
        entropy: &Entropy,
    ) -> Result<Wrapped, VaultError> {
        match self {
            Self::Ring(ring) => ring.wrap(row, dek, entropy),
            Self::Transit(transit) => transit.wrap(row, dek).await,
            Self::AwsKms(aws) => aws.wrap(row, dek).await,
        }
    }

    pub async fn unwrap(
        &self,
        row: &Row<'_>,
        kek_id: &str,
        wrapped_dek: &[u8],
    ) -> Result<Key, VaultError> {
        match self {
            Self::Ring(ring) => ring.unwrap(row, wrapped_dek),
            Self::Transit(transit) => {
                let version = transit.version(kek_id).ok_or(VaultError::Damaged)?;
                transit.unwrap(row, version, wrapped_dek).await
            }
            Self::AwsKms(aws) => aws.unwrap(row, wrapped_dek).await,
        }
    }
}

impl RingKey {
    pub fn derive(root: &RootKey) -> Self {
        let id = format!("{RING}:{}", root.id());
        Self { id, key: Key::new(*root.derive(Purpose::VaultKek)) }
    }

    fn wrap(&self, row: &Row<'_>, dek: &Key, entropy: &Entropy) -> Result<Wrapped, VaultError> {
        let associated = row.associated(LABEL, self.id.as_bytes());
        let wrapped_dek = self.key.seal(dek.as_bytes(), &associated, entropy)?;
        Ok(Wrapped { kek_id: self.id.clone(), wrapped_dek })
    }

    fn unwrap(&self, row: &Row<'_>, wrapped_dek: &[u8]) -> Result<Key, VaultError> {
        let associated = row.associated(LABEL, self.id.as_bytes());
        let opened = self.key.open(wrapped_dek, &associated)?;
        Key::from_slice(&opened).ok_or(VaultError::Damaged)
    }
}
