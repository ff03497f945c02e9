//! What a run may use and has used: reserved before it begins, and written to the ledger with each message of the model's.

use std::sync::Arc;
use std::time::Duration;

use ambient::UnixMillis;
use database::Statement;
use usage::{
    Cost, Day, Entry, PriceTable, Quota, Reservation, Spender, estimated_tokens, likely_tokens,
};

use crate::models::Chosen;
use crate::work::Said;

/// How many runs and completions together an account may have at once (SECURITY R111). The trigger `run_limit` counts with the same eight.
pub const AT_ONCE_MAX: u32 = 8;

/// How long a reservation lasts that is not renewed, as long as the lease of a run: then the next request of the account settles it.
const LEASE: Duration = Duration::from_secs(20);

/// How long an answer is taken to get when nobody has said how long it may.
const ANSWER_TOKENS: u32 = 1024;

/// The meter of one run.
#[derive(Debug, Clone)]
pub struct Meter {
    pub quota: Quota,
    pub prices: Arc<PriceTable>,
    pub spender: Spender,
    pub run_id: String,
    pub provider: &'static str,
    pub model: String,
    /// Whether the model is at its provider's own host: of others nobody knows the prices.
    pub has_price: bool,
}

impl Meter {
    pub fn new(
        (quota, prices): (Quota, Arc<PriceTable>),
        spender: Spender,
        run_id: String,
        model: &Chosen,
    ) -> Self {
        let entry = &model.entry;
        let (provider, has_price) = (entry.provider.as_str(), entry.base_url.is_none());
        Self { quota, prices, spender, run_id, provider, model: entry.model.clone(), has_price }
    }

    /// Reserves what an answer to so many bytes may take. The batch fails when there is not as much left, or when the account has
    /// [`AT_ONCE_MAX`] reservations already.
    pub fn reserve(&self, bytes: usize, max_tokens: Option<u32>, now: UnixMillis) -> Statement {
        let answer = max_tokens.unwrap_or(ANSWER_TOKENS);
        self.quota.reserve(&Reservation {
            spender: self.spender,
            run_id: &self.run_id,
            tokens: estimated_tokens(bytes).saturating_add(answer),
            provider: self.provider,
            model: &self.model,
            input_tokens: likely_tokens(bytes),
            at_once_max: Some(AT_ONCE_MAX),
            now,
            expires_at: now.plus(LEASE),
        })
    }

    /// Extends the lease of the reservation. Gives no row when it was settled already. The lease of a run extends its reservation's.
    pub fn renew(&self, now: UnixMillis) -> Statement {
        usage::renew(self.spender.account_id, &self.run_id, now.plus(LEASE))
    }

    /// Writes what a step has used, of a run that goes on.
    pub fn record(&self, said: &Said, step: u32, now: UnixMillis) -> Statement {
        self.entry(said, step, now).record()
    }

    /// Writes what the last step has used, if it has used anything, and frees what is left.
    pub fn settle(&self, said: &Said, step: u32, now: UnixMillis) -> Statement {
        if said.used().total == 0 {
            return self.release();
        }
        self.entry(said, step, now).settle()
    }

    /// Frees what was reserved.
    pub fn release(&self) -> Statement {
        usage::release(self.spender.account_id, &self.run_id)
    }

    fn entry(&self, said: &Said, step: u32, at: UnixMillis) -> Entry {
        let used = said.used();
        Entry {
            spender: self.spender,
            run_id: self.run_id.clone(),
            step,
            at,
            provider: self.provider.to_owned(),
            model: self.model.clone(),
            input_tokens: used.input,
            output_tokens: used.output,
            is_estimated: said.is_estimated(),
            cost: self.cost(used.input, used.output, at),
        }
    }

    fn cost(&self, input: u32, output: u32, at: UnixMillis) -> Option<Cost> {
        let prices = self.has_price.then_some(&self.prices)?;
        prices.cost(self.provider, &self.model, Day::of(at), input, output)
    }
}
