//! One function per route: what it takes and what it answers.

mod context;
mod conversations;
mod files;
mod memory;
mod messages;
mod retention;
mod search;
mod shares;

use problem::{FieldError, Problem};

use crate::cursor::InvalidCursor;
use crate::service::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX};

pub use context::{get_context, put_context};
pub use conversations::{
    create_conversation, delete_conversation, get_conversation, list_conversations,
    put_conversation_by_continuation, update_conversation,
};
pub use files::{attach_file, detach_file, get_attached_file, list_attached_files};
pub use memory::{
    create_memory, delete_memories, delete_memory, get_memory, list_memories, put_fact,
    update_memory,
};
pub use messages::{append_message, append_messages, list_messages};
pub use retention::{get_retention, put_retention};
pub use search::search;
pub use shares::{
    copy_shared, create_share, delete_share, fork_conversation, get_shared, list_shares,
};

fn checked_limit(limit: Option<u32>) -> Result<u32, Problem> {
    match limit {
        None => Ok(PAGE_ITEMS_DEFAULT),
        Some(limit) if (1..=PAGE_ITEMS_MAX).contains(&limit) => Ok(limit),
        Some(_) => Err(invalid("/limit", format!("It must be from 1 to {PAGE_ITEMS_MAX}."))),
    }
}

fn no_cursor(_: InvalidCursor) -> Problem {
    invalid("/cursor", "This is no cursor of this list.")
}

/// One value breaks one rule.
fn invalid(pointer: &str, detail: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::validation(vec![FieldError::new(pointer, detail)])
}
