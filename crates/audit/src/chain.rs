//! What an entry's hash is computed from.

use sha2::{Digest, Sha256};

/// Keeps these hashes apart from any other of this project, and one form of entries from the next.
const DOMAIN: &[u8] = b"selvage audit entry v1";

/// The hash before the first entry.
pub const GENESIS: [u8; 32] = [0; 32];

/// The columns of an entry, but for its hash.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    pub account: &'a str,
    pub seq: i64,
    pub at: i64,
    pub actor: &'a str,
    pub action: &'a str,
    pub target: Option<&'a str>,
    pub ip: Option<&'a str>,
    pub outcome: &'a str,
    /// JSON, as it is stored.
    pub detail: &'a str,
}

/// The hash of an entry after the one with the hash `previous`. Every field is preceded by its length, so that no two entries are written
/// alike.
pub fn hash(previous: &[u8; 32], fields: &Fields<'_>) -> [u8; 32] {
    let Fields { account, seq, at, actor, action, target, ip, outcome, detail } = *fields;
    let mut digest = Sha256::new();
    let mut put = |bytes: &[u8]| {
        digest.update((bytes.len() as u64).to_be_bytes());
        digest.update(bytes);
    };
    put(DOMAIN);
    put(previous);
    put(account.as_bytes());
    put(&seq.to_be_bytes());
    put(&at.to_be_bytes());
    put(actor.as_bytes());
    put(action.as_bytes());
    for optional in [target, ip] {
        // An absent value is not an empty one.
        put(&[u8::from(optional.is_some())]);
        put(optional.unwrap_or_default().as_bytes());
    }
    put(outcome.as_bytes());
    put(detail.as_bytes());
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_field_counts_and_none_can_pass_into_the_next() {
        let base = Fields {
            account: "a",
            seq: 1,
            at: 2,
            actor: "b",
            action: "c",
            target: None,
            ip: Some("d"),
            outcome: "e",
            detail: "{}",
        };
        let variants = [
            base,
            Fields { account: "ab", actor: "", ..base },
            Fields { account: "x", ..base },
            Fields { seq: 2, at: 1, ..base },
            Fields { at: 3, ..base },
            Fields { actor: "x", ..base },
            Fields { actor: "bc", action: "", ..base },
            Fields { action: "x", ..base },
            Fields { target: Some(""), ..base },
            Fields { target: Some("d"), ip: None, ..base },
            Fields { ip: None, ..base },
            Fields { outcome: "x", ..base },
            Fields { detail: "[]", ..base },
        ];
        let hashes: BTreeSet<_> = variants.iter().map(|fields| hash(&GENESIS, fields)).collect();
        assert_eq!(hashes.len(), variants.len());
        assert!(!hashes.contains(&hash(&[1; 32], &base)));
    }
}
