//! Whether a model can be reached with the key that it would be asked with: its provider is asked which models it has.

use std::time::Duration;

use catalog::{Choice, Provider, choose_key};
use egress::{EgressError, Limits, Request, Response, Target};
use http::{HeaderName, HeaderValue, StatusCode, header};
use ids::ModelId;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::ConfigError;
use crate::models::entry::ModelEntry;
use crate::owner::Owner;
use crate::service::Config;

/// What a provider may cost someone who is waiting for it.
const LIMITS: Limits = Limits { total: Duration::from_secs(15), body_bytes_max: 4 * 1024 * 1024 };

/// How many names are shown, and how long one may be. A provider's words are data of a stranger.
const NAMES_MAX: usize = 1000;
const NAME_CHARS_MAX: usize = 200;

/// The version of the protocol that Anthropic asks to be named.
const ANTHROPIC_VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("anthropic-version"), HeaderValue::from_static("2023-06-01"));

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Tested {
    pub ok: bool,
    pub latency_ms: i64,
    /// A class of failures; nothing of what the provider said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// What the provider calls its models.
    pub models: Vec<String>,
    /// Whether the model is among them; some providers have more than they list.
    pub is_listed: bool,
}

/// Why it did not work (SECURITY R72).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The URL may not be called any more.
    UrlRefused,
    Unreachable,
    Timeout,
    /// The provider broke off, did not speak HTTP, sent too much, or redirected.
    BadAnswer,
    /// The provider does not take the key.
    Unauthorized,
    RateLimited,
    /// There is no list of models at this URL.
    NotFound,
    ProviderError,
}

/// A list of models as all the providers give it: Gemini in `models` by `name`, the others in `data` by `id`.
#[derive(Deserialize)]
struct Listed {
    #[serde(default, alias = "models")]
    data: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(alias = "name")]
    id: String,
}

impl Config {
    /// Asks the provider of a model which models it has, with the key that the model would be asked with.
    pub async fn test_model(&self, owner: Owner, id: ModelId) -> Result<Tested, ConfigError> {
        self.prepare().await?;
        let entry = self.find_model(owner, id).await?;
        let surroundings = self.surroundings(owner).await?;
        let choice = choose_key(&entry.destination(), &surroundings.keys, &self.settings.hosts);
        let key = self.open_choice(owner, choice).await?;
        if key.is_none() && entry.provider.needs_key() {
            return Err(ConfigError::KeyMissing);
        }
        let began = self.clock.now();
        let outcome = self.list_provider_models(&entry, key.as_ref().map(|key| key.as_str())).await;
        let latency_ms = self.clock.now().0.saturating_sub(began.0).max(0);
        Ok(match outcome {
            Ok(models) => {
                let is_listed = models.contains(&entry.model);
                Tested { ok: true, latency_ms, error: None, models, is_listed }
            }
            Err(failure) => {
                let (error, models) = (Some(failure), Vec::new());
                Tested { ok: false, latency_ms, error, models, is_listed: false }
            }
        })
    }

    /// The text of the key that was chosen.
    async fn open_choice(
        &self,
        owner: Owner,
        choice: Choice<'_>,
    ) -> Result<Option<Zeroizing<String>>, ConfigError> {
        match (choice, owner) {
            (Choice::System(key), _) => Ok(Some(key.reveal().to_owned().into())),
            (Choice::Account(entry), Owner::Account(account)) => {
                let secret = self.open_key(account, entry.id).await?;
                Ok(secret.as_str().map(|text| text.to_owned().into()))
            }
            // The platform has no keys of its own.
            (Choice::Account(_), Owner::Platform) | (Choice::Missing, _) => Ok(None),
        }
    }

    async fn list_provider_models(
        &self,
        entry: &ModelEntry,
        key: Option<&str>,
    ) -> Result<Vec<String>, Failure> {
        let request = request(self.target(entry)?, entry.provider, key)?;
        let response = self.egress.send(request, LIMITS).await?;
        names(entry.provider, &response)
    }

    /// The URL of the list. It is checked again: the operator may have closed what was open when the model was made.
    fn target(&self, entry: &ModelEntry) -> Result<Target, Failure> {
        let own = || self.settings.hosts.get(entry.provider).map(|host| host.base_url.as_str());
        let base_url = entry.base_url.as_deref().or_else(own).ok_or(Failure::UrlRefused)?;
        let url = format!("{base_url}/models");
        let egress = &self.settings.egress;
        let checked =
            if entry.verify_ssl { egress.check(&url) } else { egress.check_unverified(&url) };
        checked.map_err(|_| Failure::UrlRefused)
    }
}

/// Keys go in headers, never in URLs, which are logged (SECURITY F11).
fn request(target: Target, provider: Provider, key: Option<&str>) -> Result<Request, Failure> {
    let mut request = Request::get(target);
    if provider == Provider::Anthropic {
        request.headers.extend([ANTHROPIC_VERSION]);
    }
    let Some(key) = key else { return Ok(request) };
    let bearer = || Zeroizing::new(format!("Bearer {key}"));
    let request = match provider {
        Provider::Anthropic => request.with_secret(HeaderName::from_static("x-api-key"), key),
        Provider::Gemini => request.with_secret(HeaderName::from_static("x-goog-api-key"), key),
        Provider::Openai | Provider::Ollama | Provider::OpenaiCompatible => {
            request.with_secret(header::AUTHORIZATION, &bearer())
        }
    };
    Ok(request?)
}

fn names(provider: Provider, response: &Response) -> Result<Vec<String>, Failure> {
    match response.status {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(Failure::Unauthorized),
        StatusCode::NOT_FOUND => return Err(Failure::NotFound),
        StatusCode::TOO_MANY_REQUESTS => return Err(Failure::RateLimited),
        _ => return Err(Failure::ProviderError),
    }
    let listed: Listed = serde_json::from_slice(&response.body).map_err(|_| Failure::BadAnswer)?;
    let name = |named: Named| {
        let prefix = if provider == Provider::Gemini { "models/" } else { "" };
        named.id.strip_prefix(prefix).unwrap_or(&named.id).to_owned()
    };
    let is_name = |name: &String| {
        name.chars().count() <= NAME_CHARS_MAX && !name.chars().any(char::is_control)
    };
    Ok(listed.data.into_iter().map(name).filter(is_name).take(NAMES_MAX).collect())
}

impl From<EgressError> for Failure {
    fn from(error: EgressError) -> Self {
        match error {
            EgressError::Unreachable => Self::Unreachable,
            EgressError::Timeout => Self::Timeout,
            EgressError::Interrupted
            | EgressError::TooLarge
            | EgressError::Redirected
            | EgressError::Unsendable => Self::BadAnswer,
        }
    }
}
