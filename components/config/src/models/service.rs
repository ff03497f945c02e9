use ambient::UnixMillis;
use idempotency::Claim;
use ids::{Id, ModelId};

use crate::error::ConfigError;
use crate::models::draft::{Change, Draft};
use crate::models::entry::{Model, ModelEntry, Surroundings};
use crate::models::{primary, store};
use crate::owner::{Actor, Owner};
use crate::service::{ATTEMPTS_MAX, Config, kept};
use paging::{Page, Part};

pub const MODELS_MAX: u32 = 200;

impl Config {
    /// What is active and which keys there are, for one owner.
    pub async fn surroundings(&self, owner: Owner) -> Result<Surroundings, ConfigError> {
        store::find_surroundings(&self.database, owner, primary::id()).await
    }

    /// A page of the models that the owner sees.
    pub async fn models(
        &self,
        owner: Owner,
        part: Part<ModelId>,
    ) -> Result<Page<Model>, ConfigError> {
        self.prepare().await?;
        let surroundings = self.surroundings(owner).await?;
        let entries = store::list_models(&self.database, owner, &part).await?;
        let seen = entries.into_iter().map(|entry| self.seen(entry, &surroundings)).collect();
        Ok(part.page(seen, |model: &Model| model.id.to_string()))
    }

    /// A model that the owner sees.
    pub async fn model(&self, owner: Owner, id: ModelId) -> Result<Model, ConfigError> {
        self.prepare().await?;
        let entry = self.find_model(owner, id).await?;
        let surroundings = self.surroundings(owner).await?;
        Ok(self.seen(entry, &surroundings))
    }

    /// Makes a model.
    pub async fn create_model(
        &self,
        actor: &Actor,
        draft: Draft,
        claim: &Claim,
    ) -> Result<Model, ConfigError> {
        self.prepare().await?;
        let surroundings = self.surroundings(actor.owner).await?;
        let draft = draft.check(actor.owner, &surroundings.keys, &self.settings)?;
        let now = self.clock.now();
        let entry = new_entry(actor.owner, Id::generate(now, &self.entropy)?, draft, now);
        let model = self.seen(entry.clone(), &surroundings);
        let kept = kept(claim, &model, entry.id.to_string())?;
        let recorded = actor
            .entry("model.created")
            .on(entry.id)
            .with("provider", entry.provider.as_str())
            .with("origin", entry.origin.clone());
        if store::create_model(&self.database, &entry, kept, recorded).await? {
            Ok(model)
        } else {
            Err(ConfigError::LimitReached { what: "models", most: MODELS_MAX })
        }
    }

    /// Changes a model of the owner's.
    pub async fn change_model(
        &self,
        actor: &Actor,
        id: ModelId,
        change: Change,
    ) -> Result<Model, ConfigError> {
        self.prepare().await?;
        for _ in 0..ATTEMPTS_MAX {
            let entry = self.own_model(actor.owner, id).await?;
            if primary::is(entry.id) && change.moves() {
                return Err(ConfigError::PrimaryModel);
            }
            let (before, version) = (entry.clone(), entry.version);
            let surroundings = self.surroundings(actor.owner).await?;
            let draft = change.clone().apply(entry)?;
            let draft = draft.check(actor.owner, &surroundings.keys, &self.settings)?;
            let mut entry = new_entry(actor.owner, id, draft, self.clock.now());
            entry.version = version;
            entry.created_at = before.created_at;
            let recorded = actor.entry("model.updated").on(id).with("origin", entry.origin.clone());
            if store::update_model(&self.database, &entry, recorded).await? {
                return Ok(self.seen(entry, &surroundings));
            }
        }
        Err(ConfigError::Changed)
    }

    /// Removes a model of the owner's. Where it was active, the platform's choice is again.
    pub async fn delete_model(&self, actor: &Actor, id: ModelId) -> Result<(), ConfigError> {
        self.own_model(actor.owner, id).await?;
        if primary::is(id) {
            return Err(ConfigError::PrimaryModel);
        }
        let (now, recorded) = (self.clock.now(), actor.entry("model.deleted").on(id));
        let existed = store::delete_model(&self.database, actor.owner, id, now, recorded).await?;
        if existed { Ok(()) } else { Err(ConfigError::NotFound) }
    }

    /// Makes one of the models that the owner sees the one that it uses, in place of the one before.
    pub async fn activate_model(&self, actor: &Actor, id: ModelId) -> Result<Model, ConfigError> {
        self.prepare().await?;
        let entry = self.find_model(actor.owner, id).await?;
        let (now, recorded) = (self.clock.now(), actor.entry("model.activated").on(id));
        store::activate_model(&self.database, actor.owner, &entry, now, recorded).await?;
        self.model(actor.owner, id).await
    }

    /// A model that the owner sees, as it is stored.
    pub async fn find_model(&self, owner: Owner, id: ModelId) -> Result<ModelEntry, ConfigError> {
        store::find_model(&self.database, owner, id).await?.ok_or(ConfigError::NotFound)
    }

    /// A model that is the owner's own.
    async fn own_model(&self, owner: Owner, id: ModelId) -> Result<ModelEntry, ConfigError> {
        let entry = self.find_model(owner, id).await?;
        if entry.owner == owner { Ok(entry) } else { Err(ConfigError::ReadOnly) }
    }

    pub fn seen(&self, entry: ModelEntry, surroundings: &Surroundings) -> Model {
        entry.seen(surroundings, &self.settings.hosts)
    }
}

fn new_entry(owner: Owner, id: ModelId, draft: Draft, now: UnixMillis) -> ModelEntry {
    ModelEntry {
        owner,
        id,
        name: draft.name,
        provider: draft.provider,
        model: draft.model,
        base_url: draft.base_url,
        origin: draft.origin,
        context_window: draft.context_window,
        verify_ssl: draft.verify_ssl,
        parameters: draft.parameters,
        key_id: draft.key_id,
        version: 1,
        created_at: now.0,
        updated_at: now.0,
    }
}
