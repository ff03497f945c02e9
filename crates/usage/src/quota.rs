use std::time::Duration;

use ambient::UnixMillis;
use database::{Database, DatabaseError, Row, Statement};
use ids::{AccountId, UserId};
use problem::{Problem, kinds};
use serde::Serialize;

use crate::{Day, Limit, Period};

/// What holds for every account for which nothing else is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quota(pub Limit);

/// Whose tokens are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spender {
    pub account_id: AccountId,
    pub user_id: UserId,
}

/// Tokens that a run may use.
#[derive(Debug, Clone, Copy)]
pub struct Reservation<'a> {
    pub spender: Spender,
    pub run_id: &'a str,
    pub tokens: u32,
    /// Whose model is about to be told something, and which.
    pub provider: &'a str,
    pub model: &'a str,
    /// About how much it is told: what is paid for if whoever reserved dies.
    pub input_tokens: u32,
    /// How many reservations the account may have at once.
    pub at_once_max: Option<u32>,
    pub now: UnixMillis,
    /// When nobody believes any more that the run lives.
    pub expires_at: UnixMillis,
}

/// What an account may use within the period, and how much of that is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    #[serde(flatten)]
    pub account: Share,
    pub period: Period,
    /// When everything that was used counts no more.
    pub resets_at: UnixMillis,
    /// The part of the person who asks.
    pub user: Share,
}

/// Tokens of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Share {
    /// `None`: as many as anyone wants.
    pub limit: Option<i64>,
    pub used: i64,
    pub reserved: i64,
}

impl Quota {
    /// Reserves tokens for a run. The statement fails, and with it the batch that it is in, when there are not as many left ([`is_exceeded`]) or
    /// as many runs at once as there may be ([`is_crowded`]).
    pub fn reserve(&self, reservation: &Reservation<'_>) -> Statement {
        let Reservation { spender, run_id, tokens, at_once_max, now, expires_at, .. } =
            *reservation;
        let statement = Statement::new(include_str!("../queries/reserve.sql"))
            .bind(spender.account_id.to_string())
            .bind(spender.user_id.to_string())
            .bind(run_id)
            .bind(tokens)
            .bind(now.0)
            .bind(expires_at.0);
        self.bind_to(statement, now)
            .bind(at_once_max)
            .bind(reservation.provider)
            .bind(reservation.model)
            .bind(reservation.input_tokens)
    }

    /// How much of what may be used is gone.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn standing(
        &self,
        database: &Database,
        spender: Spender,
        now: UnixMillis,
    ) -> Result<Standing, DatabaseError> {
        let statement = Statement::new(include_str!("../queries/find_standing.sql"))
            .bind(spender.account_id.to_string())
            .bind(spender.user_id.to_string())
            .bind(now.0);
        let rows = database.query(self.bind_to(statement, now)).await?;
        let row = rows
            .first()
            .ok_or(DatabaseError::Column { column: "period".to_owned(), found: "no row" })?;
        Standing::read(row, now)
    }

    /// Binds what holds where nothing is set, and when the periods began.
    fn bind_to(&self, statement: Statement, now: UnixMillis) -> Statement {
        let Limit { tokens, user_tokens, period } = self.0;
        let first = |period: Period| period.first(Day::of(now)).number();
        statement
            .bind(tokens)
            .bind(user_tokens)
            .bind(period.as_str())
            .bind(first(Period::Day))
            .bind(first(Period::Week))
            .bind(first(Period::Month))
    }
}

impl Standing {
    fn read(row: Row<'_>, now: UnixMillis) -> Result<Self, DatabaseError> {
        let period: Period = row.get::<&str>("period")?.parse().map_err(|_| {
            DatabaseError::Column { column: "period".to_owned(), found: "no period" }
        })?;
        Ok(Self {
            account: Share {
                limit: row.get("tokens")?,
                used: row.get("used")?,
                reserved: row.get("reserved")?,
            },
            period,
            resets_at: period.next(Day::of(now)).start(),
            user: Share {
                limit: row.get("user_tokens")?,
                used: row.get("user_used")?,
                reserved: row.get("user_reserved")?,
            },
        })
    }

    /// The answer to a run that did not fit.
    pub fn exceeded(&self, now: UnixMillis) -> Problem {
        let wait = u64::try_from(self.resets_at.0.saturating_sub(now.0)).unwrap_or(0);
        let detail = format!(
            "There are not enough tokens left for this in the current {}. It ends at {}.",
            self.period, self.resets_at
        );
        Problem::new(&kinds::QUOTA_EXCEEDED, detail).retry_after(Duration::from_millis(wait))
    }
}

/// Whether a batch failed because there were not as many tokens left as it was to reserve.
pub fn is_exceeded(error: &DatabaseError) -> bool {
    error.is_check("usage_reservation_fits")
}

/// Whether a batch failed because the account had as many reservations at once as it may.
pub fn is_crowded(error: &DatabaseError) -> bool {
    error.is_check("usage_reservation_at_once")
}

/// Frees what a run has reserved, of which nothing more is used.
pub fn release(account_id: AccountId, run_id: &str) -> Statement {
    Statement::new(include_str!("../queries/release.sql")).bind(account_id.to_string()).bind(run_id)
}

/// Extends the lease of a reservation. Gives no row when there is none any more.
pub fn renew(account_id: AccountId, run_id: &str, expires_at: UnixMillis) -> Statement {
    Statement::new(include_str!("../queries/renew.sql"))
        .bind(account_id.to_string())
        .bind(run_id)
        .bind(expires_at.0)
}

/// Settles what a run has left behind whose producer is dead: the prompt as it was estimated, and about so many tokens of an answer. Nothing where nothing is
/// reserved.
pub fn lapse(account_id: AccountId, run_id: &str, output_tokens: u32) -> Statement {
    Statement::new(include_str!("../queries/lapse.sql"))
        .bind(account_id.to_string())
        .bind(run_id)
        .bind(output_tokens)
}

/// Settles up to so many reservations of an account that have expired, a row for each: the prompts as they were estimated. Those of runs that have not ended are
/// left to whoever ends them.
pub fn lapse_expired(account_id: AccountId, now: UnixMillis, most: u32) -> Statement {
    Statement::new(include_str!("../queries/lapse_expired.sql"))
        .bind(account_id.to_string())
        .bind(now.0)
        .bind(most)
}
