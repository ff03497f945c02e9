use ambient::UnixMillis;
use database::{Database, DatabaseError, Statement};
use ids::AccountId;
use serde::{Deserialize, Serialize};

use crate::Period;

/// How many tokens may be used within a period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// By the account as a whole; `None`: as many as anyone wants. Nobody is to mean that by leaving it out.
    #[serde(deserialize_with = "Option::deserialize")]
    pub tokens: Option<i64>,
    /// By each of its people.
    #[serde(deserialize_with = "Option::deserialize")]
    pub user_tokens: Option<i64>,
    pub period: Period,
}

/// An account, and what is set for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountLimit(pub Option<Limit>);

impl Limit {
    /// The largest limit.
    pub const TOKENS_MAX: i64 = 1_000_000_000_000_000;
}

/// What is set for an account, if there is such an account.
///
/// # Errors
/// [`DatabaseError`].
pub async fn find_limit(
    database: &Database,
    account_id: AccountId,
) -> Result<Option<AccountLimit>, DatabaseError> {
    let statement =
        Statement::new(include_str!("../queries/find_limit.sql")).bind(account_id.to_string());
    let rows = database.query(statement).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let Some(period) = row.get::<Option<&str>>("period")? else {
        return Ok(Some(AccountLimit(None)));
    };
    let period = period
        .parse()
        .map_err(|_| DatabaseError::Column { column: "period".to_owned(), found: "no period" })?;
    let (tokens, user_tokens) = (row.get("tokens")?, row.get("user_tokens")?);
    Ok(Some(AccountLimit(Some(Limit { tokens, user_tokens, period }))))
}

/// Sets the limit of an account; changes no row when there is none.
pub fn put_limit(account_id: AccountId, limit: &Limit, now: UnixMillis) -> Statement {
    Statement::new(include_str!("../queries/put_limit.sql"))
        .bind(account_id.to_string())
        .bind(limit.tokens)
        .bind(limit.user_tokens)
        .bind(limit.period.as_str())
        .bind(now.0)
}

/// Lets what holds for all hold for an account again.
pub fn delete_limit(account_id: AccountId) -> Statement {
    Statement::new(include_str!("../queries/delete_limit.sql")).bind(account_id.to_string())
}
