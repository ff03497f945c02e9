#![doc = include_str!("../README.md")]

mod id;
mod kinds;

pub use id::{Id, Kind, ParseIdError};
pub use kinds::{
    AccountId, ApiKeyId, ConversationId, FileId, IdentityId, InvitationId, MailId, McpServerId,
    MemoryId, MessageId, ModelId, PartId, ProviderKeyId, RequestId, RunId, SessionId, ShareId,
    TokenId, UploadId, UserId,
};
