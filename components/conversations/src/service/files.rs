use std::collections::BTreeSet;

use ambient::UnixMillis;
use ids::{AccountId, ConversationId, FileId};
use problem::{FieldError, JsonObject};
use serde::Serialize;

use super::conversations::refuse;
use crate::error::ConversationError;
use crate::service::Conversations;
use crate::store;
use message::NewMessage;

/// How many files may be attached to a conversation.
pub const FILES_MAX: u32 = 200;

/// A file that is attached to a conversation, as the API gives it.
#[derive(Debug, Serialize)]
pub struct AttachedFile {
    pub id: FileId,
    pub bucket: String,
    pub name: String,
    pub mime_type: String,
    pub size_bytes: i64,
    /// In hexadecimal digits.
    pub sha256: String,
    pub metadata: JsonObject,
    pub created_at: UnixMillis,
    pub attached_at: UnixMillis,
}

impl Conversations {
    /// The files of a conversation, what was attached last first.
    pub async fn attached_files(
        &self,
        account: AccountId,
        conversation: ConversationId,
    ) -> Result<Vec<AttachedFile>, ConversationError> {
        self.get(account, conversation).await?;
        let now = self.clock.now();
        store::list_attached_files(&self.database, account, conversation, now).await
    }

    /// One file of a conversation.
    pub async fn attached_file(
        &self,
        account: AccountId,
        conversation: ConversationId,
        file: FileId,
    ) -> Result<AttachedFile, ConversationError> {
        let now = self.clock.now();
        store::get_attached_file(&self.database, account, conversation, file, now)
            .await?
            .ok_or(ConversationError::NotFound)
    }

    /// Attaches a file of the account, or leaves it as it is when it is attached already.
    pub async fn attach_file(
        &self,
        account: AccountId,
        conversation: ConversationId,
        file: FileId,
    ) -> Result<AttachedFile, ConversationError> {
        let now = self.clock.now();
        let attached = store::attach_file(&self.database, account, conversation, file, now).await?;
        if let Some(attached) = attached {
            return Ok(attached);
        }
        self.get(account, conversation).await?;
        let files = BTreeSet::from([file]);
        if !message::list_missing_files(&self.database, account, &files).await?.is_empty() {
            return Err(ConversationError::NotFound);
        }
        let detail = format!("A conversation may have at most {FILES_MAX} files.");
        Err(ConversationError::Invalid(vec![FieldError::new("", detail)]))
    }

    /// Detaches a file; the file itself stays.
    pub async fn detach_file(
        &self,
        account: AccountId,
        conversation: ConversationId,
        file: FileId,
    ) -> Result<(), ConversationError> {
        let now = self.clock.now();
        if store::detach_file(&self.database, account, conversation, file, now).await? {
            Ok(())
        } else {
            Err(ConversationError::NotFound)
        }
    }

    /// Refuses messages that name files which the account does not have. `within` says where in the body a message stands. A file that
    /// leaves later is missed by whoever uses it: naming one grants nothing.
    pub(super) async fn refuse_missing_files(
        &self,
        account: AccountId,
        messages: &[(String, &NewMessage)],
    ) -> Result<(), ConversationError> {
        let named = messages.iter().flat_map(|(within, message)| {
            message.content.files().map(move |(part, file)| (within, part, file))
        });
        let named: Vec<_> = named.collect();
        if named.is_empty() {
            return Ok(());
        }
        let files = named.iter().map(|(_, _, file)| *file).collect();
        let missing = message::list_missing_files(&self.database, account, &files).await?;
        let errors = named.into_iter().filter(|(_, _, file)| missing.contains(file)).map(
            |(within, part, _)| {
                let pointer = format!("{within}/content/{part}/file_id");
                FieldError::new(pointer, "The account has no such file.")
            },
        );
        refuse(errors.collect())
    }
}
