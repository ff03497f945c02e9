use ambient::EntropyError;
use credentials::{PASSWORD_CHARS_MAX, PasswordHashError, SealError, SignError};
use database::DatabaseError;
use egress::EgressError;
use ids::ParseIdError;
use keyring::KeyringError;
use limits::LimitError;
use problem::{FieldError, Problem, kinds};

use crate::external::{ProviderError, Refusal};

/// Why the component cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("password hashing is not configured as it must be")]
    Hashing(#[from] PasswordHashError),
    #[error("requests to other servers cannot be made")]
    Egress(#[from] EgressError),
}

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
    #[error("the person is disabled")]
    Disabled,
    #[error("a code of the second factor is needed")]
    TotpRequired,
    #[error("the code is not right")]
    InvalidCode,
    #[error("there is a second factor already")]
    TotpEnrolled,
    #[error("the address was never proven")]
    UnverifiedLogin,
    #[error("the current password is wrong")]
    ReauthenticationFailed,
    #[error("the current password is missing")]
    PasswordMissing,
    #[error("whoever has no password must have signed in lately")]
    SignedInLongAgo,
    #[error("the one-time token does not count")]
    InvalidToken,
    #[error("no mailer is configured")]
    MailerMissing,
    #[error("the refresh token does not count")]
    InvalidRefreshToken,
    #[error("what came from an identity provider is refused")]
    External(#[from] Refusal),
    #[error("an identity provider could not be asked")]
    Provider(#[from] ProviderError),
    #[error("the provider has not verified an address of the person")]
    UnverifiedIdentity,
    #[error("somebody has this identity already")]
    IdentityTaken,
    #[error("nothing else would be left to sign in with")]
    LastWayIn,
    #[error("the root key of the signing key is not in the ring of master_key")]
    KeyMismatch,
    #[error("the master key cannot be used")]
    Keyring(#[from] KeyringError),
    #[error("the access token could not be issued")]
    Sign(#[from] SignError),
    #[error("the password could not be hashed or compared")]
    PasswordHash(#[from] PasswordHashError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("no randomness")]
    Entropy(#[from] EntropyError),
    #[error("a stored id is damaged")]
    StoredId(#[from] ParseIdError),
    #[error("a stored role is damaged")]
    StoredRole(#[from] caller::UnknownRole),
    #[error("there is no such thing for this caller")]
    NotFound,
    #[error("the caller's rank is too low for this")]
    RankTooLow,
    #[error("an administrator acts on their own person")]
    OwnPerson,
    #[error("an account would be left without an owner")]
    LastOwner,
    #[error("a personal account has one owner for good")]
    PersonalAccount,
    #[error("the address belongs to a member")]
    AlreadyMember,
    #[error("the person has no verified address")]
    EmailUnverified,
    #[error("there are {most} {what} already")]
    LimitReached { what: &'static str, most: u32 },
    #[error("an answer could not be written as JSON")]
    Json(#[from] serde_json::Error),
    #[error("a stored scope is damaged")]
    StoredScope(#[from] caller::UnknownScope),
    #[error(transparent)]
    Limited(#[from] LimitError),
    #[error("the database failed")]
    Database(#[from] DatabaseError),
}

impl AuthError {
    /// Whether somebody else has to put it right: the person, or an identity provider.
    pub fn is_external(&self) -> bool {
        matches!(self, Self::External(_) | Self::Provider(_))
    }

    /// For the probe of readiness: whatever failed, traffic should go elsewhere.
    pub fn into_unready(self) -> Problem {
        Problem::unavailable(&self)
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Invalid(errors) => Self::validation(errors),
            AuthError::Limited(error) => error.into(),
            AuthError::NotFound => Self::not_found(),
            AuthError::Database(error) | AuthError::Keyring(KeyringError::Database(error)) => {
                error.into()
            }
            error => sign_in(&error)
                .or_else(|| external(&error))
                .or_else(|| accounts(&error))
                .unwrap_or_else(|| Self::internal(&error)),
        }
    }
}

/// What goes wrong when people prove who they are. `None` for everything else.
fn sign_in(error: &AuthError) -> Option<Problem> {
    let problem = match error {
        AuthError::PasswordTooLong => Problem::new(
            &kinds::INVALID_REQUEST,
            format!("A password has at most {PASSWORD_CHARS_MAX} characters."),
        ),
        AuthError::EmailTaken => Problem::new(
            &kinds::EMAIL_TAKEN,
            "Someone has signed up with this address. Sign in instead.",
        ),
        AuthError::UsernameTaken => {
            Problem::new(&kinds::USERNAME_TAKEN, "Someone has this user name. Choose another one.")
        }
        AuthError::InvalidCredentials | AuthError::Disabled => {
            Problem::new(&kinds::INVALID_CREDENTIALS, "Login and password do not fit together.")
        }
        AuthError::TotpRequired => {
            Problem::new(&kinds::TOTP_REQUIRED, "Send the code of your authenticator app as totp.")
        }
        AuthError::InvalidCode => {
            Problem::new(&kinds::INVALID_CODE, "This is not the code of the moment.")
        }
        AuthError::TotpEnrolled => Problem::new(
            &kinds::TOTP_ENROLLED,
            "Remove the second factor before you set up another.",
        ),
        AuthError::UnverifiedLogin => Problem::new(
            &kinds::EMAIL_UNVERIFIED,
            "Follow the link in the mail that was sent to your address; a new one is on its way.",
        ),
        AuthError::ReauthenticationFailed => {
            Problem::new(&kinds::REAUTHENTICATION_FAILED, "The password is not your current one.")
        }
        AuthError::PasswordMissing => {
            Problem::new(&kinds::INVALID_REQUEST, "Send your current password too.")
        }
        AuthError::SignedInLongAgo => Problem::new(
            &kinds::REAUTHENTICATION_REQUIRED,
            "You have no password to show: sign in again with your provider, then try again within ten minutes.",
        ),
        AuthError::InvalidToken => Problem::new(
            &kinds::INVALID_TOKEN,
            "The token does not count: it was used, replaced by a newer one, or is too old.",
        ),
        AuthError::MailerMissing => Problem::new(
            &kinds::MAILER_MISSING,
            "This deployment cannot send mails; its operator has to set the variable mailer.",
        ),
        AuthError::InvalidRefreshToken => {
            Problem::new(&kinds::UNAUTHORIZED, "The refresh token does not count. Sign in again.")
        }
        _ => return None,
    };
    Some(problem)
}

/// What goes wrong with identity providers. `None` for everything else.
fn external(error: &AuthError) -> Option<Problem> {
    let problem = match error {
        AuthError::External(_) => Problem::new(
            &kinds::EXTERNAL_SIGN_IN_REFUSED,
            "What the identity provider has given you does not count here. Begin the sign-in again.",
        ),
        AuthError::Provider(_) => Problem::upstream(
            &kinds::IDENTITY_PROVIDER_UNAVAILABLE,
            "The identity provider does not answer as it should. Try again later, or sign in another way.",
            error,
        ),
        AuthError::UnverifiedIdentity => Problem::new(
            &kinds::EMAIL_UNVERIFIED,
            "The identity provider has not verified an e-mail address of yours. Verify one there first.",
        ),
        AuthError::IdentityTaken => {
            Problem::new(&kinds::IDENTITY_TAKEN, "Somebody signs in with this identity already.")
        }
        AuthError::LastWayIn => Problem::new(
            &kinds::LAST_WAY_IN,
            "Set a password or link another identity before you remove this one.",
        ),
        _ => return None,
    };
    Some(problem)
}

/// What goes wrong among people who share accounts. `None` for everything else.
fn accounts(error: &AuthError) -> Option<Problem> {
    let problem = match error {
        AuthError::RankTooLow => Problem::new(
            &kinds::FORBIDDEN,
            "Nobody changes what has the same or a higher rank, or grants more than they have.",
        ),
        AuthError::OwnPerson => Problem::new(
            &kinds::FORBIDDEN,
            "Nobody does this to themselves. Ask another administrator.",
        ),
        AuthError::LastOwner => Problem::new(
            &kinds::LAST_OWNER,
            "Make someone else an owner first, or delete the account.",
        ),
        AuthError::PersonalAccount => Problem::new(
            &kinds::PERSONAL_ACCOUNT,
            "A personal account has one owner for good and ends with its person.",
        ),
        AuthError::AlreadyMember => Problem::new(
            &kinds::ALREADY_MEMBER,
            "Whoever has this address is a member of the account already.",
        ),
        AuthError::EmailUnverified => Problem::new(
            &kinds::EMAIL_UNVERIFIED,
            "The invitation was sent to another address than yours, and yours is not verified.",
        ),
        AuthError::LimitReached { what, most } => Problem::new(
            &kinds::LIMIT_REACHED,
            format!("There may be {most} {what}. Delete some that are no longer needed."),
        ),
        _ => return None,
    };
    Some(problem)
}
