use std::fmt::Display;
use std::time::Duration;

use ambient::UnixMillis;
use database::{Database, DatabaseError, Statement};
use problem::Problem;
use serde_json::{Value, json};

use crate::Limit;
use crate::limit::Rate;

/// One use of a limit by someone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    bucket: String,
    limit: Limit,
}

/// Why something must not happen now.
#[derive(Debug, thiserror::Error)]
pub enum LimitError {
    /// A bucket is full. After this time there is room again.
    #[error("a limit is used up")]
    Exceeded { wait: Duration },
    #[error("a limit could not be counted")]
    Database(#[from] DatabaseError),
}

impl From<LimitError> for Problem {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::Exceeded { wait } => Self::rate_limited(wait),
            LimitError::Database(error) => error.into(),
        }
    }
}

impl Charge {
    /// A use of what is called `name` by `who`: an id, an address, several joined. The two together name the bucket.
    pub fn new(name: &str, who: impl Display, limit: Limit) -> Self {
        Self { bucket: format!("{name}:{who}"), limit }
    }

    /// Empties the bucket: for the batch of the success after which failures no longer count.
    pub fn forgive(&self) -> Statement {
        Statement::new(include_str!("../queries/delete_bucket.sql")).bind(self.bucket.as_str())
    }
}

/// Counts these uses, all at once. Buckets that have room are charged even when another has none: who is refused by the stricter limit must
/// not get past the wider one for nothing.
///
/// # Errors
/// [`LimitError::Exceeded`] when one has no room; it must then not happen.
pub async fn charge(
    database: &Database,
    now: UnixMillis,
    charges: &[Charge],
) -> Result<(), LimitError> {
    let limited: Vec<_> = charges
        .iter()
        .filter_map(|charge| charge.limit.rate().map(|rate| (charge, rate)))
        .collect();
    if limited.is_empty() {
        return Ok(());
    }
    let now_us = now.0.saturating_mul(1000);
    let uses = limited.iter().map(|(charge, rate)| Use::new(charge, *rate, 1));
    let charged = add(database, now_us, &uses.collect::<Vec<_>>()).await?;
    let mut wait_us = None;
    for (charge, rate) in limited {
        if !charged.contains(&charge.bucket) {
            wait_us = wait_us.max(Some(remaining_us(database, charge, rate, now_us).await?));
        }
    }
    match wait_us {
        None => Ok(()),
        Some(us) => {
            let wait = Duration::from_micros(u64::try_from(us).unwrap_or(0));
            Err(LimitError::Exceeded { wait })
        }
    }
}

/// Takes several uses from one bucket, all or none; when there is no room for them, gives the time until there is room for one.
pub(crate) async fn take(
    database: &Database,
    now: UnixMillis,
    charge: &Charge,
    rate: Rate,
    uses: u32,
) -> Result<Option<Duration>, DatabaseError> {
    let now_us = now.0.saturating_mul(1000);
    if !add(database, now_us, &[Use::new(charge, rate, uses)]).await?.is_empty() {
        return Ok(None);
    }
    let us = remaining_us(database, charge, rate, now_us).await?;
    Ok(Some(Duration::from_micros(u64::try_from(us).unwrap_or(0))))
}

/// What is added to a bucket: its name, what the uses take, and what it holds, both in microseconds.
struct Use<'a>(&'a str, i64, i64);

impl<'a> Use<'a> {
    fn new(charge: &'a Charge, rate: Rate, uses: u32) -> Self {
        Self(&charge.bucket, rate.interval_us().saturating_mul(uses.into()), rate.window_us)
    }
}

/// Adds to the buckets that have room; gives which had.
async fn add(
    database: &Database,
    now_us: i64,
    uses: &[Use<'_>],
) -> Result<Vec<String>, DatabaseError> {
    let parts: Vec<Value> =
        uses.iter().map(|Use(bucket, us, held)| json!([bucket, us, held])).collect();
    let statement = Statement::new(include_str!("../queries/charge.sql"))
        .bind(Value::from(parts).to_string())
        .bind(now_us);
    let rows = database.query(statement).await?;
    let mut charged = Vec::with_capacity(rows.len());
    let mut has_grown = false;
    for row in rows.iter() {
        let bucket: String = row.get("bucket")?;
        let empty_at: i64 = row.get("empty_at")?;
        let taken =
            uses.iter().find(|Use(name, ..)| *name == bucket).map_or(0, |Use(_, us, _)| *us);
        // It was empty, so that its row is probably new.
        has_grown |= empty_at == now_us.saturating_add(taken);
        charged.push(bucket);
    }
    if has_grown {
        let sweep = Statement::new(include_str!("../queries/sweep.sql")).bind(now_us);
        database.query(sweep).await?;
    }
    Ok(charged)
}

/// How long until the bucket has room for one more. Asked only after a refusal.
async fn remaining_us(
    database: &Database,
    charge: &Charge,
    rate: Rate,
    now_us: i64,
) -> Result<i64, DatabaseError> {
    let statement =
        Statement::new(include_str!("../queries/find_bucket.sql")).bind(charge.bucket.as_str());
    let rows = database.query(statement).await?;
    // Someone may have been forgiven meanwhile.
    let Some(row) = rows.first() else { return Ok(0) };
    let empty_at: i64 = row.get("empty_at")?;
    Ok(empty_at.saturating_add(rate.interval_us()).saturating_sub(now_us + rate.window_us))
}
