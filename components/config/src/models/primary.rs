//! The primary model: the platform's model that follows the environment, and that everyone has who has chosen no other.

use ambient::UnixMillis;
use ids::{Id, ModelId};

use crate::error::ConfigError;
use crate::models::store;
use crate::owner::Owner;
use crate::service::Config;

/// Its name until someone renames it.
pub const NAME: &str = "Primary";

/// Its id is the same in every deployment.
pub fn id() -> ModelId {
    Id::new(UnixMillis(0), [0; 10])
}

/// Whether this is the id of the primary model.
pub fn is(other: ModelId) -> bool {
    other == id()
}

/// Makes the primary model, or brings it to what the environment says now. It reads first, so that an instance that finds it right writes nothing.
pub async fn ensure(config: &Config) -> Result<(), ConfigError> {
    let wanted = &config.settings.primary;
    let stored = store::find_model(&config.database, Owner::Platform, id()).await?;
    let is_right =
        stored.is_some_and(|it| it.provider == wanted.provider && it.model == wanted.model);
    if is_right {
        return Ok(());
    }
    store::put_primary_model(&config.database, id(), wanted, config.clock.now()).await
}
