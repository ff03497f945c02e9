//! One function per statement: binds it and maps what it gives.

mod context;
mod conversations;
mod files;
mod memory;
mod messages;
mod retention;
mod search;
mod shares;

pub use context::{get_context, put_context};
pub use conversations::{
    change_conversation, create_conversation, delete_conversation, get_conversation,
    get_or_create_conversation, list_conversations, remove_piece,
};
pub use files::{attach_file, detach_file, get_attached_file, list_attached_files};
pub use memory::{
    change_memory, delete_memories_of_conversation, delete_memory, get_memory, list_memories,
    put_memory, search_memories,
};
pub use messages::{Read, append_message, append_messages, page_messages};
pub use retention::{get_retention, put_retention};
pub use search::search;
pub use shares::{
    NewShare, Source, copy_conversation, create_share, delete_share, find_share, list_shares,
    measure_path,
};
