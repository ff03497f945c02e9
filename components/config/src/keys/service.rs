use ambient::UnixMillis;
use catalog::Provider;
use idempotency::Claim;
use ids::{AccountId, Id, ProviderKeyId};
use serde::Serialize;
use vault::{Kind, Sealed, last_four};

use crate::error::ConfigError;
use crate::keys::draft::{Change, Checked, Draft, Value};
use crate::keys::store::{self, Written};
use crate::owner::Actor;
use crate::service::{ATTEMPTS_MAX, Config, kept};
use paging::{Page, Part};

/// How many keys an account may have. The schema counts.
pub const KEYS_MAX: u32 = 100;

/// A key as the API gives it: everything but its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyRecord {
    pub id: ProviderKeyId,
    pub provider: Provider,
    pub name: String,
    pub base_url: Option<String>,
    /// The last characters of a long value.
    pub last_four: Option<String>,
    /// What the value's own key is wrapped with.
    pub kek_id: String,
    /// Whether models use it that name no key.
    pub is_active: bool,
    pub last_used_at: Option<UnixMillis>,
    pub created_at: UnixMillis,
    pub updated_at: UnixMillis,
    #[serde(skip)]
    pub version: i64,
}

/// A value that was sealed for its place.
pub struct Closed {
    pub sealed: Sealed,
    pub last_four: Option<String>,
}

impl Config {
    /// A page of an account's keys, the newest first.
    pub async fn keys(
        &self,
        account: AccountId,
        part: Part<ProviderKeyId>,
    ) -> Result<Page<KeyRecord>, ConfigError> {
        let rows = store::list_keys(&self.database, account, &part).await?;
        Ok(part.page(rows, |key| key.id.to_string()))
    }

    /// Entrusts a key to the vault. It becomes the active one of its provider and host, in place of the one before.
    pub async fn create_key(
        &self,
        actor: &Actor,
        draft: Draft,
        claim: &Claim,
    ) -> Result<KeyRecord, ConfigError> {
        self.prepare().await?;
        let account = actor.caller.account_id;
        let mut checked = draft.check(&self.settings.egress)?;
        let now = self.clock.now();
        let id: ProviderKeyId = Id::generate(now, &self.entropy)?;
        let Some(value) = checked.value.take() else {
            return Err(ConfigError::invalid("/value", "A key needs a value."));
        };
        let closed = self.close(account, id, &value).await?;
        let record = KeyRecord {
            id,
            provider: checked.provider,
            name: checked.name.clone(),
            base_url: checked.url.as_ref().map(|url| url.url.clone()),
            last_four: closed.last_four.clone(),
            kek_id: closed.sealed.kek_id.clone(),
            is_active: true,
            last_used_at: None,
            created_at: now,
            updated_at: now,
            version: 1,
        };
        let recorded = actor
            .entry("provider_key.created")
            .on(id)
            .with("provider", record.provider.as_str())
            .with("origin", checked.url.as_ref().map(|url| url.origin.clone()));
        let kept = kept(claim, &record, id.to_string())?;
        let written = Written { id, checked: &checked, closed: Some(closed), now };
        store::create_key(&self.database, account, written, kept, recorded).await?;
        Ok(record)
    }

    /// Changes what is known of a key, or gives it another value.
    pub async fn change_key(
        &self,
        actor: &Actor,
        id: ProviderKeyId,
        change: Change,
    ) -> Result<KeyRecord, ConfigError> {
        self.prepare().await?;
        let account = actor.caller.account_id;
        for _ in 0..ATTEMPTS_MAX {
            let record = store::find_key(&self.database, account, id).await?;
            let record = record.ok_or(ConfigError::NotFound)?;
            let checked = change.clone().check(&record, &self.settings.egress)?;
            let closed = match &checked.value {
                Some(value) => Some(self.close(account, id, value).await?),
                None => None,
            };
            let recorded = recorded(actor, id, &record, &checked);
            let written = Written { id, checked: &checked, closed, now: self.clock.now() };
            let database = &self.database;
            if store::update_key(database, account, record.version, written, recorded).await? {
                let changed = store::find_key(database, account, id).await?;
                return changed.ok_or(ConfigError::NotFound);
            }
        }
        Err(ConfigError::Changed)
    }

    /// Forgets a key. Models that named it name none any more.
    pub async fn delete_key(&self, actor: &Actor, id: ProviderKeyId) -> Result<(), ConfigError> {
        let (now, recorded) = (self.clock.now(), actor.entry("provider_key.deleted").on(id));
        let account = actor.caller.account_id;
        let existed = store::delete_key(&self.database, account, id, now, recorded).await?;
        if existed { Ok(()) } else { Err(ConfigError::NotFound) }
    }

    /// The value of a key, for a request to where it may be sent. Notes that it was used.
    pub async fn open_key(
        &self,
        account: AccountId,
        id: ProviderKeyId,
    ) -> Result<vault::Secret, ConfigError> {
        let name = id.to_string();
        let place = vault::Owner { account_id: Some(account), kind: Kind::Key, id: &name };
        let sealed = place.find(&self.database).await?.ok_or(ConfigError::KeyMissing)?;
        let secret = self.vault.open(&place.row(), &sealed).await?;
        store::note_use(&self.database, account, id, self.clock.now()).await?;
        Ok(secret)
    }

    async fn close(
        &self,
        account: AccountId,
        id: ProviderKeyId,
        value: &Value,
    ) -> Result<Closed, ConfigError> {
        let name = id.to_string();
        let place = vault::Owner { account_id: Some(account), kind: Kind::Key, id: &name };
        let sealed = self.vault.seal(&place.row(), value.as_str().as_bytes()).await?;
        Ok(Closed { sealed, last_four: last_four(value.as_str()) })
    }
}

fn recorded(actor: &Actor, id: ProviderKeyId, before: &KeyRecord, after: &Checked) -> audit::Entry {
    actor
        .entry("provider_key.updated")
        .on(id)
        .with("value_changed", after.value.is_some())
        .with("is_active", after.is_active)
        .with("moved", before.base_url != after.url.as_ref().map(|url| url.url.clone()))
}
