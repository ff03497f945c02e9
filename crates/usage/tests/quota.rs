//! Reservations and the ledger: what does not fit, who comes at once, and everything in any order against a model.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do, and print their seed"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, RandomState};

use ambient::UnixMillis;
use database::{Database, Statement};
use futures::future::join_all;
use testing::{NOW, Person};
use usage::{
    Cost, Day, Entry, Filter, Limit, Micros, Period, Quota, Reservation, Share, Spender,
    is_crowded, is_exceeded, lapse_expired, list_days, put_limit, release,
};

const MINUTE: i64 = 60 * 1000;

fn later(milliseconds: i64) -> UnixMillis {
    UnixMillis(NOW.0 + milliseconds)
}

fn quota(tokens: i64) -> Quota {
    Quota(Limit { tokens: Some(tokens), user_tokens: None, period: Period::Day })
}

async fn spender(database: &Database) -> Spender {
    let person = Person::new(database, "owner", NOW).await;
    Spender { account_id: person.account_id, user_id: person.user_id }
}

fn reservation(spender: Spender, run_id: &str, tokens: u32) -> Reservation<'_> {
    Reservation {
        spender,
        run_id,
        tokens,
        provider: "openai",
        model: "gpt-4o",
        input_tokens: tokens / 10,
        at_once_max: None,
        now: NOW,
        expires_at: later(MINUTE),
    }
}

async fn reserve(
    database: &Database,
    quota: &Quota,
    spender: Spender,
    run: &str,
    tokens: u32,
) -> bool {
    let statement = quota.reserve(&reservation(spender, run, tokens));
    match database.batch(vec![statement]).await {
        Ok(_) => true,
        Err(error) => {
            assert!(is_exceeded(&error), "{error:?}");
            false
        }
    }
}

fn entry(spender: Spender, run: &str, step: u32, input_tokens: u32, output_tokens: u32) -> Entry {
    Entry {
        spender,
        run_id: run.to_owned(),
        step,
        at: NOW,
        provider: "openai".to_owned(),
        model: "gpt-4o".to_owned(),
        input_tokens,
        output_tokens,
        is_estimated: false,
        cost: None,
    }
}

async fn run(database: &Database, statement: Statement) {
    database.query(statement).await.unwrap();
}

#[tokio::test]
async fn what_does_not_fit_takes_the_whole_batch_along() {
    let database = testing::database().await;
    let spender = spender(&database).await;
    let refused = vec![
        Statement::new("UPDATE user SET name = 'changed' WHERE id = ?1")
            .bind(spender.user_id.to_string()),
        quota(100).reserve(&reservation(spender, "run", 101)),
    ];
    assert!(is_exceeded(&database.batch(refused).await.unwrap_err()));
    let changed = Statement::new("SELECT count(*) AS n FROM user WHERE name = 'changed'");
    let rows = database.query(changed).await.unwrap();
    assert_eq!(rows.first().unwrap().get::<i64>("n").unwrap(), 0);
    let standing = quota(100).standing(&database, spender, NOW).await.unwrap();
    assert_eq!(standing.account, Share { limit: Some(100), used: 0, reserved: 0 });
    // Nothing is a limit, too; and none is none.
    assert!(!reserve(&database, &quota(0), spender, "run", 1).await);
    assert!(reserve(&database, &Quota::default(), spender, "run", u32::MAX).await);
    assert!(reserve(&database, &Quota::default(), spender, "other", u32::MAX).await);
    assert!(!reserve(&database, &quota(i64::from(u32::MAX)), spender, "third", 1).await);
}

#[tokio::test]
async fn of_64_at_once_as_many_pass_as_have_room() {
    let database = testing::database().await;
    let spender = spender(&database).await;
    let quota = quota(1099);
    let tries = (0..64).map(|number| {
        let (database, quota) = (database.clone(), quota);
        async move { reserve(&database, &quota, spender, &format!("run-{number}"), 100).await }
    });
    let passed = join_all(tries).await.into_iter().filter(|passed| *passed).count();
    assert_eq!(passed, 10);
    let standing = quota.standing(&database, spender, NOW).await.unwrap();
    assert_eq!(standing.account.reserved, 1000);
}

