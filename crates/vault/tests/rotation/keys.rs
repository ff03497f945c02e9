//! What keys may be replaced, and which may retire.

use database::{Database, Statement};
use serde_json::json;
use testing::{Condition, MASTER_KEY, NOW, OTHER_MASTER_KEY, TransitServer};
use vault::{Kind, Owner, RotationError, VaultError};

use crate::world::{
    account, after, before, bodies, counts, expected, fill, get, id, owner, put, vault_of,
};

async fn world(count: usize) -> Database {
    let database = Database::in_memory().unwrap();
    fill(&database, &before(), count).await;
    database
}

#[tokio::test]
async fn a_key_that_wraps_something_or_is_in_use_does_not_retire() {
    let database = world(10).await;
    let refused = async |kek_id| vault::retire(&database, &after(), kek_id, NOW).await.unwrap_err();
    assert!(matches!(refused("ring:1").await, RotationError::Used { secrets: 10, .. }));
    assert!(matches!(refused("ring:new").await, RotationError::Current { .. }));
    assert!(matches!(refused("ring:other").await, RotationError::Unknown { .. }));
    let error = vault::retire(&database, &before(), "ring:1", NOW).await.unwrap_err();
    assert!(matches!(error, RotationError::Current { .. }), "{error:?}");
    assert_eq!(counts(&database).await, expected([("ring:1", 10)]));
}

#[tokio::test]
async fn what_is_retired_never_comes_back() {
    let database = world(10).await;
    vault::rotate(&database, &after(), NOW, |_| ()).await.unwrap();
    for _ in 0..2 {
        vault::retire(&database, &after(), "ring:1", NOW).await.unwrap();
    }
    let keks = vault::status(&database).await.unwrap();
    let retired: Vec<_> = keks.iter().map(|kek| (kek.id.as_str(), kek.retired_at)).collect();
    assert_eq!(retired, [("ring:1", Some(NOW)), ("ring:new", None)]);
    // An instance that was started before seals with the old key still.
    let id = id(3);
    for owner in [owner(3, &id), Owner { account_id: None, kind: Kind::Key, id: "key_new" }] {
        let sealed = before().seal(&owner.row(), b"late").await.unwrap();
        let error = database.batch(owner.put(sealed, None, NOW).into()).await.unwrap_err();
        assert!(error.is_trigger("kek_retired"), "{error:?}");
    }
    assert_eq!(get(&database, &after(), 3).await, "v0");
    let error = vault::rotate(&database, &before(), NOW, |_| ()).await.unwrap_err();
    assert!(matches!(error, RotationError::Retired { .. }), "{error:?}");
}

#[tokio::test]
async fn a_vault_that_cannot_open_everything_is_refused_at_the_start() {
    let database = world(3).await;
    vault::check(&database, &before()).await.unwrap();
    vault::check(&database, &after()).await.unwrap();
    let without = vault_of(&format!("new:{OTHER_MASTER_KEY}"), &json!([]));
    let error = vault::check(&database, &without).await.unwrap_err();
    assert!(
        matches!(error, RotationError::Vault(VaultError::UnknownKey { ref kek_id }) if kek_id == "ring:1"),
        "{error:?}"
    );
    vault::rotate(&database, &after(), NOW, |_| ()).await.unwrap();
    vault::check(&database, &without).await.unwrap();
    vault::retire(&database, &after(), "ring:1", NOW).await.unwrap();
    vault::check(&database, &after()).await.unwrap();
    assert!(vault::check(&database, &before()).await.is_err());
    let back = vault_of(&format!("1:{MASTER_KEY},new:{OTHER_MASTER_KEY}"), &json!([]));
    let error = vault::check(&database, &back).await.unwrap_err();
    assert!(matches!(error, RotationError::Retired { .. }), "{error:?}");
}

#[tokio::test]
async fn secrets_are_found_replaced_and_forgotten_in_their_account_alone() {
    let database = world(0).await;
    let vault = before();
    let of = |account_id| Owner { account_id, kind: Kind::Key, id: "key_1" };
    let (own, foreign, system) = (of(Some(account(1))), of(Some(account(2))), of(None));
    let sealed = vault.seal(&own.row(), b"one").await.unwrap();
    let four = vault::last_four("sk-0123456789abcdef");
    database.batch(own.put(sealed, four, NOW).into()).await.unwrap();
    for stranger in [foreign, system] {
        assert_eq!(stranger.find(&database).await.unwrap(), None);
        database.query(stranger.delete()).await.unwrap();
        let sealed = vault.seal(&stranger.row(), b"mine").await.unwrap();
        // Refused or without effect: ids are never used twice, so nobody has to be told which.
        drop(database.batch(stranger.put(sealed, None, NOW).into()).await);
        let kept = own.find(&database).await.unwrap().unwrap();
        assert_eq!(vault.open(&own.row(), &kept).await.unwrap().as_str(), Some("one"));
    }
    assert_eq!(Owner { kind: Kind::Model, ..own }.find(&database).await.unwrap(), None);
    let sealed = vault.seal(&own.row(), b"two").await.unwrap();
    database.batch(own.put(sealed.clone(), None, NOW).into()).await.unwrap();
    assert_eq!(own.find(&database).await.unwrap(), Some(sealed));
    database.query(own.delete()).await.unwrap();
    assert_eq!(own.find(&database).await.unwrap(), None);
}

