//! The key that signs access tokens: derived from the master key, made on first use.

use std::sync::atomic::Ordering;
use std::time::Duration;

use ambient::UnixMillis;
use credentials::{ACCESS_TOKEN_LIFETIME, LEEWAY_S, SigningKey};

use crate::error::AuthError;
use crate::service::Auth;
use crate::store;

/// How long a key signs before its successor is published.
const SIGNS_FOR: Duration = Duration::from_hours(90 * 24);

/// How long a key is published before it signs: a minute more than clients may keep the set (SECURITY R26).
const PUBLISHED_BEFORE: Duration = Duration::from_mins(6);

/// How long a key verifies after its successor signs: the life of the last token, and what two clocks may differ on each side.
const VERIFIES_AFTER: Duration =
    ACCESS_TOKEN_LIFETIME.saturating_add(Duration::from_secs(2 * LEEWAY_S));

/// The row of a signing key.
pub struct StoredKey {
    pub kid: String,
    pub generation: u32,
    pub root_key_id: String,
    pub signs_since: UnixMillis,
    pub has_successor: bool,
}

/// A key that is about to be published.
pub struct NextKey<'a> {
    pub generation: u32,
    pub root_key_id: &'a str,
    pub created_at: UnixMillis,
    pub signs_from: UnixMillis,
    /// When the keys before it stop to verify.
    pub others_end: UnixMillis,
}

/// The key that signs now. On a new database, and after the last key was retired, a call makes the next one; of many at once, one does.
/// A key that has signed for long, or whose root key is not the current one any more, gets a successor.
///
/// # Errors
/// [`AuthError::Keyring`] when the master key does not belong to the database; [`AuthError::KeyMismatch`] when the root key of the signing
/// key has left the ring.
pub async fn current(auth: &Auth) -> Result<SigningKey, AuthError> {
    let Auth { database, settings, clock, .. } = auth;
    let now = clock.now();
    if !auth.is_registered.load(Ordering::Acquire) {
        keyring::register(database, &settings.keyring, now).await?;
        auth.is_registered.store(true, Ordering::Release);
    }
    let root = settings.keyring.current();
    if let Some(stored) = store::find_signing_key(database, now).await? {
        let key = derive(auth, &stored)?;
        let is_due = stored.signs_since.plus(SIGNS_FOR) <= now || stored.root_key_id != root.id();
        if is_due && !stored.has_successor {
            publish_next(auth, &stored, now).await?;
        }
        return Ok(key);
    }
    let generation = store::newest_generation(database).await?.saturating_add(1);
    let key = SigningKey::derive(root, generation)?;
    store::create_signing_key(database, &key, generation, root.id(), now).await?;
    // Another instance may have been first.
    let stored = store::find_signing_key(database, now).await?.ok_or(AuthError::KeyMismatch)?;
    derive(auth, &stored)
}

async fn publish_next(auth: &Auth, stored: &StoredKey, now: UnixMillis) -> Result<(), AuthError> {
    let root = auth.settings.keyring.current();
    let signs_from = now.plus(PUBLISHED_BEFORE);
    let next = NextKey {
        generation: stored.generation.saturating_add(1),
        root_key_id: root.id(),
        created_at: now,
        signs_from,
        others_end: signs_from.plus(VERIFIES_AFTER),
    };
    let key = SigningKey::derive(root, next.generation)?;
    Ok(store::create_next_signing_key(&auth.database, &key, &next).await?)
}

fn derive(auth: &Auth, stored: &StoredKey) -> Result<SigningKey, AuthError> {
    let root = auth.settings.keyring.find(&stored.root_key_id).ok_or(AuthError::KeyMismatch)?;
    let key = SigningKey::derive(root, stored.generation)?;
    if key.kid() == stored.kid { Ok(key) } else { Err(AuthError::KeyMismatch) }
}
