use audit::Entry;
use axum::extract::State;
use caller::{Caller, ClientAddress};
use problem::{Json, Problem};

use crate::service::{Conversations, Retention};

/// `GET /api/conversations/retention`
pub async fn get_retention(
    caller: Caller,
    State(conversations): State<Conversations>,
) -> Result<Json<Retention>, Problem> {
    Ok(Json(conversations.retention(caller.account_id).await?))
}

/// `PUT /api/conversations/retention`
pub async fn put_retention(
    caller: Caller,
    address: ClientAddress,
    State(conversations): State<Conversations>,
    Json(retention): Json<Retention>,
) -> Result<Json<Retention>, Problem> {
    let entry = Entry::by(&caller, address, "retention.changed");
    Ok(Json(conversations.put_retention(caller.account_id, retention, entry).await?))
}