#[tokio::test]
async fn of_64_at_once_as_many_pass_as_may_be_at_once() {
    let database = testing::database().await;
    let spender = spender(&database).await;
    let tries = (0..64).map(|number| {
        let database = database.clone();
        async move {
            let run = format!("run-{number}");
            let one = Reservation { at_once_max: Some(8), ..reservation(spender, &run, 1) };
            match database.query(Quota::default().reserve(&one)).await {
                Ok(_) => true,
                Err(error) => {
                    assert!(is_crowded(&error), "{error:?}");
                    false
                }
            }
        }
    });
    assert_eq!(join_all(tries).await.into_iter().filter(|passed| *passed).count(), 8);
    run(&database, release(spender.account_id, "none")).await;
    // One that goes makes room for one.
    run(&database, Statement::new("DELETE FROM usage_reservation WHERE nth = 3")).await;
    let mut next = Reservation { at_once_max: Some(8), ..reservation(spender, "next", 1) };
    run(&database, Quota::default().reserve(&next)).await;
    next.run_id = "one more";
    assert!(is_crowded(&database.query(Quota::default().reserve(&next)).await.unwrap_err()));
}

#[tokio::test]
async fn each_person_has_a_part_of_the_whole() {
    let database = testing::database().await;
    let ada = spender(&database).await;
    let eve = Person::new(&database, "owner", NOW).await;
    let eve = Spender { user_id: eve.user_id, ..ada };
    let limit = Limit { tokens: Some(150), user_tokens: Some(100), period: Period::Month };
    let quota = Quota(limit);
    assert!(!reserve(&database, &quota, ada, "ada-0", 101).await);
    assert!(reserve(&database, &quota, ada, "ada-1", 100).await);
    assert!(!reserve(&database, &quota, ada, "ada-2", 1).await);
    assert!(!reserve(&database, &quota, eve, "eve-1", 51).await);
    assert!(reserve(&database, &quota, eve, "eve-2", 50).await);
    let standing = quota.standing(&database, eve, NOW).await.unwrap();
    assert_eq!(standing.account, Share { limit: Some(150), used: 0, reserved: 150 });
    assert_eq!(standing.user, Share { limit: Some(100), used: 0, reserved: 50 });
    // Another account's are nobody's business.
    let other = spender(&database).await;
    assert!(reserve(&database, &quota, other, "ada-1", 100).await);
    // What is set for an account comes before what holds for all.
    let more = Limit { tokens: None, user_tokens: Some(101), period: Period::Day };
    run(&database, put_limit(ada.account_id, &more, NOW)).await;
    assert!(reserve(&database, &quota, ada, "ada-3", 1).await);
    assert!(!reserve(&database, &quota, ada, "ada-4", 1).await);
}

#[tokio::test]
async fn a_run_is_settled_once_and_frees_what_it_did_not_use() {
    let database = testing::database().await;
    let spender = spender(&database).await;
    let quota = quota(100);
    assert!(reserve(&database, &quota, spender, "run", 80).await);
    let share = async || quota.standing(&database, spender, NOW).await.unwrap().account;
    let cost = Some(Cost { micros: Micros(7), price_version: 1 });
    run(&database, Entry { cost, ..entry(spender, "run", 1, 20, 10) }.record()).await;
    assert_eq!(share().await, Share { limit: Some(100), used: 30, reserved: 50 });
    run(&database, entry(spender, "run", 2, 25, 5).settle()).await;
    assert_eq!(share().await, Share { limit: Some(100), used: 60, reserved: 0 });
    // Someone else took the producer for dead.
    run(&database, entry(spender, "run", 2, 90, 90).settle()).await;
    assert_eq!(share().await, Share { limit: Some(100), used: 60, reserved: 0 });
    // A run may use more than anyone thought.
    assert!(reserve(&database, &quota, spender, "long", 40).await);
    run(&database, entry(spender, "long", 1, u32::MAX, u32::MAX).settle()).await;
    let used = 60 + 2 * i64::from(u32::MAX);
    assert_eq!(share().await, Share { limit: Some(100), used, reserved: 0 });
    assert!(!reserve(&database, &quota, spender, "next", 0).await);

    let filter =
        Filter { from: Day::MIN, to: Day::MAX, user_id: None, model: None, after: None, limit: 9 };
    let days = list_days(&database, spender.account_id, &filter).await.unwrap();
    assert_eq!(days.len(), 1);
    let (requests, unpriced) = (days[0].requests, days[0].unpriced_requests);
    assert_eq!((requests, unpriced, days[0].cost), (3, 2, Some(Micros(7))));
    assert_eq!(days[0].input_tokens + days[0].output_tokens, used);
}

