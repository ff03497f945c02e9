#![doc = include_str!("../README.md")]

mod id;
mod kinds;

pub use id::{Id, Kind, ParseIdError};
pub use kinds::{
    AccountId, ApiKeyId, ConversationId, FileId, IdentityId, InvitationId, MailId, MemoryId,
    MessageId, PartId, RequestId, SessionId, ShareId, TokenId, UploadId, UserId,
};
