use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::Day;

/// The list of prices in this version of the program.
const PRICES: &str = include_str!("../prices.json");

/// How many tokens a price is for.
const TOKENS: u128 = 1_000_000;

/// What providers take for tokens, and since when.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceTable {
    /// Counts the changes of the list.
    version: u32,
    prices: Vec<Price>,
}

/// Millionths of a US dollar for a million tokens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    provider: String,
    model: String,
    since: Day,
    input: u32,
    output: u32,
}

/// What something cost, and which version of the list says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    pub micros: Micros,
    pub price_version: u32,
}

/// Millionths of a US dollar. Displays and serializes as dollars with all six decimals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Micros(pub i64);

/// The list of prices is damaged.
#[derive(Debug, thiserror::Error)]
#[error("the list of prices is damaged")]
pub struct PriceTableError(#[from] serde_json::Error);

impl PriceTable {
    /// The one of this version of the program.
    ///
    /// # Errors
    /// [`PriceTableError`].
    pub fn current() -> Result<Self, PriceTableError> {
        Ok(serde_json::from_str(PRICES)?)
    }

    /// What tokens cost at the provider's own host on this day, if that is known. Half a millionth is rounded up.
    pub fn cost(
        &self,
        provider: &str,
        model: &str,
        day: Day,
        input_tokens: u32,
        output_tokens: u32,
    ) -> Option<Cost> {
        let price = self.price(provider, model, day).or_else(|| {
            // A name with a day is a version of the model that the rest of the name stands for.
            self.price(provider, undated(model)?, day)
        })?;
        let part = |tokens: u32, price: u32| u128::from(tokens) * u128::from(price);
        let whole = part(input_tokens, price.input) + part(output_tokens, price.output);
        let micros = i64::try_from((whole + TOKENS / 2) / TOKENS).unwrap_or(i64::MAX);
        Some(Cost { micros: Micros(micros), price_version: self.version })
    }

    fn price(&self, provider: &str, model: &str, day: Day) -> Option<&Price> {
        let of_model =
            self.prices.iter().filter(|price| price.provider == provider && price.model == model);
        of_model.filter(|price| price.since <= day).max_by_key(|price| price.since)
    }
}

/// The name without a day at its end.
fn undated(model: &str) -> Option<&str> {
    ["-0000-00-00", "-00000000", "-latest"].into_iter().find_map(|form| {
        let (name, end) = model.split_at_checked(model.len().checked_sub(form.len())?)?;
        let fits = |(byte, form): (u8, u8)| {
            if form == b'0' { byte.is_ascii_digit() } else { byte == form }
        };
        end.bytes().zip(form.bytes()).all(fits).then_some(name)
    })
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, (self.0 % 1_000_000).unsigned_abs())
    }
}

impl Serialize for Micros {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A number with all its decimals, and never by way of a float.
        RawValue::from_string(self.to_string())
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }
}
