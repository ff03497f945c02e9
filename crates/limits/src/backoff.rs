use std::fmt::Display;
use std::time::Duration;

use ambient::UnixMillis;
use database::{Database, DatabaseError, Statement};

use crate::LimitError;

/// Failures in a row that cost nothing: people mistype.
const FREE: u32 = 5;
const DELAY_FIRST: Duration = Duration::from_secs(1);
const DELAY_MAX: Duration = Duration::from_mins(15);

/// After this time without an attempt the failures are forgotten.
const REMEMBERED: Duration = Duration::from_hours(24);

/// A delay that doubles with each failure in a row, from a second to a quarter of an hour, and ends with a success.
///
/// It is never for good: whoever waits for it may try again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    bucket: String,
}

impl Backoff {
    /// The failures of what is called `name` by `who`.
    pub fn new(name: &str, who: impl Display) -> Self {
        Self { bucket: format!("{name}:{who}") }
    }

    /// Counts an attempt as a failure, unless and until it succeeds. Counted before, so that of many at once one is looked at.
    ///
    /// # Errors
    /// [`LimitError::Exceeded`] before the delay is over; the attempt must then not be looked at, and counts for nothing.
    pub async fn attempt(&self, database: &Database, now: UnixMillis) -> Result<(), LimitError> {
        let attempt = Statement::new(include_str!("../queries/attempt.sql"))
            .bind(self.bucket.as_str())
            .bind(now.0)
            .bind(FREE)
            .bind(millis(DELAY_FIRST))
            .bind(millis(DELAY_MAX))
            .bind(millis(REMEMBERED));
        let rows = database.query(attempt).await?;
        if let Some(row) = rows.first() {
            // The first failure is the one with a new row.
            if row.get::<i64>("failures")? == 1 {
                let sweep = Statement::new(include_str!("../queries/sweep_backoff.sql"));
                database.query(sweep.bind(now.0)).await?;
            }
            return Ok(());
        }
        Err(LimitError::Exceeded { wait: self.remaining(database, now).await? })
    }

    /// Forgets the failures: for the batch of the success.
    pub fn forgive(&self) -> Statement {
        Statement::new(include_str!("../queries/delete_backoff.sql")).bind(self.bucket.as_str())
    }

    /// How long until the next attempt counts. Asked only after a refusal.
    async fn remaining(
        &self,
        database: &Database,
        now: UnixMillis,
    ) -> Result<Duration, DatabaseError> {
        let statement =
            Statement::new(include_str!("../queries/find_backoff.sql")).bind(self.bucket.as_str());
        let rows = database.query(statement).await?;
        // Someone may have been forgiven meanwhile.
        let Some(row) = rows.first() else { return Ok(Duration::ZERO) };
        let left = row.get::<i64>("opens_at")?.saturating_sub(now.0);
        Ok(Duration::from_millis(u64::try_from(left).unwrap_or(0)))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
