//! The rules and limits of the component.

mod context;
mod conversations;
mod files;
mod memory;
mod messages;
mod retention;
mod search;
mod shares;

use ambient::{Clock, Entropy};
use database::Database;
use serde::Serialize;

pub use context::Context;
pub use conversations::{
    Conversation, ConversationChange, ConversationFilter, NewConversation, TitleChange,
};
pub use files::{AttachedFile, FILES_MAX};
pub use memory::{Memory, MemoryChange, MemoryFilter, MemoryKind, MemoryOwner, NewMemory};
pub use messages::{PAGE_BYTES_MAX, PathChoice, StoredPage};
pub use retention::Retention;
pub use search::{HITS_COST_MAX, HITS_MAX, Hit, HitKind, SearchFilter};
pub use shares::{CreatedShare, Path, SHARES_MAX, Share, Snapshot};

pub const PAGE_ITEMS_DEFAULT: u32 = 50;
pub const PAGE_ITEMS_MAX: u32 = 200;

/// The component's state.
#[derive(Debug, Clone)]
pub struct Conversations {
    pub database: Database,
    pub clock: Clock,
    pub entropy: Entropy,
}

/// A part of a list, and the cursor that gets the next one.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    pub data: T,
    pub next_cursor: Option<String>,
}