#[tokio::test]
async fn the_ledger_is_only_written_to_and_leaves_with_its_account() {
    let database = testing::database().await;
    let (ada, eve) = (spender(&database).await, spender(&database).await);
    for spender in [ada, eve] {
        assert!(reserve(&database, &quota(100), spender, "open", 10).await);
        run(&database, put_limit(spender.account_id, &quota(100).0, NOW)).await;
        run(&database, entry(spender, "run", 1, 1, 1).settle()).await;
    }
    for (sql, rule) in [
        ("UPDATE usage_entry SET input_tokens = 0", "usage_entry_stays"),
        ("DELETE FROM usage_entry", "usage_entry_remains"),
    ] {
        let error = database.query(Statement::new(sql)).await.unwrap_err();
        assert!(error.is_trigger(rule), "{error:?}");
    }
    let delete =
        Statement::new("DELETE FROM account WHERE id = ?1").bind(ada.account_id.to_string());
    run(&database, delete).await;
    for table in ["usage_entry", "usage_day", "usage_sum", "usage_limit", "usage_reservation"] {
        let sql = format!("SELECT DISTINCT account_id FROM {table}");
        let rows = database.query(Statement::new(sql)).await.unwrap();
        let accounts: Vec<String> = rows.iter().map(|row| row.get("account_id").unwrap()).collect();
        assert_eq!(accounts, [eve.account_id.to_string()], "{table}");
    }
    // Whoever settles now comes too late, and that is no error.
    run(&database, entry(ada, "late", 1, 1, 1).settle()).await;
}

/// What somebody has reserved.
struct Reserved {
    user: usize,
    tokens: i64,
    input: i64,
    day: Day,
    end: i64,
}

/// What the tables should say.
#[derive(Default)]
struct Model {
    limit: Option<Limit>,
    reservations: BTreeMap<String, Reserved>,
    settled: BTreeSet<(String, u32)>,
    /// By person and day.
    used: BTreeMap<(usize, Day), i64>,
}

impl Model {
    fn share(&self, quota: &Quota, now: UnixMillis, user: Option<usize>) -> Share {
        let limit = self.limit.unwrap_or(quota.0);
        let first = limit.period.first(Day::of(now));
        let is_meant = |one: usize| user.is_none_or(|user| user == one);
        let used = self.used.iter().filter(|((one, day), _)| is_meant(*one) && first <= *day);
        let live = self.reservations.values().filter(|one| is_meant(one.user) && now.0 < one.end);
        Share {
            limit: if user.is_some() { limit.user_tokens } else { limit.tokens },
            used: used.map(|(_, tokens)| tokens).sum(),
            reserved: live.map(|one| one.tokens).sum(),
        }
    }

    /// What has expired is paid for as it was estimated.
    fn lapse(&mut self, now: UnixMillis) {
        let over: Vec<_> = self.reservations.extract_if(.., |_, one| one.end <= now.0).collect();
        for (run, Reserved { user, input, day, .. }) in over {
            let steps = self.settled.iter().filter(|(one, _)| *one == run);
            let step = 1 + steps.map(|(_, step)| *step).max().unwrap_or_default();
            self.settled.insert((run, step));
            *self.used.entry((user, day)).or_default() += input;
        }
    }

    fn fits(&self, quota: &Quota, now: UnixMillis, user: usize, tokens: i64) -> bool {
        [None, Some(user)].into_iter().all(|user| {
            let share = self.share(quota, now, user);
            share.limit.is_none_or(|limit| tokens <= limit - share.used - share.reserved)
        })
    }
}

