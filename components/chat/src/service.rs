use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ambient::{Clock, Entropy};
use caller::Authenticator;
use chunks::ChunkStore;
use database::Database;
use egress::Egress;
use settings::ChatSettings;
use usage::PriceTable;
use vault::Vault;

use crate::error::{ChatError, SetupError};

/// The component's state.
#[derive(Debug, Clone)]
pub struct Chat {
    pub database: Database,
    /// Where the bytes of images are.
    pub chunks: ChunkStore,
    pub settings: Arc<ChatSettings>,
    pub clock: Clock,
    pub entropy: Entropy,
    /// What providers and MCP servers are asked through.
    pub egress: Egress,
    /// Where what accounts entrust is sealed.
    pub vault: Vault,
    /// What tokens cost.
    pub prices: Arc<PriceTable>,
    /// Who is still admitted, while a stream lasts.
    pub authenticator: Authenticator,
    /// Whether this instance has seen that its keys are those of the database.
    is_prepared: Arc<AtomicBool>,
}

impl Chat {
    /// # Errors
    /// [`SetupError`] when nothing can be sent from here, or the list of prices is damaged.
    pub fn new(
        database: Database,
        chunks: ChunkStore,
        settings: ChatSettings,
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
        let authenticator =
            Authenticator::new(database.clone(), settings.data.public_url.clone(), clock.clone());
        let (prices, is_prepared) = (Arc::new(PriceTable::current()?), Arc::default());
        Ok(Self {
            database,
            chunks,
            settings,
            clock,
            entropy,
            egress,
            vault,
            prices,
            authenticator,
            is_prepared,
        })
    }

    /// Sees to it, once for each instance, that the master key belongs to the database, and that nothing is sealed under a key that is not
    /// configured.
    ///
    /// # Errors
    /// [`ChatError`]: such an instance serves nobody.
    pub async fn prepare(&self) -> Result<(), ChatError> {
        if !self.is_prepared.load(Ordering::Acquire) {
            keyring::register(&self.database, &self.settings.keyring, self.clock.now()).await?;
            vault::check(&self.database, &self.vault).await?;
            self.is_prepared.store(true, Ordering::Release);
        }
        Ok(())
    }
}
