use std::error::Error;

/// Why there is no chunk.
#[derive(Debug, thiserror::Error)]
pub enum ChunkError {
    /// The store cannot be reached or cannot keep more. Trying again later may help.
    #[error("the chunk store is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// What the store has is not what was put there.
    #[error("the chunk {key} is {}", if *is_missing { "missing" } else { "not what it was" })]
    Damaged { key: String, is_missing: bool },
}
