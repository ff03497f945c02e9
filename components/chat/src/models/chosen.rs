use ambient::UnixMillis;
use catalog::{Choice, Destination, KeyEntry, Provider, check_parameters, choose_key};
use database::Statement;
use egress::Target;
use ids::{AccountId, ConversationId, Id, ModelId, ProviderKeyId};
use problem::FieldError;
use providers::{Parameters, Wire};
use serde::Deserialize;
use serde_json::{Map, Value};
use vault::Kind;
use zeroize::Zeroizing;

use crate::error::ChatError;
use crate::service::Chat;

/// Whose the platform's models are, in place of an account.
pub const PLATFORM: &str = "platform";

/// A model as it is stored: what the view `model_entry` gives of it.
#[derive(Debug, Clone, Deserialize)]
pub struct ModelEntry {
    pub id: ModelId,
    pub provider: Provider,
    pub model: String,
    pub base_url: Option<String>,
    pub origin: Option<String>,
    pub context_window: Option<i64>,
    pub verify_ssl: bool,
    pub parameters: Map<String, Value>,
    pub key_id: Option<ProviderKeyId>,
}

/// A model with all that is needed to ask it. `Debug` shows no key.
#[derive(Clone)]
pub struct Chosen {
    pub entry: ModelEntry,
    pub(super) wire: Wire,
    pub(super) target: Target,
    pub(super) key: Option<Zeroizing<String>>,
}

impl Chat {
    /// The model of this id, or the active one, with the key that may be sent to it. If it is for a conversation, that has to be there.
    ///
    /// # Errors
    /// [`ChatError::NotFound`] when the conversation is not there, [`ChatError::Invalid`] when the account sees no such model, [`ChatError::KeyMissing`] when its provider needs a key and there is none.
    pub async fn choose_model(
        &self,
        account: AccountId,
        wanted: Option<ModelId>,
        conversation: Option<ConversationId>,
    ) -> Result<Chosen, ChatError> {
        let (entry, keys) = self.find_model(account, wanted, conversation).await?;
        let destination = Destination {
            provider: entry.provider,
            origin: entry.origin.as_deref(),
            key_id: entry.key_id,
        };
        let key = match choose_key(&destination, &keys, &self.settings.hosts) {
            Choice::System(key) => Some(Zeroizing::new(key.reveal().to_owned())),
            Choice::Account(key) => Some(self.open_key(account, key.id).await?),
            Choice::Missing if entry.provider.needs_key() => return Err(ChatError::KeyMissing),
            Choice::Missing => None,
        };
        let target = self.target(&entry)?;
        let wire = match entry.provider {
            Provider::Openai => Wire::OpenAi,
            Provider::Anthropic => Wire::Anthropic,
            Provider::Gemini | Provider::Ollama | Provider::OpenaiCompatible => {
                Wire::OpenAiCompatible
            }
        };
        Ok(Chosen { entry, wire, target, key })
    }

    async fn find_model(
        &self,
        account: AccountId,
        wanted: Option<ModelId>,
        conversation: Option<ConversationId>,
    ) -> Result<(ModelEntry, Vec<KeyEntry>), ChatError> {
        let statement = Statement::new(include_str!("../../queries/find_chosen_model.sql"))
            .bind(account.to_string())
            .bind(PLATFORM)
            .bind(wanted.map(|id| id.to_string()))
            .bind(primary_id().to_string())
            .bind(conversation.map(|id| id.to_string()))
            .bind(self.clock.now().0);
        let rows = self.database.query(statement).await?;
        let row = rows.first().ok_or(ChatError::NotFound)?;
        let id: ModelId = row.get::<&str>("id")?.parse()?;
        let keys = serde_json::from_str(row.get("keys")?)?;
        let entry = match row.get::<Option<&str>>("entry")? {
            Some(entry) => serde_json::from_str(entry)?,
            // Its row is made by the first who looks at models, which need not have happened.
            None if id == primary_id() => self.primary_model(),
            None => return Err(ChatError::invalid("/model_id", "There is no such model.")),
        };
        Ok((entry, keys))
    }

