use axum::extract::State;
use caller::Caller;
use problem::{Json, Problem};

use crate::service::Config;
use crate::start::service::Start;

/// `GET /api/config`
pub async fn get_config(
    caller: Caller,
    State(config): State<Config>,
) -> Result<Json<Start>, Problem> {
    Ok(Json(config.start(&caller).await?))
}
