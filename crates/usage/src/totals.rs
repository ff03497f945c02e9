use database::{Database, DatabaseError, Row, Statement};
use ids::{AccountId, UserId};
use serde::Serialize;

use crate::{Day, Micros};

/// What a person has used of a model on a day.
#[derive(Debug, Clone, Serialize)]
pub struct DayTotal {
    pub date: Day,
    pub model: String,
    pub user_id: UserId,
    pub input_tokens: i64,
    pub output_tokens: i64,
    /// To the provider.
    pub requests: i64,
    /// In US dollars, of those requests whose cost is known.
    pub cost: Option<Micros>,
    pub unpriced_requests: i64,
}

/// Which totals to list.
#[derive(Debug, Clone)]
pub struct Filter {
    pub from: Day,
    pub to: Day,
    pub user_id: Option<UserId>,
    pub model: Option<String>,
    /// The last one that was seen.
    pub after: Option<Position>,
    pub limit: u32,
}

/// Where a total stands in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    pub day: Day,
    pub model: String,
    pub user_id: String,
}

impl DayTotal {
    pub fn position(&self) -> Position {
        Position { day: self.date, model: self.model.clone(), user_id: self.user_id.to_string() }
    }

    fn read(row: Row<'_>) -> Result<Self, DatabaseError> {
        let (requests, unpriced_requests) = (row.get("requests")?, row.get("unpriced_requests")?);
        let user_id: &str = row.get("user_id")?;
        Ok(Self {
            date: Day::from_number(row.get("day")?),
            model: row.get("model")?,
            user_id: user_id.parse().map_err(|_| DatabaseError::Column {
                column: "user_id".to_owned(),
                found: "no id",
            })?,
            input_tokens: row.get("input_tokens")?,
            output_tokens: row.get("output_tokens")?,
            requests,
            cost: (unpriced_requests < requests)
                .then_some(row.get("cost_micros").map(Micros))
                .transpose()?,
            unpriced_requests,
        })
    }
}

/// A page of an account's totals, the newest day first.
///
/// # Errors
/// [`DatabaseError`]; a row that is damaged is [`DatabaseError::Column`].
pub async fn list_days(
    database: &Database,
    account_id: AccountId,
    filter: &Filter,
) -> Result<Vec<DayTotal>, DatabaseError> {
    // Before everything: no day is later.
    let first = Position { day: Day::MAX, model: String::new(), user_id: String::new() };
    let after = filter.after.as_ref().unwrap_or(&first);
    let statement = Statement::new(include_str!("../queries/list_days.sql"))
        .bind(account_id.to_string())
        .bind(filter.from.number())
        .bind(filter.to.number())
        .bind(after.day.number())
        .bind(after.model.as_str())
        .bind(after.user_id.as_str())
        .bind(filter.user_id.map(|id| id.to_string()))
        .bind(filter.model.clone())
        .bind(filter.limit);
    database.query(statement).await?.iter().map(DayTotal::read).collect()
}
