use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

/// Where random bytes come from.
#[derive(Debug, Clone)]
pub struct Entropy(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    Sequence(Arc<AtomicU64>),
}

/// The system gave no random bytes. Nothing that needs a secret can go on.
#[derive(Debug, thiserror::Error)]
#[error("the system gave no random bytes")]
pub struct EntropyError(#[source] getrandom::Error);

impl Entropy {
    /// The system's generator. Asked each time: no state of a generator lives in a component, which a host may snapshot or fork.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// Predictable bytes, for tests alone: the n-th block is the SHA-256 of n, counted from `start`.
    pub fn sequence(start: u64) -> Self {
        Self(Source::Sequence(Arc::new(AtomicU64::new(start))))
    }

    /// `N` random bytes.
    ///
    /// # Errors
    /// [`EntropyError`] when the system has none.
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], EntropyError> {
        let mut bytes = [0; N];
        match &self.0 {
            Source::System => getrandom::fill(&mut bytes).map_err(EntropyError)?,
            Source::Sequence(next) => {
                for chunk in bytes.chunks_mut(32) {
                    let block = Sha256::digest(next.fetch_add(1, Ordering::SeqCst).to_be_bytes());
                    for (byte, source) in chunk.iter_mut().zip(block) {
                        *byte = source;
                    }
                }
            }
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_never_repeats_itself() {
        let entropy = Entropy::system();
        let first: [u8; 32] = entropy.bytes().unwrap();
        let second: [u8; 32] = entropy.bytes().unwrap();
        assert_ne!(first, second);
        assert_ne!(first, [0; 32]);
    }

    #[test]
    fn a_sequence_is_the_same_each_time_and_differs_within() {
        let (one, two) = (Entropy::sequence(7), Entropy::sequence(7));
        let first: [u8; 40] = one.bytes().unwrap();
        assert_eq!(first, two.bytes::<40>().unwrap());
        assert_ne!(first, one.bytes::<40>().unwrap());
    }
}
