#![doc = include_str!("../README.md")]

mod entry;
mod estimate;
mod limit;
mod period;
mod price;
mod quota;
mod totals;

pub use entry::Entry;
pub use estimate::{estimated_tokens, likely_tokens};
pub use limit::{AccountLimit, Limit, delete_limit, find_limit, put_limit};
pub use period::{Day, Period, UnknownPeriod};
pub use price::{Cost, Micros, PriceTable, PriceTableError};
pub use quota::{
    Quota, Reservation, Share, Spender, Standing, is_crowded, is_exceeded, lapse, lapse_expired,
    release, renew,
};
pub use totals::{DayTotal, Filter, Position, list_days};
