use std::fmt::Display;
use std::time::Duration;

use ambient::UnixMillis;
use database::{Database, DatabaseError, Statement};
use problem::Problem;

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

    fn statement(&self, rate: Rate, uses: u32, now_us: i64) -> Statement {
        Statement::new(include_str!("../queries/charge.sql"))
            .bind(self.bucket.as_str())
            .bind(now_us)
            .bind(rate.interval_us().saturating_mul(uses.into()))
            .bind(rate.window_us)
    }
}

/// Counts these uses, all in one transaction. Buckets that have room are charged even when another has none: who is refused by the stricter
/// limit must not get past the wider one for nothing.
///
/// # Errors
/// [`LimitError::Exceeded`] when one has no room; it must then not happen.
pub async fn charge(
    database: &Database,
    now: UnixMillis,
    charges: &[Charge],
) -> Result<(), LimitError> {
    let now_us = now.0.saturating_mul(1000);
    let limited: Vec<_> = charges
        .iter()
        .filter_map(|charge| charge.limit.rate().map(|rate| (charge, rate)))
        .collect();
    if limited.is_empty() {
        return Ok(());
    }
    let statements = limited.iter().map(|(charge, rate)| charge.statement(*rate, 1, now_us));
    let sweep = Statement::new(include_str!("../queries/sweep.sql")).bind(now_us);
    let results = database.batch(statements.chain([sweep]).collect()).await?;
    let mut wait_us = None;
    for ((charge, rate), rows) in limited.iter().zip(&results) {
        if rows.is_empty() {
            wait_us = wait_us.max(Some(remaining_us(database, charge, *rate, now_us).await?));
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
    let sweep = Statement::new(include_str!("../queries/sweep.sql")).bind(now_us);
    let results = database.batch(vec![charge.statement(rate, uses, now_us), sweep]).await?;
    if results.first().is_some_and(|rows| !rows.is_empty()) {
        return Ok(None);
    }
    let us = remaining_us(database, charge, rate, now_us).await?;
    Ok(Some(Duration::from_micros(u64::try_from(us).unwrap_or(0))))
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