/// A small generator whose seed is printed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn limit(&mut self) -> Limit {
        let mut number =
            |most| (self.roll(4) != 0).then(|| i64::try_from(self.roll(most)).unwrap());
        let (tokens, user_tokens) = (number(4000), number(3000));
        let period = [Period::Day, Period::Week, Period::Month];
        Limit { tokens, user_tokens, period: period[usize::try_from(self.roll(3)).unwrap()] }
    }
}

#[tokio::test]
async fn everything_in_any_order_is_as_in_the_model() {
    let seed = RandomState::new().hash_one(0) | 1;
    println!("seed {seed}");
    let mut dice = Dice(seed);
    for _ in 0..8 {
        let database = testing::database().await;
        let ada = spender(&database).await;
        let eve = spender(&database).await;
        let people = [ada, Spender { user_id: eve.user_id, ..ada }];
        let quota = Quota(dice.limit());
        let (mut model, mut now) = (Model::default(), NOW);
        for number in 0..200 {
            step(&database, &quota, &people, &mut model, &mut now, &mut dice, number).await;
            for (user, spender) in people.into_iter().enumerate() {
                let standing = quota.standing(&database, spender, now).await.unwrap();
                assert_eq!(standing.account, model.share(&quota, now, None), "seed {seed}");
                assert_eq!(standing.user, model.share(&quota, now, Some(user)), "seed {seed}");
                assert!(now < standing.resets_at);
            }
        }
    }
}

async fn step(
    database: &Database,
    quota: &Quota,
    people: &[Spender; 2],
    model: &mut Model,
    now: &mut UnixMillis,
    dice: &mut Dice,
    number: u32,
) {
    let user = usize::from(dice.roll(2) == 1);
    let (spender, tokens) = (people[user], u32::try_from(dice.roll(600)).unwrap());
    let known: Vec<_> = model.reservations.keys().cloned().collect();
    let index = usize::try_from(dice.roll(1 + known.len() as u64)).unwrap();
    let run_id = known.get(index).cloned().unwrap_or_else(|| format!("run-{number}"));
    let end = UnixMillis(now.0 + i64::try_from(dice.roll(10)).unwrap() * MINUTE);
    match dice.roll(10) {
        0..=3 => {
            let (run_id, wanted) = (format!("run-{number}"), i64::from(tokens));
            let fits = model.fits(quota, *now, user, wanted);
            let reserve =
                Reservation { now: *now, expires_at: end, ..reservation(spender, &run_id, tokens) };
            let reserve = quota.reserve(&reserve);
            match database.query(reserve).await {
                Ok(_) => assert!(fits),
                Err(error) => assert!(is_exceeded(&error) && !fits, "{error:?}"),
            }
            if fits {
                let (input, day) = (i64::from(tokens / 10), Day::of(*now));
                let reserved = Reserved { user, tokens: wanted, input, day, end: end.0 };
                model.reservations.insert(run_id, reserved);
                model.lapse(*now);
            }
        }
        kind @ 4..=6 => {
            let step = u32::try_from(dice.roll(3)).unwrap();
            let (input_tokens, output_tokens) = (tokens / 3, tokens / 5);
            let entry =
                Entry { at: *now, ..entry(spender, &run_id, step, input_tokens, output_tokens) };
            run(database, if kind == 4 { entry.record() } else { entry.settle() }).await;
            if model.settled.insert((run_id.clone(), step)) {
                let total = i64::from(input_tokens + output_tokens);
                *model.used.entry((user, Day::of(*now))).or_default() += total;
                if let Some(reserved) = model.reservations.get_mut(&run_id) {
                    reserved.tokens = (reserved.tokens - total).max(0);
                }
                if kind != 4 {
                    model.reservations.remove(&run_id);
                }
            }
        }
        7 => {
            run(database, release(spender.account_id, &run_id)).await;
            model.reservations.remove(&run_id);
        }
        8 => {
            run(database, lapse_expired(spender.account_id, *now, 1000)).await;
            model.lapse(*now);
        }
        _ if dice.roll(4) == 0 => {
            let limit = dice.limit();
            run(database, put_limit(spender.account_id, &limit, *now)).await;
            model.limit = Some(limit);
        }
        _ => now.0 += i64::try_from(dice.roll(12 * 60)).unwrap() * MINUTE,
    }
}
