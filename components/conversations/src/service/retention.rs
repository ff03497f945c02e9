use audit::Entry;
use ids::AccountId;
use problem::FieldError;
use serde::{Deserialize, Serialize};

use super::conversations::refuse;
use crate::error::ConversationError;
use crate::service::Conversations;
use crate::store;

/// The longest period that an account may choose: ten years. Whoever wants to keep more keeps everything.
pub const DAYS_MAX: u32 = 3650;

/// How long an account keeps conversations that nobody goes on with, as the API takes and gives it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Days since the last message; `None` keeps them for ever.
    pub days: Option<u32>,
    /// Whether what someone has pinned stays all the same.
    #[serde(default)]
    pub keep_pinned: bool,
}

impl Conversations {
    /// How long the account keeps conversations.
    pub async fn retention(&self, account: AccountId) -> Result<Retention, ConversationError> {
        store::get_retention(&self.database, account).await
    }

    /// Changes how long the account keeps conversations. It holds at once, also for those that there are.
    pub async fn put_retention(
        &self,
        account: AccountId,
        retention: Retention,
        entry: Entry,
    ) -> Result<Retention, ConversationError> {
        if !retention.days.is_none_or(|days| (1..=DAYS_MAX).contains(&days)) {
            let detail = format!("It must be from 1 to {DAYS_MAX}, or null.");
            refuse(vec![FieldError::new("/days", detail)])?;
        }
        let entry = entry.with("days", retention.days).with("keep_pinned", retention.keep_pinned);
        let now = self.clock.now();
        store::put_retention(&self.database, account, retention, entry, now).await?;
        Ok(retention)
    }
}
