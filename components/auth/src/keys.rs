//! The key that signs access tokens: derived from the master key, made on first use.

use std::sync::atomic::Ordering;

use credentials::SigningKey;

use crate::error::AuthError;
use crate::service::Auth;
use crate::store;

/// The row of a signing key.
pub struct StoredKey {
    pub kid: String,
    pub generation: u32,
    pub root_key_id: String,
}

/// The key that signs now. On a new database, and after the last key was retired, a call makes the next one; of many at once, one does.
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
    if let Some(stored) = store::find_signing_key(database, now).await? {
        return derive(auth, &stored);
    }
    let root = settings.keyring.current();
    let generation = store::newest_generation(database).await?.saturating_add(1);
    let key = SigningKey::derive(root, generation)?;
    store::create_signing_key(database, &key, generation, root.id(), now).await?;
    // Another instance may have been first.
    let stored = store::find_signing_key(database, now).await?.ok_or(AuthError::KeyMismatch)?;
    derive(auth, &stored)
}

fn derive(auth: &Auth, stored: &StoredKey) -> Result<SigningKey, AuthError> {
    let root = auth.settings.keyring.find(&stored.root_key_id).ok_or(AuthError::KeyMismatch)?;
    let key = SigningKey::derive(root, stored.generation)?;
    if key.kid() == stored.kid { Ok(key) } else { Err(AuthError::KeyMismatch) }
}
