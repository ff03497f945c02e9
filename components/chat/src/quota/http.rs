use axum::extract::State;
use axum::http::StatusCode;
use caller::{Caller, ClientAddress};
use ids::{AccountId, UserId};
use problem::{FieldError, Json, Path, Problem, Query};
use serde::{Deserialize, Serialize};
use usage::{Day, DayTotal, Filter, Limit, Standing};

use super::cursor::Cursor;
use super::service::Holding;
use crate::service::Chat;

const PAGE_ITEMS_DEFAULT: u32 = 50;
const PAGE_ITEMS_MAX: u32 = 200;

/// How long a model's name may be.
const MODEL_BYTES_MAX: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageQuery {
    from: Option<Day>,
    to: Option<Day>,
    user_id: Option<UserId>,
    model: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// A page of totals, and where the next one begins.
#[derive(Serialize)]
pub struct UsagePage {
    data: Vec<DayTotal>,
    next_cursor: Option<String>,
}

/// What holds for an account.
#[derive(Serialize)]
pub struct QuotaBody {
    #[serde(flatten)]
    limit: Limit,
    /// Whether it is what holds where nothing is set.
    is_default: bool,
}

impl From<Holding> for QuotaBody {
    fn from(Holding { limit, is_default }: Holding) -> Self {
        Self { limit, is_default }
    }
}

impl UsageQuery {
    /// The filter, for one row more than the page has.
    fn filter(self) -> Result<(Filter, usize), Problem> {
        let limit = self.limit.unwrap_or(PAGE_ITEMS_DEFAULT);
        if !(1..=PAGE_ITEMS_MAX).contains(&limit) {
            return Err(invalid("/limit", format!("It must be from 1 to {PAGE_ITEMS_MAX}.")));
        }
        if self.model.as_ref().is_some_and(|model| MODEL_BYTES_MAX < model.len()) {
            let detail = format!("It may have at most {MODEL_BYTES_MAX} bytes.");
            return Err(invalid("/model", detail));
        }
        let cursor = self.cursor.map(|cursor| cursor.parse::<Cursor>()).transpose();
        let cursor =
            cursor.map_err(|_| invalid("/cursor", "This is no cursor of this list.".to_owned()))?;
        let filter = Filter {
            from: self.from.unwrap_or(Day::MIN),
            to: self.to.unwrap_or(Day::MAX),
            user_id: self.user_id,
            model: self.model,
            after: cursor.map(|cursor| cursor.0),
            limit: limit.saturating_add(1),
        };
        Ok((filter, usize::try_from(limit).unwrap_or(usize::MAX)))
    }
}

/// `GET /api/quota`
pub async fn get_quota(
    caller: Caller,
    State(chat): State<Chat>,
) -> Result<Json<Standing>, Problem> {
    Ok(Json(chat.standing(&caller).await?))
}

/// `GET /api/usage`
pub async fn list_usage(
    caller: Caller,
    State(chat): State<Chat>,
    Query(query): Query<UsageQuery>,
) -> Result<Json<UsagePage>, Problem> {
    let (filter, limit) = query.filter()?;
    let mut data = chat.totals(&caller, filter).await?;
    let has_more = limit < data.len();
    data.truncate(limit);
    let last = data.last().filter(|_| has_more);
    let next_cursor = last.map(|total| Cursor(total.position()).to_string());
    Ok(Json(UsagePage { data, next_cursor }))
}

/// `GET /api/admin/accounts/{id}/quota`
pub async fn get_account_quota(
    State(chat): State<Chat>,
    Path(id): Path<AccountId>,
) -> Result<Json<QuotaBody>, Problem> {
    Ok(Json(chat.limit(id).await?.into()))
}

/// `PUT /api/admin/accounts/{id}/quota`
pub async fn put_account_quota(
    caller: Caller,
    address: ClientAddress,
    State(chat): State<Chat>,
    Path(id): Path<AccountId>,
    Json(limit): Json<Limit>,
) -> Result<Json<QuotaBody>, Problem> {
    Ok(Json(chat.set_limit((&caller, address), id, &limit).await?.into()))
}

/// `DELETE /api/admin/accounts/{id}/quota`
pub async fn delete_account_quota(
    caller: Caller,
    address: ClientAddress,
    State(chat): State<Chat>,
    Path(id): Path<AccountId>,
) -> Result<StatusCode, Problem> {
    chat.forget_limit((&caller, address), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn invalid(pointer: &str, detail: String) -> Problem {
    Problem::validation(vec![FieldError::new(pointer, detail)])
}
