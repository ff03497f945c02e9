use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ambient::{Clock, Entropy};
use database::{Database, Statement};
use egress::Egress;
use idempotency::Claim;
use serde::Serialize;
use settings::ConfigSettings;
use vault::Vault;

use crate::error::{ConfigError, SetupError};
use crate::models::primary;

/// How often an entry is read and written anew when others change it at the same moment.
pub const ATTEMPTS_MAX: usize = 16;

/// The component's state.
#[derive(Debug, Clone)]
pub struct Config {
    pub database: Database,
    pub settings: Arc<ConfigSettings>,
    pub clock: Clock,
    pub entropy: Entropy,
    /// What providers are asked through.
    pub egress: Egress,
    /// Where what accounts entrust is sealed.
    pub vault: Vault,
    /// Whether this instance has seen that all is as the environment says.
    is_prepared: Arc<AtomicBool>,
}

impl Config {
    /// # Errors
    /// [`SetupError`] when nothing can be sent from here.
    pub fn new(
        database: Database,
        settings: ConfigSettings,
        clock: Clock,
        entropy: Entropy,
    ) -> Result<Self, SetupError> {
        let (settings, egress) = (Arc::new(settings), Egress::new()?);
        let vault = Vault::new(
            &settings.keyring,
            &settings.services,
            &egress,
            clock.clone(),
            entropy.clone(),
        );
        let is_prepared = Arc::default();
        Ok(Self { database, settings, clock, entropy, egress, vault, is_prepared })
    }

    /// Sees to it, once for each instance, that the master key belongs to the database, that nothing is sealed under a key that is not
    /// configured, and that the primary model is what the environment says. It writes only what is not so.
    pub async fn prepare(&self) -> Result<(), ConfigError> {
        if !self.is_prepared.load(Ordering::Acquire) {
            keyring::register(&self.database, &self.settings.keyring, self.clock.now()).await?;
            vault::check(&self.database, &self.vault).await?;
            primary::ensure(self).await?;
            self.is_prepared.store(true, Ordering::Release);
        }
        Ok(())
    }
}

/// The statement that keeps an answer for a repetition of the request, until the entry is deleted that it tells of; none without a claim.
pub fn kept(
    claim: &Claim,
    answer: &impl Serialize,
    about: String,
) -> Result<Option<Statement>, ConfigError> {
    Ok(claim.seal(&serde_json::to_vec(answer)?, Some(about))?)
}
