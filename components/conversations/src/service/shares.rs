use ambient::UnixMillis;
use credentials::OpaqueToken;
use idempotency::Claim;
use ids::{AccountId, ConversationId, Id, MessageId, ShareId};
use problem::FieldError;
use serde::Serialize;

use crate::cursor::Place;
use crate::error::ConversationError;
use crate::service::{Conversation, Conversations, NewConversation, PathChoice, StoredPage};
use crate::store;

/// How many messages a fork or a share may have: either is copied as one write.
pub const COPY_MESSAGES_MAX: i64 = 10_000;

/// How many shares a conversation may have.
pub const SHARES_MAX: u32 = 100;

/// Where a path ends, and how long it is.
#[derive(Debug, Clone)]
pub struct Path {
    pub tip_seq: i64,
    pub messages: i64,
    /// The title of its conversation.
    pub title: Option<String>,
}

/// A link under which others read a conversation, as the API gives it.
#[derive(Debug, Serialize)]
pub struct Share {
    pub id: ShareId,
    pub conversation_id: ConversationId,
    pub title: Option<String>,
    pub created_at: UnixMillis,
}

/// The one answer that shows the token.
#[derive(Serialize)]
pub struct CreatedShare {
    #[serde(flatten)]
    pub share: Share,
    pub token: String,
}

/// What a link leads to: the path of a conversation up to a message.
#[derive(Debug)]
pub struct Snapshot {
    pub account: AccountId,
    pub conversation: ConversationId,
    pub tip_seq: i64,
    pub title: Option<String>,
    pub created_at: UnixMillis,
}

impl Conversations {
    /// A new conversation with the path up to a message.
    pub async fn fork(
        &self,
        account: AccountId,
        conversation: ConversationId,
        message: MessageId,
        claim: &Claim,
    ) -> Result<Conversation, ConversationError> {
        let path = self.path(account, conversation, Some(message)).await?;
        let Conversation { title, metadata, .. } = self.get(account, conversation).await?;
        let new = NewConversation { title, metadata: Some(metadata), ..NewConversation::default() };
        let source = store::Source { account, conversation, tip_seq: path.tip_seq };
        self.copy(source, account, &new, claim).await
    }

    /// Shares the path up to a message, or to the newest one. The token is shown this once.
    pub async fn share(
        &self,
        account: AccountId,
        conversation: ConversationId,
        message: Option<MessageId>,
        claim: &Claim,
    ) -> Result<CreatedShare, ConversationError> {
        let Path { tip_seq, title, .. } = self.path(account, conversation, message).await?;
        let now = self.clock.now();
        let id = Id::generate(now, &self.entropy)?;
        let share = Share { id, conversation_id: conversation, title, created_at: now };
        let token = OpaqueToken::generate(&self.entropy)?;
        let created = CreatedShare { share, token: token.reveal().to_owned() };
        let (body, about) = (serde_json::to_vec(&created)?, Some(conversation.to_string()));
        let kept = claim.seal(&body, about)?;
        let new = store::NewShare { share: &created.share, hash: token.hash(), tip_seq, kept };
        if store::create_share(&self.database, account, new).await? {
            return Ok(created);
        }
        self.get(account, conversation).await?;
        let detail = format!("A conversation may have at most {SHARES_MAX} shares.");
        Err(ConversationError::Invalid(vec![FieldError::new("", detail)]))
    }

    /// The shares of a conversation, the newest first.
    pub async fn shares(
        &self,
        account: AccountId,
        conversation: ConversationId,
    ) -> Result<Vec<Share>, ConversationError> {
        self.get(account, conversation).await?;
        store::list_shares(&self.database, account, conversation).await
    }

    /// Ends a share; its link leads nowhere from now on.
    pub async fn revoke_share(
        &self,
        account: AccountId,
        id: ShareId,
    ) -> Result<(), ConversationError> {
        if store::delete_share(&self.database, account, id, self.clock.now()).await? {
            Ok(())
        } else {
            Err(ConversationError::NotFound)
        }
    }

    /// What a link leads to.
    pub async fn snapshot(&self, token: &str) -> Result<Snapshot, ConversationError> {
        let hash = OpaqueToken::hash_of(token);
        let snapshot = store::find_share(&self.database, &hash, self.clock.now()).await?;
        snapshot.ok_or(ConversationError::NotFound)
    }

    /// A page of a snapshot.
    pub async fn shared_messages(
        &self,
        snapshot: &Snapshot,
        place: Place,
        limit: u32,
    ) -> Result<StoredPage, ConversationError> {
        let Snapshot { account, conversation, tip_seq, .. } = *snapshot;
        let path = PathChoice::ToSeq(tip_seq);
        let read = store::Read { account, conversation, path, now: self.clock.now() };
        store::page_messages(&self.database, read, place, limit)
            .await?
            .flatten()
            .ok_or(ConversationError::NotFound)
    }

    /// A conversation of this account that goes on where a snapshot ends.
    pub async fn copy_snapshot(
        &self,
        snapshot: Snapshot,
        account: AccountId,
        claim: &Claim,
    ) -> Result<Conversation, ConversationError> {
        let Snapshot { account: owner, conversation, tip_seq, title, .. } = snapshot;
        let source = store::Source { account: owner, conversation, tip_seq };
        let new = NewConversation { title, ..NewConversation::default() };
        self.copy(source, account, &new, claim).await
    }

    async fn copy(
        &self,
        source: store::Source,
        account: AccountId,
        new: &NewConversation,
        claim: &Claim,
    ) -> Result<Conversation, ConversationError> {
        let now = self.clock.now();
        let ids = (Id::generate(now, &self.entropy)?, Id::generate(now, &self.entropy)?);
        store::copy_conversation(&self.database, source, account, ids, new, (now, claim)).await
    }

    /// The path to a message, or to the newest one, if it is short enough to be copied.
    async fn path(
        &self,
        account: AccountId,
        conversation: ConversationId,
        message: Option<MessageId>,
    ) -> Result<Path, ConversationError> {
        let path =
            store::measure_path(&self.database, account, conversation, message, self.clock.now())
                .await?;
        let Some(path) = path.ok_or(ConversationError::NotFound)? else {
            let detail = "The conversation has no such message.";
            let error = FieldError::new("/message_id", detail);
            return Err(ConversationError::Invalid(vec![error]));
        };
        if COPY_MESSAGES_MAX < path.messages {
            let detail = format!("The path may have at most {COPY_MESSAGES_MAX} messages.");
            let error = FieldError::new("/message_id", detail);
            return Err(ConversationError::Invalid(vec![error]));
        }
        Ok(path)
    }
}
