use ambient::UnixMillis;
use database::Statement;

use crate::{Cost, Spender};

/// What one request to a provider has used.
#[derive(Debug, Clone)]
pub struct Entry {
    pub spender: Spender,
    pub run_id: String,
    /// Which request of the run it was: 1, 2, 3, …
    pub step: u32,
    pub at: UnixMillis,
    pub provider: String,
    /// As the provider calls it.
    pub model: String,
    pub input_tokens: u32,
    pub output_tokens: u32,
    /// Whether the provider did not say how many there were.
    pub is_estimated: bool,
    pub cost: Option<Cost>,
}

impl Entry {
    /// Writes it to the ledger, of a run that goes on.
    pub fn record(&self) -> Statement {
        self.insert(false)
    }

    /// Writes it to the ledger as the last of its run, and frees what is left of the reservation.
    pub fn settle(&self) -> Statement {
        self.insert(true)
    }

    fn insert(&self, is_last: bool) -> Statement {
        Statement::new(include_str!("../queries/insert_entry.sql"))
            .bind(self.spender.account_id.to_string())
            .bind(self.run_id.as_str())
            .bind(self.step)
            .bind(self.at.0)
            .bind(self.spender.user_id.to_string())
            .bind(self.provider.as_str())
            .bind(self.model.as_str())
            .bind(self.input_tokens)
            .bind(self.output_tokens)
            .bind(self.is_estimated)
            .bind(is_last)
            .bind(self.cost.map(|cost| cost.micros.0))
            .bind(self.cost.map(|cost| cost.price_version))
    }
}
