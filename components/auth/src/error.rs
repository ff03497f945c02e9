use ambient::EntropyError;
use credentials::{PASSWORD_CHARS_MAX, PasswordHashError, SignError};
use database::DatabaseError;
use ids::ParseIdError;
use keyring::KeyringError;
use problem::{FieldError, Problem, kinds};

/// Everything that can go wrong in this component.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error("values of the request break rules")]
    Invalid(Vec<FieldError>),
    #[error("the password is longer than any may be")]
    PasswordTooLong,
    #[error("the address is taken")]
    EmailTaken,
    #[error("the user name is taken")]
    UsernameTaken,
    #[error("login and password fit no one")]
    InvalidCredentials,
    #[error("the root key of the signing key is not in the ring of master_key")]
    KeyMismatch,
    #[error("the master key cannot be used")]
    Keyring(#[from] KeyringError),
    #[error("the access token could not be issued")]
    Sign(#[from] SignError),
    #[error("the password could not be hashed or compared")]
    PasswordHash(#[from] PasswordHashError),
    #[error("no randomness")]
    Entropy(#[from] EntropyError),
    #[error("a stored id is damaged")]
    StoredId(#[from] ParseIdError),
    #[error("a stored role is damaged")]
    StoredRole(#[from] caller::UnknownRole),
    #[error("the database failed")]
    Database(#[from] DatabaseError),
}

impl AuthError {
    /// For the probe of readiness: whatever failed, traffic should go elsewhere.
    pub fn into_unready(self) -> Problem {
        Problem::unavailable(&self)
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Invalid(errors) => Self::validation(errors),
            AuthError::PasswordTooLong => Self::new(
                &kinds::INVALID_REQUEST,
                format!("A password has at most {PASSWORD_CHARS_MAX} characters."),
            ),
            AuthError::EmailTaken => Self::new(
                &kinds::EMAIL_TAKEN,
                "Someone has signed up with this address. Sign in instead.",
            ),
            AuthError::UsernameTaken => {
                Self::new(&kinds::USERNAME_TAKEN, "Someone has this user name. Choose another one.")
            }
            AuthError::InvalidCredentials => {
                Self::new(&kinds::INVALID_CREDENTIALS, "Login and password do not fit together.")
            }
            AuthError::Database(error) | AuthError::Keyring(KeyringError::Database(error)) => {
                error.into()
            }
            AuthError::KeyMismatch
            | AuthError::Keyring(_)
            | AuthError::Sign(_)
            | AuthError::PasswordHash(_)
            | AuthError::Entropy(_)
            | AuthError::StoredId(_)
            | AuthError::StoredRole(_) => Self::internal(&error),
        }
    }
}
