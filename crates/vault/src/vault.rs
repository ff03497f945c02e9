use std::sync::Arc;

use ambient::{Clock, Entropy};
use egress::Egress;
use keyring::Keyring;

use crate::aws_kms::AwsKms;
use crate::envelope::Key;
use crate::kek::{Kek, LABEL, RingKey, Wrapped};
use crate::remembered::{self, Remembered};
use crate::services::{KeyService, KeyServices};
use crate::transit::Transit;
use crate::{Row, Sealed, Secret, VaultError};

/// Seals values and opens them. Clones share what they remember.
#[derive(Debug, Clone)]
pub struct Vault {
    /// What wraps the keys of new values.
    current: Kek,
    /// What else may have wrapped keys of older ones.
    others: Arc<[Kek]>,
    remembered: Remembered,
    clock: Clock,
    entropy: Entropy,
}

impl Vault {
    /// A vault whose keys are wrapped by the first of these services, or by the current master key where there is none. The other services
    /// and master keys open what they have wrapped.
    pub fn new(
        keyring: &Keyring,
        services: &KeyServices,
        egress: &Egress,
        clock: Clock,
        entropy: Entropy,
    ) -> Self {
        let kek = |service: &KeyService| match service.clone() {
            KeyService::MasterKey => Kek::Ring(RingKey::derive(keyring.current())),
            KeyService::VaultTransit(key) => Kek::Transit(Transit::new(key, egress.clone())),
            KeyService::AwsKms(key) => Kek::AwsKms(AwsKms::new(key, egress.clone(), clock.clone())),
        };
        let current = services.0.first().unwrap_or(&KeyService::MasterKey);
        let rest = services.0.iter().skip(1).map(kek);
        let ring = keyring.iter().map(|root| Kek::Ring(RingKey::derive(root)));
        Self {
            current: kek(current),
            others: rest.chain(ring).collect(),
            remembered: Remembered::new(),
            clock,
            entropy,
        }
    }

    /// Seals a value under a new key, bound to its row.
    ///
    /// # Errors
    /// [`VaultError`]: the value is too large, or the key service does not wrap its key.
    pub async fn seal(&self, row: &Row<'_>, secret: &[u8]) -> Result<Sealed, VaultError> {
        let dek = Key::generate(&self.entropy)?;
        let sealed = dek.seal_value(row, secret, &self.entropy)?;
        let Wrapped { kek_id, wrapped_dek } = self.current.wrap(row, &dek, &self.entropy).await?;
        Ok(Sealed { kek_id, wrapped_dek, sealed })
    }

    /// Opens a value that was sealed for this row.
    ///
    /// # Errors
    /// [`VaultError`]: it does not open, or the key service is away and was asked for its key more than five minutes ago.
    pub async fn open(&self, row: &Row<'_>, sealed: &Sealed) -> Result<Secret, VaultError> {
        let dek = self.unwrap(row, &sealed.kek_id, &sealed.wrapped_dek).await?;
        dek.open_value(row, &sealed.sealed)
    }

    /// The same value with its key wrapped by what wraps new ones, `None` when it is already. The value itself is not touched.
    ///
    /// # Errors
    /// As [`Vault::open`].
    pub async fn rewrap(
        &self,
        row: &Row<'_>,
        sealed: &Sealed,
    ) -> Result<Option<Sealed>, VaultError> {
        let rewrapped = self.rewrap_key(row, &sealed.kek_id, &sealed.wrapped_dek).await?;
        Ok(rewrapped.map(|Wrapped { kek_id, wrapped_dek }| Sealed {
            kek_id,
            wrapped_dek,
            sealed: sealed.sealed.clone(),
        }))
    }

    /// The id of what wraps new keys. A service whose keys have versions is asked for the newest.
    ///
    /// # Errors
    /// [`VaultError`] when the service does not answer.
    pub async fn current_kek_id(&self) -> Result<String, VaultError> {
        if let Some(id) = self.current.id() {
            return Ok(id.to_owned());
        }
        // Whoever may wrap may not always read what there is about a key.
        let row = Row { table: "", column: "", id: "", account_id: None };
        let probe = Key::generate(&self.entropy)?;
        Ok(self.current.wrap(&row, &probe, &self.entropy).await?.kek_id)
    }

    /// Whether a key of this id is configured.
    pub fn knows(&self, kek_id: &str) -> bool {
        self.kek(kek_id).is_ok()
    }

    /// Whether this id is that of the key that wraps new ones, as far as that is known without asking a service.
    pub(crate) fn wraps_with(&self, kek_id: &str) -> bool {
        self.current.id() == Some(kek_id)
    }

    pub(crate) async fn rewrap_key(
        &self,
        row: &Row<'_>,
        kek_id: &str,
        wrapped_dek: &[u8],
    ) -> Result<Option<Wrapped>, VaultError> {
        // Whoever has versions of a key can exchange them without showing what is wrapped.
        if let Kek::Transit(transit) = &self.current
            && let Some(version) = transit.version(kek_id)
        {
            let rewrapped = transit.rewrap(version, wrapped_dek).await?;
            return Ok(Some(rewrapped).filter(|rewrapped| rewrapped.kek_id != kek_id));
        }
        if self.current.is(kek_id) {
            return Ok(None);
        }
        let dek = self.unwrap(row, kek_id, wrapped_dek).await?;
        self.current.wrap(row, &dek, &self.entropy).await.map(Some)
    }

    async fn unwrap(
        &self,
        row: &Row<'_>,
        kek_id: &str,
        wrapped_dek: &[u8],
    ) -> Result<Key, VaultError> {
        let kek = self.kek(kek_id)?;
        if !kek.is_remote() {
            return kek.unwrap(row, kek_id, wrapped_dek).await;
        }
        let name = remembered::name(&row.associated(LABEL, kek_id.as_bytes()), wrapped_dek);
        if let Some(dek) = self.remembered.get(&name, self.clock.now()) {
            return Ok(dek);
        }
        let dek = kek.unwrap(row, kek_id, wrapped_dek).await?;
        self.remembered.put(name, dek.clone(), self.clock.now());
        Ok(dek)
    }

    fn kek(&self, kek_id: &str) -> Result<&Kek, VaultError> {
        let mut keks = std::iter::once(&self.current).chain(self.others.iter());
        keks.find(|kek| kek.is(kek_id))
            .ok_or_else(|| VaultError::UnknownKey { kek_id: kek_id.to_owned() })
    }
}
