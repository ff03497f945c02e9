use ambient::EntropyError;
use catalog::UnknownProvider;
use database::DatabaseError;
use egress::EgressError;
use ids::ParseIdError;
use keyring::KeyringError;
use problem::{FieldError, Problem, kinds};
use vault::{RotationError, VaultError};

/// Why the component cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("requests to other servers cannot be made")]
    Egress(#[from] EgressError),
}

/// Everything that can go wrong in this component.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("there is no such entry in the account")]
    NotFound,
    #[error("the entry is the platform's")]
    ReadOnly,
    #[error("values of the request break rules")]
    Invalid(Vec<FieldError>),
    #[error("the name is taken")]
    NameTaken,
    #[error("the owner has as many {what} as anyone may")]
    LimitReached { what: &'static str, most: u32 },
    #[error("the primary model follows the environment")]
    PrimaryModel,
    #[error("no key may be sent to where the model is")]
    KeyMissing,
    #[error("the entry is not the one that was read")]
    Changed,
    #[error("the document is larger than it may be")]
    TooLarge { bytes_max: usize },
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
    #[error("the database failed")]
    Database(#[from] DatabaseError),
}

impl ConfigError {
    /// One value breaks one rule.
    pub fn invalid(pointer: &str, detail: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Self::Invalid(vec![FieldError::new(pointer, detail)])
    }
}

impl From<ConfigError> for Problem {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::NotFound => Self::not_found(),
            ConfigError::ReadOnly => Self::new(
                &kinds::FORBIDDEN,
                "It is an entry of the platform, which its administrators change.",
            ),
            ConfigError::Invalid(errors) => Self::validation(errors),
            ConfigError::NameTaken => Self::new(
                &kinds::NAME_TAKEN,
                "Another entry of this kind in the account has this name.",
            ),
            ConfigError::LimitReached { what, most } => {
                Self::new(&kinds::LIMIT_REACHED, format!("There may be at most {most} {what}."))
            }
            ConfigError::PrimaryModel => Self::new(
                &kinds::PRIMARY_MODEL,
                "Change the variables primary_provider and primary_model instead.",
            ),
            ConfigError::KeyMissing => Self::new(
                &kinds::MODEL_KEY_MISSING,
                "There is no key that may be sent to where the model is. Add one with POST /api/keys.",
            ),
            ConfigError::Changed => Self::new(
                &kinds::PRECONDITION_FAILED,
                "It has changed since you read it. Read it again and decide anew.",
            ),
            ConfigError::TooLarge { bytes_max } => Self::new(
                &kinds::CONTENT_TOO_LARGE,
                format!("The document may have at most {bytes_max} bytes."),
            ),
            ConfigError::Vault(VaultError::TooLarge) => {
                Self::validation(vec![FieldError::new("", "The secret is too large.")])
            }
            ConfigError::Vault(error) if error.is_unavailable() => Self::unavailable(&error),
            ConfigError::Database(error)
            | ConfigError::Keyring(KeyringError::Database(error))
            | ConfigError::Keys(RotationError::Database(error)) => error.into(),
            ConfigError::Entropy(_)
            | ConfigError::StoredId(_)
            | ConfigError::StoredProvider(_)
            | ConfigError::Keyring(_)
            | ConfigError::Keys(_)
            | ConfigError::Vault(_)
            | ConfigError::Json(_) => Self::internal(&error),
        }
    }
}