    fn primary_model(&self) -> ModelEntry {
        let primary = &self.settings.primary;
        ModelEntry {
            id: primary_id(),
            provider: primary.provider,
            model: primary.model.clone(),
            base_url: None,
            origin: None,
            context_window: None,
            verify_ssl: true,
            parameters: Map::new(),
            key_id: None,
        }
    }

    /// Where a model is asked. The URL is checked again: the operator may have closed what was open when the model was made.
    fn target(&self, entry: &ModelEntry) -> Result<Target, ChatError> {
        let own = || self.settings.hosts.get(entry.provider).map(|host| host.base_url.as_str());
        let base_url = entry.base_url.as_deref().or_else(own).ok_or(ChatError::UrlRefused)?;
        let path = match entry.provider {
            Provider::Anthropic => Wire::Anthropic.path(),
            // Gemini speaks OpenAI's protocol beneath a path of its own.
            Provider::Gemini if !base_url.ends_with("/openai") => "/openai/chat/completions",
            _ => Wire::OpenAi.path(),
        };
        let (egress, url) = (&self.settings.egress, format!("{base_url}{path}"));
        let target =
            if entry.verify_ssl { egress.check(&url) } else { egress.check_unverified(&url) };
        target.map_err(|_| ChatError::UrlRefused)
    }

    /// The value of a key. Notes that it was used.
    async fn open_key(
        &self,
        account: AccountId,
        id: ProviderKeyId,
    ) -> Result<Zeroizing<String>, ChatError> {
        let name = id.to_string();
        let place = vault::Owner { account_id: Some(account), kind: Kind::Key, id: &name };
        let sealed = place.find(&self.database).await?.ok_or(ChatError::KeyMissing)?;
        let secret = self.vault.open(&place.row(), &sealed).await?;
        let note = Statement::new(include_str!("../../queries/note_provider_key_use.sql"))
            .bind(account.to_string())
            .bind(name)
            .bind(self.clock.now().0);
        self.database.query(note).await?;
        let text = secret.as_str().ok_or(ChatError::KeyMissing)?;
        Ok(text.to_owned().into())
    }
}

impl Chosen {
    /// How its provider is spoken to.
    pub fn wire(&self) -> Wire {
        self.wire
    }

    /// How the model answers: as it is configured, and as the request says on top of that.
    ///
    /// # Errors
    /// What its provider does not take.
    pub fn parameters(&self, own: &Map<String, Value>) -> Result<Parameters, Vec<FieldError>> {
        let broken = check_parameters(self.entry.provider, own);
        if !broken.is_empty() {
            let error = |one: catalog::BrokenParameter| {
                FieldError::new(format!("/parameters/{}", one.name), one.detail)
            };
            return Err(broken.into_iter().map(error).collect());
        }
        let mut further = self.entry.parameters.clone();
        further.extend(own.iter().map(|(name, value)| (name.clone(), value.clone())));
        let mut take = |name: &str| further.remove(name);
        let tokens = take("max_tokens").and_then(|value| value.as_u64());
        let temperature = take("temperature").and_then(|value| value.as_f64());
        let top_p = take("top_p").and_then(|value| value.as_f64());
        let stop = take("stop").and_then(|value| serde_json::from_value(value).ok());
        Ok(Parameters {
            max_tokens: tokens.and_then(|tokens| tokens.try_into().ok()),
            temperature,
            top_p,
            stop: stop.unwrap_or_default(),
            further,
        })
    }
}

impl std::fmt::Debug for Chosen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chosen").field("entry", &self.entry).finish_non_exhaustive()
    }
}

/// The primary model has the same id in every deployment.
pub fn primary_id() -> ModelId {
    Id::new(UnixMillis(0), [0; 10])
}
