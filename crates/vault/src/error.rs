use ambient::EntropyError;

use crate::envelope::SECRET_BYTES_MAX;

/// Why nothing was sealed or opened. Classes alone: nothing of a secret, and nothing of what a key service said.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// One answer for all that can be wrong with a sealed value, so that nobody learns by trying how it is wrong.
    #[error("a sealed value does not open: it is damaged, of another row, or of another key")]
    Damaged,
    /// The operator took the key away, or has not given it to this component.
    #[error("a value is sealed under the key {kek_id:?}, which is not configured")]
    UnknownKey { kek_id: String },
    /// Trying again later may help.
    #[error("the key service is away or overloaded")]
    Unavailable,
    /// Its operator has to act: a credential that does not count, or a key that is gone or disabled.
    #[error("the key service refuses to use its key")]
    Refused,
    #[error("a secret has more than {SECRET_BYTES_MAX} bytes")]
    TooLarge,
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

impl VaultError {
    /// Whether the key service is what failed: the request may be repeated later (503).
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable | Self::Refused)
    }
}
