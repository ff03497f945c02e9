use std::time::Duration;

use ambient::EntropyError;
use catalog::UnknownProvider;
use chunks::ChunkError;
use database::{ConstraintKind, DatabaseError};
use egress::EgressError;
use ids::ParseIdError;
use keyring::KeyringError;
use message::MessagesError;
use problem::{FieldError, Problem, kinds};
use runs::{Failure, FailureCode, RunsError};
use usage::PriceTableError;
use vault::{RotationError, VaultError};

/// Why the component cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("requests to other servers cannot be made")]
    Egress(#[from] EgressError),
    #[error(transparent)]
    Prices(#[from] PriceTableError),
}

/// Everything that can go wrong in this component before a run has begun, and where its events are read.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    #[error("there is no such thing in the account")]
    NotFound,
    #[error("values of the request break rules")]
    Invalid(Vec<FieldError>),
    #[error("no key may be sent to where the model is")]
    KeyMissing,
    #[error("the account has no model of this name")]
    NoSuchModel,
    #[error("the account has as many runs at work as it may")]
    TooManyRuns,
    #[error("there are not enough tokens left")]
    QuotaExceeded(Problem),
    #[error("the run does not wait for a decision")]
    NotWaiting,
    #[error("the run has failed")]
    Failed(Failure),
    #[error("the URL of the model may not be called")]
    UrlRefused,
    #[error("no randomness")]
    Entropy(#[from] EntropyError),
    #[error("a stored id is damaged")]
    StoredId(#[from] ParseIdError),
    #[error("JSON could not be written or a stored document is damaged")]
    Json(#[from] serde_json::Error),
    #[error("a stored provider is none")]
    StoredProvider(#[from] UnknownProvider),
    #[error("the master key does not serve")]
    Keyring(#[from] KeyringError),
    #[error("the keys of secrets do not serve")]
    Keys(#[from] RotationError),
    #[error("the vault failed")]
    Vault(#[from] VaultError),
    #[error("the chunk store failed")]
    Chunks(#[from] ChunkError),
    #[error("the database failed")]
    Database(#[from] DatabaseError),
}

/// How long a client should wait for one of its runs to end. Nobody knows how long it takes.
const TOO_MANY_RUNS_WAIT: Duration = Duration::from_secs(5);

impl ChatError {
    /// One value breaks one rule.
    pub fn invalid(pointer: &str, detail: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Self::Invalid(vec![FieldError::new(pointer, detail)])
    }

    /// Whether a batch failed because somebody else has taken the run over, or it is gone.
    pub fn is_lost(error: &DatabaseError) -> bool {
        matches!(error, DatabaseError::Constraint { kind: ConstraintKind::NotNull, .. })
    }
}

impl From<RunsError> for ChatError {
    fn from(error: RunsError) -> Self {
        match error {
            RunsError::StoredId(error) => error.into(),
            RunsError::Json(error) => error.into(),
            RunsError::Entropy(error) => error.into(),
            RunsError::Database(error) => error.into(),
        }
    }
}

impl From<MessagesError> for ChatError {
    fn from(error: MessagesError) -> Self {
        match error {
            MessagesError::StoredId(error) => error.into(),
            MessagesError::Json(error) => error.into(),
            MessagesError::Database(error) => error.into(),
        }
    }
}

impl From<ChatError> for Problem {
    fn from(error: ChatError) -> Self {
        match error {
            ChatError::NotFound => Self::not_found(),
            ChatError::Invalid(errors) => Self::validation(errors),
            ChatError::KeyMissing => Self::new(
                &kinds::MODEL_KEY_MISSING,
                "There is no key that may be sent to where the model is. Add one with POST /api/keys.",
            ),
            ChatError::NoSuchModel => Self::new(
                &kinds::MODEL_NOT_FOUND,
                "There is no model of this name; GET /v1/models lists those that there are.",
            ),
            ChatError::TooManyRuns => Self::new(
                &kinds::TOO_MANY_RUNS,
                "The account has as many runs at work as it may. Wait for one to end, or cancel one.",
            )
            .retry_after(TOO_MANY_RUNS_WAIT),
            ChatError::QuotaExceeded(problem) => problem,
            ChatError::NotWaiting => Self::new(
                &kinds::RUN_NOT_WAITING,
                "The run is at work, has ended, or somebody else has decided already.",
            ),
            ChatError::Failed(failure) => failed(failure),
            ChatError::UrlRefused => Self::new(
                &kinds::PROVIDER_ERROR,
                "The URL of the model may not be called any more.",
            ),
            ChatError::Vault(error) if error.is_unavailable() => Self::unavailable(&error),
            ChatError::Chunks(error @ ChunkError::Unavailable(_)) => Self::unavailable(&error),
            ChatError::Database(error)
            | ChatError::Keyring(KeyringError::Database(error))
            | ChatError::Keys(RotationError::Database(error)) => error.into(),
            ChatError::Entropy(_)
            | ChatError::StoredId(_)
            | ChatError::Json(_)
            | ChatError::StoredProvider(_)
            | ChatError::Keyring(_)
            | ChatError::Keys(_)
            | ChatError::Vault(_)
            | ChatError::Chunks(_) => Self::internal(&error),
        }
    }
}

/// How a run that has failed looks to whoever waited for its end.
fn failed(failure: Failure) -> Problem {
    let Failure { code, detail, retry_after_s } = failure;
    let kind = match code {
        FailureCode::ProviderError | FailureCode::StepLimit => &kinds::PROVIDER_ERROR,
        FailureCode::ProviderRateLimited => &kinds::PROVIDER_RATE_LIMITED,
        FailureCode::ProviderTimeout => &kinds::PROVIDER_TIMEOUT,
        FailureCode::Interrupted => &kinds::UNAVAILABLE,
        FailureCode::InternalError => &kinds::INTERNAL_ERROR,
    };
    let problem = Problem::new(kind, detail);
    match retry_after_s {
        Some(seconds) => problem.retry_after(Duration::from_secs(seconds)),
        None => problem,
    }
}
