//! What is sealed opens in its row with its key, and in no other way.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use ambient::{Clock, Entropy};
use egress::Egress;
use ids::AccountId;
use testing::{MASTER_KEY, NOW, OTHER_MASTER_KEY};
use vault::{KeyServices, Row, Sealed, Vault, VaultError};

/// A vault under this ring, without a service.
fn vault(ring: &str) -> Vault {
    let (egress, services) = (Egress::new().unwrap(), KeyServices::default());
    let clock = Clock::manual(NOW).0;
    Vault::new(&ring.parse().unwrap(), &services, &egress, clock, Entropy::system())
}

fn account(n: u8) -> AccountId {
    AccountId::new(NOW, [n; 10])
}

const ROW: Row<'_> = Row { table: "secret", column: "sealed", id: "key_1", account_id: None };

async fn refused(vault: &Vault, row: &Row<'_>, sealed: &Sealed, what: impl Fn() -> String) {
    let opened = vault.open(row, sealed).await;
    let is_refused = matches!(opened, Err(VaultError::Damaged | VaultError::UnknownKey { .. }));
    assert!(is_refused, "{}: {opened:?}", what());
    let rewrapped = vault.rewrap(row, sealed).await;
    assert!(matches!(rewrapped, Err(_) | Ok(None)), "{}: {rewrapped:?}", what());
}

#[tokio::test]
async fn another_key_opens_nothing() {
    let sealed = vault(MASTER_KEY).seal(&ROW, b"hunter2").await.unwrap();
    let opened = vault(OTHER_MASTER_KEY).open(&ROW, &sealed).await;
    assert!(matches!(opened, Err(VaultError::Damaged)), "{opened:?}");
    let renamed = vault(&format!("new:{OTHER_MASTER_KEY}"));
    let opened = renamed.open(&ROW, &sealed).await;
    assert!(
        matches!(opened, Err(VaultError::UnknownKey { ref kek_id }) if kek_id == "ring:1"),
        "{opened:?}"
    );
}

#[tokio::test]
async fn no_value_opens_in_the_place_of_another() {
    let vault = vault(MASTER_KEY);
    let mut rows = Vec::new();
    let ids: Vec<String> = (0..25).map(|n| format!("key_{n}")).collect();
    for table in ["secret", "other"] {
        for column in ["sealed", "other"] {
            for account_id in [None, Some(account(1))] {
                rows.extend(ids.iter().map(|id| Row { table, column, id, account_id }));
            }
        }
    }
    assert_eq!(rows.len(), 200);
    let mut sealed = Vec::new();
    for row in &rows {
        sealed.push(vault.seal(row, b"hunter2").await.unwrap());
    }
    for (i, row) in rows.iter().enumerate() {
        for (j, value) in sealed.iter().enumerate() {
            let opened = vault.open(row, value).await;
            if i == j {
                assert_eq!(&*opened.unwrap(), b"hunter2");
                continue;
            }
            assert!(matches!(opened, Err(VaultError::Damaged)), "{row:?} {:?}", rows[j]);
            // Neither half alone, with the other of its own row.
            let own = &sealed[i];
            for mixed in [
                Sealed { sealed: value.sealed.clone(), ..own.clone() },
                Sealed { wrapped_dek: value.wrapped_dek.clone(), ..own.clone() },
            ] {
                let opened = vault.open(row, &mixed).await;
                assert!(matches!(opened, Err(VaultError::Damaged)), "{row:?} {:?}", rows[j]);
            }
        }
    }
}

#[tokio::test]
async fn parts_of_a_place_cannot_run_into_each_other() {
    let vault = vault(MASTER_KEY);
    let sealed = vault.seal(&Row { table: "ab", column: "c", ..ROW }, b"x").await.unwrap();
    for row in [
        Row { table: "a", column: "bc", ..ROW },
        Row { table: "abc", column: "", ..ROW },
        Row { table: "ab", column: "", id: "ckey_1", account_id: None },
        Row { table: "ab", column: "c", id: "key_1", account_id: Some(account(2)) },
    ] {
        refused(&vault, &row, &sealed, || format!("{row:?}")).await;
    }
}

