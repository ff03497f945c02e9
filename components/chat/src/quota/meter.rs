//! What a request to a model may use, and what it has used.

use std::time::Duration;

use caller::Caller;
use database::{DatabaseError, Statement};
use usage::{Day, Entry, Quota, Reservation, Spender, is_crowded, is_exceeded};

use super::service::spender;
use crate::error::ChatError;
use crate::models::Chosen;
use crate::service::Chat;
use crate::work::said::Said;

/// How many runs and completions an account may have at once (SECURITY R111).
const AT_ONCE_MAX: u32 = 8;

/// How many tokens an answer is taken for whose length nobody has limited.
const ANSWER_TOKENS: u32 = 1024;

/// How long a reservation outlives whoever made it: longer than a run may take.
const RESERVATION: Duration = Duration::from_mins(15);

/// The tokens of a run or a completion.
#[derive(Debug, Clone)]
pub struct Meter {
    quota: Quota,
    pub spender: Spender,
    pub run_id: String,
    provider: &'static str,
    model: String,
    /// Whether the model is at its provider's own host, whose prices are known.
    is_priced: bool,
}

impl Meter {
    pub fn new(chat: &Chat, caller: &Caller, run_id: String, model: &Chosen) -> Self {
        Self {
            quota: chat.settings.quota,
            spender: spender(caller),
            run_id,
            provider: model.entry.provider.as_str(),
            model: model.entry.model.clone(),
            is_priced: model.entry.base_url.is_none(),
        }
    }

    /// Reserves what a prompt of so many bytes and its answer may take.
    pub fn reserve(&self, chat: &Chat, bytes: usize, max_tokens: Option<u32>) -> Statement {
        let answer = max_tokens.unwrap_or(ANSWER_TOKENS);
        let now = chat.clock.now();
        self.quota.reserve(&Reservation {
            spender: self.spender,
            run_id: &self.run_id,
            tokens: usage::estimated_tokens(bytes).saturating_add(answer),
            at_once_max: Some(AT_ONCE_MAX),
            now,
            expires_at: now.plus(RESERVATION),
        })
    }

    /// What a batch that reserves says.
    pub async fn refused(&self, chat: &Chat, error: DatabaseError) -> ChatError {
        if is_crowded(&error) {
            return ChatError::TooManyRuns;
        }
        if !is_exceeded(&error) {
            return ChatError::of_begin(error);
        }
        let now = chat.clock.now();
        match self.quota.standing(&chat.database, self.spender, now).await {
            Ok(standing) => ChatError::OverQuota(Box::new(standing.exceeded(now))),
            Err(error) => error.into(),
        }
    }

    /// What the ledger says of a request.
    pub fn entry(&self, chat: &Chat, step: u32, said: &Said) -> Entry {
        let (used, at) = (said.used(), chat.clock.now());
        let priced = self.is_priced.then_some(&chat.prices);
        let cost = priced.and_then(|prices| {
            prices.cost(self.provider, &self.model, Day::of(at), used.input, used.output)
        });
        Entry {
            spender: self.spender,
            run_id: self.run_id.clone(),
            step,
            at,
            provider: self.provider.to_owned(),
            model: self.model.clone(),
            input_tokens: used.input,
            output_tokens: used.output,
            is_estimated: !said.is_counted(),
            cost,
        }
    }

    /// Ends the reservation: with an entry if anything was used.
    pub fn settle(&self, chat: &Chat, step: u32, said: &Said) -> Statement {
        if said.used().total == 0 {
            return self.release();
        }
        self.entry(chat, step, said).settle()
    }

    /// Ends the reservation; nothing was used.
    pub fn release(&self) -> Statement {
        usage::release(self.spender.account_id, &self.run_id)
    }
}
