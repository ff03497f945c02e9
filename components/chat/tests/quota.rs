//! `/api/quota`, `/api/usage` and `/api/admin/accounts/{id}/quota`
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use ambient::{Clock, Entropy, UnixMillis};
use axum::http::StatusCode;
use chunks::ChunkStore;
use database::{Database, Statement};
use ids::UserId;
use keyring::Keyring;
use serde_json::{Value, json};
use settings::{ChatSettings, Variables};
use testing::{Client, MASTER_KEY, NOW, Person};
use usage::{Cost, Entry, Micros, Spender};

const DAY: i64 = 24 * 60 * 60 * 1000;

struct Setup {
    database: Database,
    anonymous: Client,
    ada: Client,
    eve: Client,
    admin: Client,
    ada_person: Person,
}

async fn setup() -> Setup {
    let database = testing::database().await;
    let (clock, _) = Clock::manual(NOW);
    let keyring: Keyring = MASTER_KEY.parse().unwrap();
    keyring::register(&database, &keyring, NOW).await.unwrap();
    let variables: Variables =
        [("limit_api", "off"), ("master_key", MASTER_KEY), ("quota_tokens", "1000")]
            .into_iter()
            .collect();
    let settings = ChatSettings::new(&variables).unwrap();
    let chunks = ChunkStore::in_memory().unwrap();
    let router =
        chat::router(database.clone(), chunks, settings, clock, Entropy::system()).unwrap();
    let anonymous = Client::new(router);
    let [ada_person, eve, admin] = [
        Person::new(&database, "owner", NOW).await,
        Person::new(&database, "owner", NOW).await,
        Person::new(&database, "owner", NOW).await,
    ];
    let promote = Statement::new("UPDATE user SET is_admin = 1 WHERE id = ?1")
        .bind(admin.user_id.to_string());
    database.query(promote).await.unwrap();
    Setup {
        ada: anonymous.with_token(&ada_person.token),
        eve: anonymous.with_token(&eve.token),
        admin: anonymous.with_token(&admin.token),
        database,
        anonymous,
        ada_person,
    }
}

impl Setup {
    /// What somebody in Ada's account has used on another day.
    async fn uses(&self, user_id: UserId, run: &str, model: &str, days: i64, cost: Option<i64>) {
        let entry = Entry {
            spender: Spender { account_id: self.ada_person.account_id, user_id },
            run_id: run.to_owned(),
            step: 1,
            at: UnixMillis(NOW.0 + days * DAY),
            provider: "openai".to_owned(),
            model: model.to_owned(),
            input_tokens: 10,
            output_tokens: 5,
            is_estimated: false,
            cost: cost.map(|micros| Cost { micros: Micros(micros), price_version: 1 }),
        };
        self.database.query(entry.settle()).await.unwrap();
    }

    fn path(&self) -> String {
        format!("/api/admin/accounts/{}/quota", self.ada_person.account_id)
    }
}

fn setting() -> Value {
    json!({"tokens": 50, "user_tokens": null, "period": "day"})
}