#[tokio::test]
async fn values_that_do_not_open_are_counted_and_left_alone() {
    let database = world(500).await;
    for sql in [
        "UPDATE secret SET wrapped_dek = zeroblob(62) WHERE id IN ('key_00100', 'key_00200')",
        // Of another row: its key was wrapped for that one.
        "UPDATE secret SET wrapped_dek = (SELECT wrapped_dek FROM secret WHERE id = 'key_00001') WHERE id = 'key_00300'",
    ] {
        database.query(Statement::new(sql)).await.unwrap();
    }
    let before_it = bodies(&database).await;
    let rotated = vault::rotate(&database, &after(), NOW, |_| ()).await.unwrap();
    assert_eq!((rotated.found, rotated.rewrapped, rotated.damaged), (500, 497, 3));
    assert_eq!(counts(&database).await, expected([("ring:1", 3), ("ring:new", 497)]));
    assert_eq!(bodies(&database).await, before_it);
    let again = vault::rotate(&database, &after(), NOW, |_| ()).await.unwrap();
    assert_eq!((again.found, again.rewrapped, again.damaged), (3, 0, 3));
}

#[tokio::test]
async fn a_key_that_nobody_has_any_more_holds_up_no_other() {
    let database = world(10).await;
    let third = vault_of("third:semTJFBb0y2g4fhdz14ZoJ2wSB6KFfYsQesyAwSo6Sc=", &json!([]));
    put(&database, &third, 3, "lost").await;
    let rotated = vault::rotate(&database, &after(), NOW, |_| ()).await.unwrap();
    assert_eq!((rotated.found, rotated.rewrapped, rotated.damaged), (10, 9, 0));
    let left = expected([("ring:1", 0), ("ring:new", 9), ("ring:third", 1)]);
    assert_eq!(counts(&database).await, left);
}

#[tokio::test]
async fn a_service_that_goes_away_stops_a_rotation_which_goes_on_when_it_is_back() {
    let database = world(1_000).await;
    let transit = TransitServer::start().await;
    let vault = vault_of(MASTER_KEY, &json!([transit.service("hc")]));
    let error = vault::rotate(&database, &vault, NOW, |rotated| {
        if 300 <= rotated.rewrapped {
            transit.set(Condition::Gone);
        }
    })
    .await
    .unwrap_err();
    assert!(matches!(error, RotationError::Vault(VaultError::Unavailable)), "{error:?}");
    assert_eq!(counts(&database).await, expected([("ring:1", 600), ("hc:v1", 400)]));
    assert!(vault::rotate(&database, &vault, NOW, |_| ()).await.is_err());
    transit.set(Condition::Well);
    let rotated = vault::rotate(&database, &vault, NOW, |_| ()).await.unwrap();
    assert_eq!((rotated.kek_id.as_str(), rotated.found, rotated.rewrapped), ("hc:v1", 600, 600));
    // A newer version of the same key there; another one comes while it is taken.
    transit.rotate();
    let mut pieces = 0;
    let rotated = vault::rotate(&database, &vault, NOW, |_| {
        pieces += 1;
        if pieces == 3 {
            transit.rotate();
        }
    })
    .await
    .unwrap();
    assert_eq!((rotated.kek_id.as_str(), rotated.found), ("hc:v2", 1_000));
    let rotated = vault::rotate(&database, &vault, NOW, |_| ()).await.unwrap();
    assert_eq!(rotated.kek_id, "hc:v3");
    let all = expected([("hc:v1", 0), ("hc:v2", 0), ("hc:v3", 1_000), ("ring:1", 0)]);
    assert_eq!(counts(&database).await, all);
    assert_eq!(get(&database, &vault, 999).await, "v0");
    // And back to the master key.
    let back = vault_of(MASTER_KEY, &json!([{ "type": "master_key" }, transit.service("hc")]));
    vault::rotate(&database, &back, NOW, |_| ()).await.unwrap();
    transit.set(Condition::Gone);
    assert_eq!(get(&database, &before(), 500).await, "v0");
}
