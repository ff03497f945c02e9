//! What whoever has died leaves behind: who settles it, and with what.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use ambient::UnixMillis;
use database::{Database, Statement};
use testing::{NOW, Person};
use usage::{
    Entry, Limit, Period, Quota, Reservation, Share, Spender, lapse, lapse_expired, release,
};

const MINUTE: i64 = 60 * 1000;

const QUOTA: Quota = Quota(Limit { tokens: Some(1000), user_tokens: None, period: Period::Day });

fn later(milliseconds: i64) -> UnixMillis {
    UnixMillis(NOW.0 + milliseconds)
}

async fn spender(database: &Database) -> Spender {
    let person = Person::new(database, "owner", NOW).await;
    Spender { account_id: person.account_id, user_id: person.user_id }
}

fn reservation(spender: Spender, run_id: &str) -> Reservation<'_> {
    Reservation {
        spender,
        run_id,
        tokens: 100,
        provider: "openai",
        model: "gpt-4o",
        input_tokens: 10,
        at_once_max: None,
        now: NOW,
        expires_at: later(MINUTE),
    }
}

async fn run(database: &Database, statement: Statement) {
    database.query(statement).await.unwrap();
}

/// What the ledger says: run, step, input, output, and whether it was estimated and the last.
async fn ledger(database: &Database) -> Vec<(String, u32, u32, u32, bool)> {
    let sql = "SELECT run_id, step, input_tokens, output_tokens, is_estimated AND is_last AS is_guess FROM usage_entry ORDER BY run_id, step";
    let rows = database.query(Statement::new(sql)).await.unwrap();
    let read = |row: database::Row<'_>| {
        let count = |name| row.get::<u32>(name).unwrap();
        let (step, input, output) = (count("step"), count("input_tokens"), count("output_tokens"));
        (row.get("run_id").unwrap(), step, input, output, row.get("is_guess").unwrap())
    };
    rows.iter().map(read).collect()
}

/// A run of the account's that is at work, or has ended.
async fn run_row(database: &Database, spender: Spender, run: &str, ended: bool) {
    let insert =
        |sql| Statement::new(sql).bind(spender.account_id.to_string()).bind(run).bind(ended);
    let conversation = insert(
        "INSERT INTO conversation (account_id, id, created_at, updated_at, active_at) VALUES (?1, ?2, 0, 0, ?3)",
    );
    let row = insert(
        "INSERT INTO run (account_id, id, conversation_id, status, model_id, provider, model, request, tip_message_id, producer, lease_until, created_at, \
         updated_at, ended_at) SELECT ?1, ?2, ?2, iif(?3, 'failed', 'running'), 'a', 'openai', 'a', '{}', 'a', iif(?3, NULL, x'00'), 0, 0, 0, iif(?3, 1, NULL)",
    );
    database.batch(vec![conversation, row]).await.unwrap();
}

#[tokio::test]
async fn what_the_dead_have_reserved_is_free_again() {
    let database = testing::database().await;
    let ada = spender(&database).await;
    for name in ["dead", "released"] {
        run(&database, QUOTA.reserve(&reservation(ada, name))).await;
    }
    let alive = Reservation { expires_at: later(3 * MINUTE), ..reservation(ada, "alive") };
    run(&database, QUOTA.reserve(&alive)).await;
    run(&database, release(ada.account_id, "released")).await;
    let reserved = async |at| QUOTA.standing(&database, ada, at).await.unwrap().account.reserved;
    assert_eq!(reserved(NOW).await, 200);
    assert_eq!(reserved(later(MINUTE)).await, 100);
    assert_eq!(reserved(later(3 * MINUTE)).await, 0);
    // Who comes then needs the room and sweeps.
    let next = Reservation {
        now: later(MINUTE),
        expires_at: later(2 * MINUTE),
        tokens: 900,
        ..reservation(ada, "next")
    };
    run(&database, QUOTA.reserve(&next)).await;
    let left = Statement::new("SELECT run_id FROM usage_reservation");
    assert_eq!(database.query(left).await.unwrap().len(), 2);
    assert_eq!(ledger(&database).await, [("dead".to_owned(), 1, 10, 0, true)]);
}

#[tokio::test]
async fn what_the_dead_were_about_to_tell_is_paid_for_once() {
    let database = testing::database().await;
    let (ada, eve) = (spender(&database).await, spender(&database).await);
    // Of one that has used something before, of one that has not, of a run that goes on, of one that has ended, and of another account.
    for name in ["fresh", "used", "goes on", "has ended"] {
        run(&database, QUOTA.reserve(&reservation(ada, name))).await;
    }
    run(&database, QUOTA.reserve(&reservation(eve, "fresh"))).await;
    let used = Entry {
        spender: ada,
        run_id: "used".to_owned(),
        step: 1,
        at: NOW,
        provider: "openai".to_owned(),
        model: "gpt-4o".to_owned(),
        input_tokens: 20,
        output_tokens: 10,
        is_estimated: false,
        cost: None,
    };
    run(&database, used.record()).await;
    run_row(&database, ada, "goes on", false).await;
    run_row(&database, ada, "has ended", true).await;
    // What was reserved by who did not say for what is worth nothing.
    let silent = Statement::new(
        "INSERT INTO usage_reservation (account_id, run_id, user_id, tokens, reserved_at, expires_at, nth) VALUES (?1, 'silent', 'a', 9, 0, 1, 1)",
    )
    .bind(ada.account_id.to_string());
    run(&database, silent).await;
    run(&database, lapse_expired(ada.account_id, later(MINUTE - 1), 9)).await;
    assert_eq!(ledger(&database).await.len(), 1, "nothing has expired yet");
    // Whoever reserves next settles what is over, as does whoever sweeps.
    let first = lapse_expired(ada.account_id, later(MINUTE), 1);
    assert_eq!(database.query(first).await.unwrap().len(), 1);
    let next = Reservation {
        now: later(MINUTE),
        expires_at: later(2 * MINUTE),
        tokens: 0,
        ..reservation(ada, "next")
    };
    run(&database, QUOTA.reserve(&next)).await;
    let swept = database.query(lapse_expired(ada.account_id, later(MINUTE), 9)).await.unwrap();
    assert!(swept.is_empty());
    let guess = |run: &str, step| (run.to_owned(), step, 10, 0, true);
    let expected = [
        guess("fresh", 1),
        guess("has ended", 1),
        ("used".to_owned(), 1, 20, 10, false),
        guess("used", 2),
    ];
    assert_eq!(ledger(&database).await, expected);
    // Whoever ends the run knows what was said, however late; and a second one nothing more.
    for _ in 0..2 {
        run(&database, lapse(ada.account_id, "goes on", 7)).await;
        run(&database, lapse(ada.account_id, "none", 7)).await;
    }
    assert_eq!(ledger(&database).await[1], ("goes on".to_owned(), 1, 10, 7, true));
    let share = QUOTA.standing(&database, ada, later(MINUTE)).await.unwrap().account;
    assert_eq!(share, Share { limit: Some(1000), used: 10 + 10 + 30 + 10 + 17, reserved: 0 });
    let left = "SELECT run_id FROM usage_reservation WHERE tokens > 0";
    let rows = database.query(Statement::new(left)).await.unwrap();
    assert_eq!(rows.len(), 1, "the other account's");
}
