//! `/api/accounts`, members and the log of an account.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use std::collections::BTreeSet;

use axum::http::StatusCode;
use database::Statement;
use serde_json::{Value, json};
use support::{number, setup};
use testing::NOW;

#[tokio::test]
async fn accounts_of_others_look_like_accounts_that_do_not_exist() {
    let setup = setup().await;
    let team = setup.team().await;
    let eve = setup.someone().await;
    let unknown = "/api/accounts/acct_01h455vb4pex5vsknk084sn02q";
    let mut first: Option<Value> = None;
    for path in [
        team.path.as_str(),
        unknown,
        "/api/accounts/x",
        "/api/accounts/conv_01h455vb4pex5vsknk084sn02q",
    ] {
        let member = team.member_path(&eve).replace(&team.path, path);
        for answer in [
            eve.client.get(path).await,
            eve.client.patch(path, &json!({"name": "x"})).await,
            eve.client.delete(path).await,
            eve.client.get(&format!("{path}/members")).await,
            eve.client.get(&format!("{path}/audit")).await,
            eve.client.get(&format!("{path}/invitations")).await,
            eve.client
                .post(
                    &format!("{path}/invitations"),
                    &json!({"email": "a@b.com", "role": "viewer"}),
                )
                .await,
            eve.client.patch(&member, &json!({"role": "owner"})).await,
            eve.client.delete(&member).await,
        ] {
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
            let mut body = answer.body;
            body["request_id"] = Value::Null;
            assert_eq!(*first.get_or_insert(body.clone()), body);
        }
    }
    assert_eq!(setup.client.get(&team.path).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn names_are_checked_and_nothing_else_can_be_set() {
    let setup = setup().await;
    let team = setup.team().await;
    for name in ["", " ", "a\nb", &"x".repeat(101)] {
        let body = json!({"name": name});
        for answer in [
            team.owner.client.post("/api/accounts", &body).await,
            team.owner.client.patch(&team.path, &body).await,
        ] {
            assert_eq!(
                (answer.status, answer.pointers()),
                (StatusCode::UNPROCESSABLE_ENTITY, vec!["/name"])
            );
        }
    }
    for extra in ["id", "kind", "role", "created_at"] {
        let body = json!({"name": "x", extra: "team"});
        let answer = team.owner.client.patch(&team.path, &body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{extra}");
    }
}

#[tokio::test]
async fn a_team_has_its_maker_as_owner_and_can_be_renamed() {
    let setup = setup().await;
    let team = setup.team().await;
    let answer = team.owner.client.patch(&team.path, &json!({"name": " The Team "})).await;
    insta::assert_json_snapshot!(answer.redacted(), @r#"
    {
      "body": {
        "created_at": "[time]",
        "id": "[acct]",
        "kind": "team",
        "name": "The Team",
        "role": "owner"
      },
      "status": 200
    }
    "#);
    assert_eq!(team.owner.client.get(&team.path).await.body, answer.body);
    let list = team.owner.client.get("/api/accounts").await.body;
    // Both were made in the same millisecond, so their order is a matter of luck.
    let kinds: BTreeSet<_> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|account| account["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, BTreeSet::from(["personal", "team"]));
}

#[tokio::test]
async fn a_role_that_is_too_low_is_told_so() {
    let setup = setup().await;
    let team = setup.team().await;
    let member = setup.member(&team, "member").await;
    for answer in [
        member.client.patch(&team.path, &json!({"name": "x"})).await,
        member.client.delete(&team.path).await,
        member.client.get(&format!("{}/audit", team.path)).await,
        member.client.get(&format!("{}/invitations", team.path)).await,
        member.client.patch(&team.member_path(&team.owner), &json!({"role": "viewer"})).await,
        member.client.delete(&team.member_path(&team.owner)).await,
    ] {
        assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "forbidden"));
    }
    let admin = setup.member(&team, "admin").await;
    assert_eq!(admin.client.delete(&team.path).await.status, StatusCode::FORBIDDEN);
    assert_eq!(admin.client.patch(&team.path, &json!({"name": "x"})).await.status, StatusCode::OK);
}

#[tokio::test]
async fn ranks_decide_who_changes_whom() {
    // Actor, the member's role, the new role (none removes), the status.
    let cases: [(&str, &str, Option<&str>, u16); 16] = [
        ("owner", "admin", Some("viewer"), 200),
        ("owner", "viewer", Some("owner"), 200),
        ("owner", "owner", Some("admin"), 403),
        ("owner", "owner", None, 403),
        ("owner", "admin", None, 204),
        ("admin", "owner", Some("viewer"), 403),
        ("admin", "owner", None, 403),
        ("admin", "admin", Some("viewer"), 403),
        ("admin", "admin", None, 403),
        ("admin", "member", Some("admin"), 200),
        ("admin", "member", Some("owner"), 403),
        ("admin", "member", None, 204),
        ("member", "viewer", Some("viewer"), 403),
        ("member", "viewer", None, 403),
        ("viewer", "viewer", Some("viewer"), 403),
        ("viewer", "member", None, 403),
    ];
    for (actor, target, role, status) in cases {
        let setup = setup().await;
        let team = setup.team().await;
        let actor_client = setup.member(&team, actor).await.client;
        let path = team.member_path(&setup.member(&team, target).await);
        let answer = match role {
            Some(role) => actor_client.patch(&path, &json!({"role": role})).await,
            None => actor_client.delete(&path).await,
        };
        assert_eq!(answer.status.as_u16(), status, "{actor} {target} {role:?}");
        let entries = number(
            &setup.database,
            "SELECT count(*) AS n FROM audit_entry WHERE action LIKE 'member.%'",
        )
        .await;
        assert_eq!(entries, i64::from(status < 300), "{actor} {target} {role:?}");
    }
}

#[tokio::test]
async fn everyone_may_step_down_or_leave_but_nobody_rises_alone() {
    let setup = setup().await;
    let team = setup.team().await;
    let admin = setup.member(&team, "admin").await;
    let own = team.member_path(&admin);
    assert_eq!(
        admin.client.patch(&own, &json!({"role": "owner"})).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(admin.client.patch(&own, &json!({"role": "viewer"})).await.status, StatusCode::OK);
    assert_eq!(
        admin.client.patch(&own, &json!({"role": "member"})).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(admin.client.delete(&own).await.status, StatusCode::NO_CONTENT);
    // The session was one of that account.
    assert_eq!(admin.client.get(&team.path).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_last_owner_stays() {
    let setup = setup().await;
    let team = setup.team().await;
    let own = team.member_path(&team.owner);
    for (status, role) in [(409, "admin"), (200, "owner")] {
        let answer = team.owner.client.patch(&own, &json!({"role": role})).await;
        assert_eq!(answer.status.as_u16(), status, "{role}");
    }
    let answer = team.owner.client.delete(&own).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::CONFLICT, "last_owner"));
    let heir = setup.member(&team, "viewer").await;
    assert_eq!(team.owner.client.delete(&own).await.code(), "last_owner");
    let answer = team.owner.client.patch(&team.member_path(&heir), &json!({"role": "owner"})).await;
    assert_eq!(answer.body["role"], "owner");
    assert_eq!(team.owner.client.delete(&own).await.status, StatusCode::NO_CONTENT);
    assert_eq!(heir.client.delete(&team.member_path(&heir)).await.code(), "last_owner");
}

#[tokio::test]
async fn the_schema_itself_keeps_an_owner() {
    let setup = setup().await;
    let team = setup.team().await;
    setup.member(&team, "admin").await;
    for sql in [
        "UPDATE membership SET role = 'viewer' WHERE account_id = ?1 AND role = 'owner'",
        "DELETE FROM membership WHERE account_id = ?1 AND role = 'owner'",
        "DELETE FROM user WHERE id IN (SELECT user_id FROM membership WHERE account_id = ?1 AND role = 'owner')",
    ] {
        let result = setup.database.query(Statement::new(sql).bind(team.id.to_string())).await;
        assert!(result.unwrap_err().is_trigger("membership_keeps_an_owner"), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixty_four_owners_who_all_leave_at_once_one_remains() {
    let setup = setup().await;
    let team = setup.team().await;
    let mut owners = Vec::new();
    for n in 0..64 {
        let someone = setup.member(&team, "owner").await;
        owners.push((n, team.member_path(&someone), someone.client));
    }
    let answer = team.owner.client.delete(&team.member_path(&team.owner)).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    let attempts: Vec<_> = owners
        .into_iter()
        .map(|(n, path, client)| {
            tokio::spawn(async move {
                if n % 2 == 0 {
                    client.delete(&path).await.status
                } else {
                    client.patch(&path, &json!({"role": "viewer"})).await.status
                }
            })
        })
        .collect();
    let mut refused = 0;
    for attempt in attempts {
        let status = attempt.await.unwrap();
        assert!(status.is_success() || status == StatusCode::CONFLICT, "{status}");
        refused += usize::from(status == StatusCode::CONFLICT);
    }
    assert_eq!(refused, 1);
    let sql = "SELECT count(*) AS n FROM membership AS m JOIN account AS a ON a.id = m.account_id WHERE m.role = 'owner' AND a.kind = 'team'";
    assert_eq!(number(&setup.database, sql).await, 1);
    audit::verify(&setup.database, &team.id.to_string()).await.unwrap();
}

#[tokio::test]
async fn a_personal_account_keeps_its_one_owner_and_cannot_be_deleted() {
    let setup = setup().await;
    let ada = setup.someone().await;
    let path = format!("/api/accounts/{}", ada.person.account_id);
    let guest = testing::Person::new(&setup.database, "owner", NOW).await;
    let guest = guest.joins(&setup.database, ada.person.account_id, "admin", NOW).await;
    let own = format!("{path}/members/{}", ada.person.user_id);
    for answer in [
        ada.client.delete(&path).await,
        ada.client.delete(&own).await,
        ada.client.patch(&own, &json!({"role": "admin"})).await,
        ada.client
            .patch(&format!("{path}/members/{}", guest.user_id), &json!({"role": "owner"}))
            .await,
    ] {
        assert_eq!((answer.status, answer.code()), (StatusCode::CONFLICT, "personal_account"));
    }
}

#[tokio::test]
async fn members_are_listed_with_what_members_may_know() {
    let setup = setup().await;
    let team = setup.team().await;
    let viewer = setup.member(&team, "viewer").await;
    let answer = viewer.client.get(&format!("{}/members?limit=1", team.path)).await;
    let keys: Vec<_> = answer.body["data"][0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["email", "joined_at", "name", "role", "user_id", "username"]);
    let cursor = answer.body["next_cursor"].as_str().unwrap();
    let rest = viewer.client.get(&format!("{}/members?cursor={cursor}", team.path)).await.body;
    assert_eq!(rest["data"].as_array().unwrap().len(), 1);
    assert_eq!(rest["next_cursor"], Value::Null);
}

#[tokio::test]
async fn the_log_is_paged_filtered_and_chained() {
    let setup = setup().await;
    let team = setup.team().await;
    for n in 0..3 {
        team.owner.client.patch(&team.path, &json!({"name": format!("Team {n}")})).await;
    }
    let log = format!("{}/audit", team.path);
    let mut answer = team.owner.client.get(&format!("{log}?limit=1")).await;
    let hash = answer.body["data"][0]["hash"].take();
    assert_eq!(hash.as_str().unwrap().len(), 64);
    insta::assert_json_snapshot!(answer.redacted(), @r#"
    {
      "body": {
        "data": [
          {
            "action": "account.renamed",
            "actor": "[user]",
            "at": "[time]",
            "detail": {},
            "hash": null,
            "ip": null,
            "outcome": "success",
            "seq": 4,
            "target": "[acct]"
          }
        ],
        "next_cursor": "4"
      },
      "status": 200
    }
    "#);
    let rest = team.owner.client.get(&format!("{log}?cursor=4")).await.body;
    let seqs: Vec<_> =
        rest["data"].as_array().unwrap().iter().map(|entry| entry["seq"].clone()).collect();
    assert_eq!(seqs, [3, 2, 1]);
    let created = team.owner.client.get(&format!("{log}?action=account.created")).await.body;
    assert_eq!(created["data"].as_array().unwrap().len(), 1);
    for query in ["cursor=x", "limit=0"] {
        let answer = team.owner.client.get(&format!("{log}?{query}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
    }
    assert_eq!(audit::verify(&setup.database, &team.id.to_string()).await.unwrap().seq, 4);
}