#[tokio::test]
async fn every_flipped_bit_and_every_lost_or_added_byte_is_refused() {
    let ring = format!("new:{OTHER_MASTER_KEY},1:{MASTER_KEY}");
    let vault = vault(&ring);
    let old = self::vault(MASTER_KEY);
    for n in 0..100_usize {
        let row = Row { account_id: Some(account(3)), ..ROW };
        let value = vec![7; n];
        // Half of them wait for a rotation.
        let sealer = if n % 2 == 0 { &vault } else { &old };
        let sealed = sealer.seal(&row, &value).await.unwrap();
        assert_eq!(&*vault.open(&row, &sealed).await.unwrap(), &value);
        for length in 0..sealed.wrapped_dek.len() {
            let wrapped_dek = sealed.wrapped_dek[..length].to_vec();
            let cut = Sealed { wrapped_dek, ..sealed.clone() };
            refused(&vault, &row, &cut, || format!("key cut to {length}")).await;
        }
        for length in 0..sealed.sealed.len() {
            let cut = Sealed { sealed: sealed.sealed[..length].to_vec(), ..sealed.clone() };
            let opened = vault.open(&row, &cut).await;
            assert!(matches!(opened, Err(VaultError::Damaged)), "value cut to {length}");
        }
        for bit in 0..8 * sealed.wrapped_dek.len() {
            let mut flipped = sealed.clone();
            flipped.wrapped_dek[bit / 8] ^= 1 << (bit % 8);
            refused(&vault, &row, &flipped, || format!("bit {bit} of the key")).await;
        }
        for bit in 0..8 * sealed.sealed.len() {
            let mut flipped = sealed.clone();
            flipped.sealed[bit / 8] ^= 1 << (bit % 8);
            let opened = vault.open(&row, &flipped).await;
            assert!(matches!(opened, Err(VaultError::Damaged)), "bit {bit} of the value");
        }
        for bit in 0..7 * sealed.kek_id.len() {
            let mut id = sealed.kek_id.clone().into_bytes();
            id[bit / 7] ^= 1 << (bit % 7);
            let flipped = Sealed { kek_id: String::from_utf8(id).unwrap(), ..sealed.clone() };
            refused(&vault, &row, &flipped, || format!("bit {bit} of the id")).await;
        }
        let mut longer = sealed.clone();
        longer.sealed.push(0);
        longer.wrapped_dek.push(0);
        refused(&vault, &row, &longer, || "longer".to_owned()).await;
    }
}

#[tokio::test]
async fn a_value_that_is_given_again_has_another_key_and_nothing_in_common() {
    let vault = vault(MASTER_KEY);
    let (one, two) =
        (vault.seal(&ROW, b"hunter2").await.unwrap(), vault.seal(&ROW, b"hunter2").await.unwrap());
    assert_ne!(one.wrapped_dek, two.wrapped_dek);
    assert_ne!(one.sealed, two.sealed);
    assert_eq!(one.kek_id, "ring:1");
    // Neither opens with the other's key, though the row is the same.
    let mixed = Sealed { sealed: two.sealed, ..one };
    assert!(matches!(vault.open(&ROW, &mixed).await, Err(VaultError::Damaged)));
}

#[tokio::test]
async fn a_new_master_key_takes_the_key_of_a_value_along_and_leaves_the_value() {
    let old = vault(MASTER_KEY).seal(&ROW, b"hunter2").await.unwrap();
    let ring = vault(&format!("new:{OTHER_MASTER_KEY},1:{MASTER_KEY}"));
    assert_eq!(ring.open(&ROW, &old).await.unwrap().as_str(), Some("hunter2"));
    let new = ring.rewrap(&ROW, &old).await.unwrap().unwrap();
    assert_eq!((new.kek_id.as_str(), &new.sealed), ("ring:new", &old.sealed));
    assert_eq!(ring.rewrap(&ROW, &new).await.unwrap(), None);
    let alone = vault(&format!("new:{OTHER_MASTER_KEY}"));
    assert_eq!(alone.open(&ROW, &new).await.unwrap().as_str(), Some("hunter2"));
    let place = Row { id: "key_2", ..ROW };
    assert!(matches!(ring.rewrap(&place, &old).await, Err(VaultError::Damaged)));
}
