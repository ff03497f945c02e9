//! The statements of one piece.

use ambient::UnixMillis;
use database::{Rows, Statement};
use ids::{AccountId, ConversationId};

/// How many messages a piece removes at most.
pub const MESSAGES_MAX: u32 = 200;

/// How many bytes of messages, but for the last one: what their words cost follows from this.
const MESSAGE_BYTES_MAX: i64 = 512 * 1024;

/// How many conversations, sessions or invitations.
pub(crate) const ROWS_MAX: u32 = 8;

/// What a piece has removed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Removed {
    pub ended: usize,
    pub messages: usize,
    pub conversations: usize,
}

/// Ends what has ended in an account, and removes a little of what has.
pub fn piece_of_account(account: AccountId, now: UnixMillis) -> [Statement; 3] {
    let end = Statement::new(include_str!("../queries/end_conversations.sql"))
        .bind(account.to_string())
        .bind(now.0)
        .bind(ROWS_MAX);
    let [messages, conversations] = removal(account, None);
    [end, messages, conversations]
}

/// Removes messages of a conversation that is gone, and with the last of them itself.
pub fn piece_of_conversation(account: AccountId, conversation: ConversationId) -> [Statement; 2] {
    removal(account, Some(conversation))
}

fn removal(account: AccountId, conversation: Option<ConversationId>) -> [Statement; 2] {
    let messages = Statement::new(include_str!("../queries/delete_messages.sql"))
        .bind(account.to_string())
        .bind(conversation.map(|id| id.to_string()))
        .bind(MESSAGES_MAX)
        .bind(MESSAGE_BYTES_MAX);
    let conversations = Statement::new(include_str!("../queries/delete_conversations.sql"))
        .bind(account.to_string())
        .bind(ROWS_MAX);
    [messages, conversations]
}

/// Removes sessions and invitations of an account that are over.
pub(crate) fn piece_of_sign_ins(account: AccountId, now: UnixMillis) -> [Statement; 2] {
    let bind = |sql: &'static str| {
        Statement::new(sql).bind(account.to_string()).bind(now.0).bind(ROWS_MAX)
    };
    [
        bind(include_str!("../queries/delete_sessions.sql")),
        bind(include_str!("../queries/delete_invitations.sql")),
    ]
}

impl Removed {
    /// What the statements of [`piece_of_account`] gave.
    pub fn by(results: &[Rows]) -> Self {
        let count = |position: usize| results.get(position).map_or(0, Rows::len);
        Self { ended: count(0), messages: count(1), conversations: count(2) }
    }

    /// Whether there was anything, so that there may be more.
    pub fn is_some(self) -> bool {
        0 < self.ended + self.messages + self.conversations
    }
}
