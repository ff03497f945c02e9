//! `/v1/models`: the account's models and the platform's, by their names.

use ambient::UnixMillis;
use axum::extract::State;
use caller::Caller;
use database::Statement;
use ids::{AccountId, ConversationId, ModelId};
use problem::{Json, Path, Problem};
use serde::{Deserialize, Serialize};

use crate::error::ChatError;
use crate::models::{Chosen, PLATFORM, primary_id};
use crate::service::Chat;

/// A model as it is listed.
#[derive(Debug, Deserialize)]
struct Named {
    id: ModelId,
    name: String,
    provider: String,
    /// What its provider calls it.
    model: String,
    /// Milliseconds since 1970, as it is stored.
    created_at: i64,
}

/// OpenAI's "model object".
#[derive(Debug, Serialize)]
pub struct ModelObject {
    id: String,
    object: &'static str,
    /// Whole seconds since 1970.
    created: u64,
    owned_by: String,
}

#[derive(Debug, Serialize)]
pub struct ModelList {
    object: &'static str,
    data: Vec<ModelObject>,
}

impl From<Named> for ModelObject {
    fn from(named: Named) -> Self {
        Self {
            id: named.name,
            object: "model",
            created: UnixMillis(named.created_at).as_seconds(),
            owned_by: named.provider,
        }
    }
}

/// `GET /v1/models`
pub async fn openai_list_models(
    caller: Caller,
    State(chat): State<Chat>,
) -> Result<Json<ModelList>, Problem> {
    let named = chat.named_models(caller.account_id).await?;
    let data = named.into_iter().map(ModelObject::from).collect();
    Ok(Json(ModelList { object: "list", data }))
}

/// `GET /v1/models/{id}`
pub async fn openai_get_model(
    caller: Caller,
    State(chat): State<Chat>,
    Path(name): Path<String>,
) -> Result<Json<ModelObject>, Problem> {
    let named = chat.named_models(caller.account_id).await?;
    let found = find(named, &name).ok_or_else(Problem::not_found)?;
    Ok(Json(found.into()))
}

impl Chat {
    /// The model that a request names, by its name or id here, or by what its provider calls it.
    pub async fn choose_named_model(
        &self,
        account: AccountId,
        name: &str,
        conversation: Option<ConversationId>,
    ) -> Result<Chosen, ChatError> {
        let named = self.named_models(account).await?;
        let found = find(named, name).ok_or(ChatError::NoSuchModel)?;
        self.choose_model(account, Some(found.id), conversation).await
    }

    /// Models that are seen, the account's own first.
    async fn named_models(&self, account: AccountId) -> Result<Vec<Named>, ChatError> {
        let statement = Statement::new(include_str!("../../queries/list_named_models.sql"))
            .bind(account.to_string())
            .bind(PLATFORM);
        let rows = self.database.query(statement).await?;
        let mut named: Vec<Named> = Vec::with_capacity(rows.len());
        for row in rows.iter() {
            let model: Named = serde_json::from_str(row.get("entry")?)?;
            // A name that is the platform's too is the account's here.
            if named.iter().all(|one| one.name != model.name) {
                named.push(model);
            }
        }
        if named.iter().all(|one| one.id != primary_id()) {
            // Its row is made by the first who looks at models in the other component.
            let primary = &self.settings.primary;
            named.push(Named {
                id: primary_id(),
                name: "Primary".to_owned(),
                provider: primary.provider.as_str().to_owned(),
                model: primary.model.clone(),
                created_at: 0,
            });
        }
        Ok(named)
    }
}

fn find(named: Vec<Named>, name: &str) -> Option<Named> {
    let id: Option<ModelId> = name.parse().ok();
    let rank = |one: &Named| {
        if one.name == name {
            Some(0)
        } else if Some(one.id) == id {
            Some(1)
        } else if one.model == name {
            Some(2)
        } else {
            None
        }
    };
    let ranked = named.into_iter().filter_map(|one| Some((rank(&one)?, one)));
    // Of equals the first: the account's own.
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, one)| one)
}
