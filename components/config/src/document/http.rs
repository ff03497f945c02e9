use axum::extract::State;
use axum::http::{HeaderName, header};
use problem::{IfMatch, Json, Problem};
use serde_json::{Map, Value};

use crate::document::service::Settings;
use crate::owner::{By, Whose};
use crate::service::Config;

/// The bare document with its entity tag.
type Tagged = ([(HeaderName, String); 1], Json<Map<String, Value>>);

/// `GET /api/settings`
pub async fn get_settings<W: Whose>(
    By(actor, _): By<W>,
    State(config): State<Config>,
) -> Result<Tagged, Problem> {
    Ok(tagged(config.settings_of(actor.owner).await?))
}

/// `PUT /api/settings`
pub async fn put_settings<W: Whose>(
    By(actor, _): By<W>,
    State(config): State<Config>,
    if_match: IfMatch,
    Json(document): Json<Map<String, Value>>,
) -> Result<Tagged, Problem> {
    Ok(tagged(config.put_settings(&actor, &if_match, &document).await?))
}

/// `PATCH /api/settings`
pub async fn patch_settings<W: Whose>(
    By(actor, _): By<W>,
    State(config): State<Config>,
    if_match: IfMatch,
    Json(patch): Json<Map<String, Value>>,
) -> Result<Tagged, Problem> {
    Ok(tagged(config.patch_settings(&actor, &if_match, &patch).await?))
}

fn tagged(settings: Settings) -> Tagged {
    ([(header::ETAG, settings.etag())], Json(settings.document))
}
