//! Responses that are kept: runs.

use axum::response::{IntoResponse as _, Response};
use caller::Caller;
use database::Statement;
use ids::{AccountId, ConversationId, Id, MessageId, RunId};
use message::Position;
use problem::{Json, Problem};
use runs::{OnDisconnect, Run, RunStatus};
use serde_json::Map;

use super::narrator::Narrator;
use super::object::{Outcome, ResponseId, ResponseObject};
use super::tale;
use super::thread::{Asking, Thread};
use super::wish::Wish;
use crate::error::ChatError;
use crate::follow::{Follower, outcome};
use crate::openai::conversations::store;
use crate::openai::items::Stored;
use crate::openai::metadata::Metadata;
use crate::service::Chat;
use crate::start::Beginning;
use crate::tools::Wanted;
use crate::work::Asked;

/// Begins a run, and gives its answer.
pub async fn answer(
    chat: Chat,
    caller: Caller,
    asking: Asking,
    is_streamed: bool,
) -> Result<Response, Problem> {
    let account = caller.account_id;
    chat.close_abandoned_runs(account).await?;
    let beginning = begin(&chat, account, asking)?;
    let wish = beginning.asked.response.clone().unwrap_or_default();
    let (run, live) = chat.start(&caller, beginning).await?;
    let follower = Follower::new(chat.clone(), account, run.id, 0).listening(live);
    if is_streamed {
        let narrator = Narrator::new(ResponseObject::begun(&run, &wish));
        return tale::begun(follower.admitting(caller), narrator).await;
    }
    follower.end().await?;
    let run = outcome(chat.run(account, run.id).await?)?;
    Ok(Json(chat.shown(account, &run, &wish).await?).into_response())
}

fn begin(chat: &Chat, account: AccountId, asking: Asking) -> Result<Beginning, ChatError> {
    let Asking { thread, model, messages, mut wish, parameters } = asking;
    let now = chat.clock.now();
    let id: RunId = Id::generate(now, &chat.entropy)?;
    let (thread, opened) = if let Some(thread) = thread {
        (thread, None)
    } else {
        let conversation: ConversationId = Id::generate(now, &chat.entropy)?;
        let opened = store::insert(chat, account, conversation, &Metadata::new())?;
        let position = Position::Newest;
        (Thread { conversation, position, tip: None, bytes: 0, is_own: true }, Some(opened))
    };
    wish.is_own = thread.is_own;
    let bytes = thread.bytes.saturating_add(wish.bytes());
    let Thread { conversation, position, tip, .. } = thread;
    let (tools, on_disconnect) = (Wanted::None, OnDisconnect::Cancel);
    let asked = Asked { parameters: Map::new(), tools, on_disconnect, response: Some(wish) };
    Ok(Beginning {
        id,
        conversation,
        opened,
        position,
        tip,
        bytes,
        messages,
        model,
        parameters,
        asked,
        further: None,
    })
}

impl Chat {
    /// A response as it is now.
    pub(super) async fn shown(
        &self,
        account: AccountId,
        run: &Run,
        wish: &Wish,
    ) -> Result<ResponseObject, ChatError> {
        let begun = ResponseObject::begun(run, wish);
        if !run.status.is_end() {
            return Ok(begun);
        }
        let message = match run.message_id {
            Some(id) => self.stored_message(account, id).await?,
            None => None,
        };
        Ok(begun.ended(&Outcome::of(run, message)))
    }

    async fn stored_message(
        &self,
        account: AccountId,
        id: MessageId,
    ) -> Result<Option<Stored>, ChatError> {
        let wire = self.message(account, id).await?;
        Ok(wire.map(|wire| serde_json::from_str(wire.get())).transpose()?)
    }

    /// The messages that came with the request.
    pub(super) async fn input_of(
        &self,
        account: AccountId,
        run: &Run,
        wish: &Wish,
    ) -> Result<Vec<Stored>, ChatError> {
        let Some(first) = run.user_message_id else { return Ok(Vec::new()) };
        let statement = Statement::new(include_str!("../../../queries/list_run_input.sql"))
            .bind(account.to_string())
            .bind(first.to_string())
            .bind(wish.inputs);
        store::stored(&self.database.query(statement).await?)
    }

    /// Deletes a response: what came of it is known no more. Its messages are gone with the last response of a conversation that is there for
    /// responses alone, and stay in any other.
    pub(super) async fn delete_response(
        &self,
        account: AccountId,
        id: ResponseId,
    ) -> Result<(), ChatError> {
        let (mut run, wish) = self.find_response(account, id).await?;
        if run.status == RunStatus::Running {
            // Whoever works on it settles what it has cost.
            run = self.cancel(account, run.id).await?;
        }
        let delete = Statement::new(include_str!("../../../queries/delete_run.sql"))
            .bind(account.to_string())
            .bind(run.id.to_string());
        if !wish.is_own {
            self.database.query(delete).await?;
            return Ok(());
        }
        let conversation = run.conversation_id;
        let end =
            Statement::new(include_str!("../../../queries/delete_conversation_without_runs.sql"))
                .bind(account.to_string())
                .bind(conversation.to_string())
                .bind(self.clock.now().0);
        let mut batch = vec![delete, end];
        batch.extend(sweep::piece_of_conversation(account, conversation));
        let results = self.database.batch(batch).await?;
        store::remove_rest(self, account, conversation, &results).await
    }
}