#[tokio::test]
async fn without_a_credential_or_the_right_nothing_is_said_or_done() {
    let setup = setup().await;
    let path = setup.path();
    for path in ["/api/quota", "/api/usage", &path] {
        assert_eq!(setup.anonymous.get(path).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(setup.ada.get(&path).await.status, StatusCode::FORBIDDEN);
    assert_eq!(setup.ada.put(&path, &setting()).await.status, StatusCode::FORBIDDEN);
    assert_eq!(setup.ada.delete(&path).await.status, StatusCode::FORBIDDEN);
    let key = setup.ada_person.api_key(&setup.database, "conversations:read", NOW).await;
    let key = setup.anonymous.with_token(key);
    for path in ["/api/quota", "/api/usage"] {
        assert_eq!(key.get(path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn what_is_malformed_or_unknown_is_refused() {
    let setup = setup().await;
    let path = setup.path();
    for body in [
        json!({}),
        json!({"tokens": 5, "period": "day"}),
        json!({"tokens": 1.5, "user_tokens": null, "period": "day"}),
        json!({"tokens": "5", "user_tokens": null, "period": "day"}),
        json!({"tokens": 5, "user_tokens": null, "period": "day", "used": 0}),
    ] {
        let answer = setup.admin.put(&path, &body).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::BAD_REQUEST, "invalid_request"),
            "{body}"
        );
    }
    let body = json!({"tokens": -1, "user_tokens": 1_000_000_000_000_001_i64, "period": "day"});
    assert_eq!(setup.admin.put(&path, &body).await.pointers(), ["/tokens", "/user_tokens"]);
    let body = json!({"tokens": 5, "user_tokens": null, "period": "year"});
    assert_eq!(setup.admin.put(&path, &body).await.pointers(), ["/period"]);
    for id in ["acct_01h455vb4pex5vsknk084sn02q", "user_01h455vb4pex5vsknk084sn02q", "1", "%00"] {
        let path = format!("/api/admin/accounts/{id}/quota");
        assert_eq!(setup.admin.get(&path).await.status, StatusCode::NOT_FOUND, "{id}");
        assert_eq!(setup.admin.put(&path, &setting()).await.status, StatusCode::NOT_FOUND, "{id}");
        assert_eq!(setup.admin.delete(&path).await.status, StatusCode::NOT_FOUND, "{id}");
    }
    for query in ["from=yesterday", "to=2026-02-30", "user_id=x", "limit=x", "sum=1"] {
        let answer = setup.ada.get(&format!("/api/usage?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
    }
    for query in ["limit=0", "limit=201", "cursor=x", "cursor=MjAyNi0xMS0yMg"] {
        let answer = setup.ada.get(&format!("/api/usage?{query}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
    }
}

#[tokio::test]
async fn the_quota_is_what_holds_for_all_until_something_is_set() {
    let setup = setup().await;
    setup.uses(setup.ada_person.user_id, "run", "gpt-4o", 0, None).await;
    let quota = setup.ada.get("/api/quota").await;
    assert_eq!(quota.status, StatusCode::OK);
    let of = |limit: Value, used: i64| json!({"limit": limit, "used": used, "reserved": 0});
    let expected = of(json!(1000), 15);
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&quota.body[name], value, "{name}");
    }
    assert_eq!(quota.body["user"], of(Value::Null, 15));
    assert_eq!(quota.body["period"], "month");
    let default = setup.admin.get(&setup.path()).await;
    assert_eq!(
        default.body,
        json!({"tokens": 1000, "user_tokens": null, "period": "month", "is_default": true})
    );
    let set = setup.admin.put(&setup.path(), &setting()).await;
    assert_eq!(set.body["is_default"], false);
    assert_eq!(setup.ada.get("/api/quota").await.body["limit"], 50);
    assert_eq!(setup.eve.get("/api/quota").await.body["limit"], 1000);
    assert_eq!(setup.admin.delete(&setup.path()).await.status, StatusCode::NO_CONTENT);
    assert_eq!(setup.admin.delete(&setup.path()).await.status, StatusCode::NO_CONTENT);
    assert_eq!(setup.ada.get("/api/quota").await.body["limit"], 1000);
    let audit = Statement::new(
        "SELECT count(*) AS n FROM audit_entry WHERE account_id = 'platform' AND action = 'quota.changed'",
    );
    let rows = setup.database.query(audit).await.unwrap();
    assert_eq!(
        rows.first().unwrap().get::<i64>("n").unwrap(),
        2,
        "what changed nothing is no entry"
    );
}

#[tokio::test]
async fn usage_is_listed_by_day_model_and_person() {
    let setup = setup().await;
    let ada = setup.ada_person.user_id;
    let member = Person::new(&setup.database, "owner", NOW).await;
    let member = member.joins(&setup.database, setup.ada_person.account_id, "member", NOW).await;
    let colleague = setup.anonymous.with_token(&member.token);
    assert_eq!(setup.ada.get("/api/usage").await.body, json!({"data": [], "next_cursor": null}));
    setup.uses(ada, "a", "gpt-4o", 0, Some(1_234_567)).await;
    setup.uses(ada, "b", "gpt-4o", 0, None).await;
    setup.uses(ada, "c", "a model/with ü", 0, None).await;
    setup.uses(ada, "d", "gpt-4o", -1, Some(0)).await;
    setup.uses(member.user_id, "e", "gpt-4o", -1, None).await;
    let all = setup.ada.get("/api/usage").await;
    let rows = all.body["data"].as_array().unwrap();
    assert_eq!(rows.len(), 4);
    assert_eq!(
        rows[0].to_string(),
        json!({
            "date": rows[0]["date"], "model": "gpt-4o", "user_id": ada, "input_tokens": 20,
            "output_tokens": 10, "requests": 2, "cost": 1.234_567, "unpriced_requests": 1,
        })
        .to_string()
    );
    assert_eq!((&rows[1]["model"], &rows[1]["cost"]), (&json!("a model/with ü"), &Value::Null));
    // Page by page the same.
    let (mut pages, mut path) = (Vec::new(), "/api/usage?limit=1".to_owned());
    loop {
        let page = setup.ada.get(&path).await.body;
        pages.extend(page["data"].as_array().unwrap().clone());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/usage?limit=1&cursor={cursor}");
    }
    assert_eq!(&pages, rows);
    let today = rows[0]["date"].as_str().unwrap();
    for (query, count) in [
        (format!("from={today}"), 2),
        (format!("to={today}"), 4),
        ("to=2000-01-01".to_owned(), 0),
        ("model=gpt-4o".to_owned(), 3),
        (format!("user_id={}", member.user_id), 1),
    ] {
        let page = setup.ada.get(&format!("/api/usage?{query}")).await;
        assert_eq!(page.body["data"].as_array().unwrap().len(), count, "{query}");
    }
    // Others see their own part.
    let own = colleague.get("/api/usage").await;
    assert_eq!(own.body["data"].as_array().unwrap().len(), 1);
    assert_eq!(own.body["data"][0]["user_id"], json!(member.user_id));
    let other = colleague.get(&format!("/api/usage?user_id={ada}")).await;
    assert_eq!(other.body["data"], json!([]));
    assert_eq!(setup.eve.get("/api/usage").await.body["data"], json!([]));
}
