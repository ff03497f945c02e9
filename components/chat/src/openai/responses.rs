//! `/v1/responses`: a response is a run with the messages that it was given and the one that it gave.

mod kept;
mod narrator;
mod object;
mod passing;
mod request;
mod tale;
mod thread;
mod wish;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use caller::Caller;
use ids::AccountId;
use problem::{Json, Path, Problem, Query};
use runs::Run;
use serde::{Deserialize, Serialize};

use super::items::{self, ItemList, PageQuery};
use crate::error::ChatError;
use crate::follow::Follower;
use crate::service::Chat;
use object::{ResponseId, ResponseObject};
use request::ResponseBody;
use thread::Asking;

pub use wish::Wish;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetrievalQuery {
    #[serde(default)]
    stream: bool,
    starting_after: Option<u64>,
    /// Ours are never padded.
    #[serde(default, rename = "include_obfuscation")]
    _include_obfuscation: Option<bool>,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "OpenAI's name")]
pub struct Deleted {
    id: ResponseId,
    object: &'static str,
    deleted: bool,
}

/// `POST /v1/responses`
pub async fn openai_create_response(
    caller: Caller,
    State(chat): State<Chat>,
    headers: HeaderMap,
    Json(body): Json<ResponseBody>,
) -> Result<Response, Problem> {
    chat.prepare().await?;
    let account = caller.account_id;
    let (is_streamed, is_kept) = (body.is_streamed(), body.is_kept());
    let thread = chat.find_thread(account, &body).await?;
    let model = chat.choose_named_model(account, &body.model, None).await?;
    let (messages, wish, parameters) = body.read(&model)?;
    chat.check_files(account, items::files(&messages, "/input")).await?;
    let asking = Asking { thread, model, messages, wish, parameters };
    if is_kept {
        kept::answer(chat, caller, asking, is_streamed).await
    } else {
        passing::answer(chat, &caller, headers, asking, is_streamed).await
    }
}

/// `GET /v1/responses/{id}`
pub async fn openai_get_response(
    caller: Caller,
    State(chat): State<Chat>,
    Path(id): Path<ResponseId>,
    Query(query): Query<RetrievalQuery>,
) -> Result<Response, Problem> {
    let account = caller.account_id;
    let (run, wish) = chat.find_response(account, id).await?;
    if !query.stream {
        return Ok(Json(chat.shown(account, &run, &wish).await?).into_response());
    }
    let narrator = narrator::Narrator::new(ResponseObject::begun(&run, &wish));
    let narrator = narrator.after(query.starting_after);
    let follower = Follower::new(chat, account, run.id, 0).admitting(caller);
    Ok(tale::streamed(follower, narrator))
}

/// `DELETE /v1/responses/{id}`
pub async fn openai_delete_response(
    caller: Caller,
    State(chat): State<Chat>,
    Path(id): Path<ResponseId>,
) -> Result<Json<Deleted>, Problem> {
    chat.delete_response(caller.account_id, id).await?;
    Ok(Json(Deleted { id, object: "response", deleted: true }))
}

/// `POST /v1/responses/{id}/cancel`
pub async fn openai_cancel_response(
    caller: Caller,
    State(chat): State<Chat>,
    Path(id): Path<ResponseId>,
) -> Result<Json<ResponseObject>, Problem> {
    let account = caller.account_id;
    let (_, wish) = chat.find_response(account, id).await?;
    let run = chat.cancel(account, id.0).await?;
    Ok(Json(chat.shown(account, &run, &wish).await?))
}

/// `GET /v1/responses/{id}/input_items`
pub async fn openai_list_input_items(
    caller: Caller,
    State(chat): State<Chat>,
    Path(id): Path<ResponseId>,
    Query(query): Query<PageQuery>,
) -> Result<Json<ItemList>, Problem> {
    let account = caller.account_id;
    let (run, wish) = chat.find_response(account, id).await?;
    query.limit()?;
    let mut messages = chat.input_of(account, &run, &wish).await?;
    if query.order == items::Order::Desc {
        messages.reverse();
    }
    let items = super::conversations::in_order(&messages, query.order);
    Ok(Json(query.page(items, false)?))
}

impl Chat {
    /// The run of a response, and what was wished of it.
    async fn find_response(
        &self,
        account: AccountId,
        id: ResponseId,
    ) -> Result<(Run, Wish), ChatError> {
        let ResponseId(run) = id;
        let run = self.run(account, run).await?;
        let asked: crate::work::Asked = serde_json::from_str(&run.request)?;
        // Other runs are no responses.
        let wish = asked.response.ok_or(ChatError::NotFound)?;
        Ok((run, wish))
    }
}
