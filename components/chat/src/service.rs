use std::sync::Arc;

use ambient::{Clock, Entropy};
use chunks::ChunkStore;
use database::Database;
use egress::Egress;
use settings::ChatSettings;
use vault::Vault;

use crate::error::SetupError;

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
}

impl Chat {
    /// # Errors
    /// [`SetupError`] when nothing can be sent from here.
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
        Ok(Self { database, chunks, settings, clock, entropy, egress, vault })
    }
}
