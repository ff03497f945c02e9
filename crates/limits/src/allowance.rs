use std::fmt::Display;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ambient::UnixMillis;
use database::Database;
use lru::LruCache;

use crate::charge::{Charge, LimitError, take};
use crate::limit::{Limit, Rate};

/// How many of those who are counted an instance keeps uses for: the most recent ones.
const LEASES_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1023);

/// The largest part of a limit that an instance takes at once: one in so many.
const LEASES_PER_LIMIT: u32 = 20;

/// A limit on what happens too often for a write each time: an instance takes several uses from the bucket in advance and spends them in memory.
///
/// Clones share what they have taken. The number that is taken at once doubles while the uses are spent, so that at least half of what the
/// bucket was charged with has happened. What is left expires with the window.
///
/// No request ever waits for another one: on hosts that share an instance between requests, such a wait ends the whole instance. While one
/// request takes several uses, the others take one each for themselves.
#[derive(Debug, Clone)]
pub struct Allowance {
    database: Database,
    name: &'static str,
    limit: Limit,
    leases: Arc<Mutex<Leases>>,
}

/// By the caller who is counted. The lock is never held across an await.
type Leases = LruCache<String, Lease>;

/// Uses that were taken for one caller.
#[derive(Debug, Clone, Copy)]
struct Lease {
    left: u32,
    /// The number that was taken at once.
    size: u32,
    since: UnixMillis,
    /// The bucket is empty until this moment.
    empty_until: Option<UnixMillis>,
    /// Whether a request is about to take several.
    is_refilling: bool,
}

/// The answer of the memory.
enum Stock {
    /// A use was there, and is spent.
    Spent,
    Empty(Duration),
    /// So many have to be taken from the bucket first.
    Short(u32),
}

/// Marks a lease as being refilled until it is dropped, also when the request ends early.
struct Refill<'a> {
    leases: &'a Mutex<Leases>,
    who: &'a str,
}

impl Allowance {
    /// Uses of what is called `name`.
    pub fn new(database: Database, name: &'static str, limit: Limit) -> Self {
        Self { database, name, limit, leases: Arc::new(Mutex::new(LruCache::new(LEASES_MAX))) }
    }

    /// Counts one use by `who`.
    ///
    /// # Errors
    /// [`LimitError::Exceeded`] when there is none left; it must then not happen.
    pub async fn spend(&self, who: impl Display, now: UnixMillis) -> Result<(), LimitError> {
        let Some(rate) = self.limit.rate() else { return Ok(()) };
        let who = who.to_string();
        let mut size = match self.draw(&who, rate, now) {
            Stock::Spent => return Ok(()),
            Stock::Empty(wait) => return Err(LimitError::Exceeded { wait }),
            Stock::Short(size) => size,
        };
        let refill = (1 < size).then(|| Refill { leases: &self.leases, who: &who });
        let charge = Charge::new(self.name, &who, self.limit);
        loop {
            match take(&self.database, now, &charge, rate, size).await? {
                None => {
                    self.store(&who, (size, refill.is_some()), rate, now);
                    return Ok(());
                }
                // Where there is no room for several there may still be room for fewer.
                Some(_) if 1 < size => size /= 2,
                Some(wait) => {
                    self.close(&who, wait, rate, now);
                    return Err(LimitError::Exceeded { wait });
                }
            }
        }
    }

    /// Spends a use that was taken before, or says how many to take.
    fn draw(&self, who: &str, rate: Rate, now: UnixMillis) -> Stock {
        let mut leases = lock(&self.leases);
        let Some(lease) = leases.get_mut(who) else { return Stock::Short(1) };
        let stock = lease.stock(rate, now);
        match stock {
            Stock::Spent => lease.left = lease.left.saturating_sub(1),
            // Together they would take more than the bucket has, and most of it for nothing.
            Stock::Short(_) if lease.is_refilling => return Stock::Short(1),
            Stock::Short(size) => lease.is_refilling = 1 < size,
            Stock::Empty(_) => {}
        }
        stock
    }

    /// Notes that `size` uses were taken, one of which is spent.
    fn store(&self, who: &str, (size, is_refill): (u32, bool), rate: Rate, now: UnixMillis) {
        let mut leases = lock(&self.leases);
        let refilled = Lease::new(size, now);
        match leases.get_mut(who) {
            Some(lease) if is_refill => {
                *lease = Lease { is_refilling: lease.is_refilling, ..refilled };
            }
            // A single use beside a refill, or after one: it says nothing about the others.
            Some(lease) if lease.is_refilling || (0 < lease.left && lease.is_of_now(rate, now)) => {
                lease.empty_until = None;
            }
            _ => drop(leases.put(who.to_owned(), refilled)),
        }
    }

    /// Notes that the bucket is empty for as long as `wait`.
    fn close(&self, who: &str, wait: Duration, rate: Rate, now: UnixMillis) {
        // Rounded up to what the clock can tell, so that nobody asks a moment too early.
        let empty_until = Some(now.plus(wait + Duration::from_micros(999)));
        let mut leases = lock(&self.leases);
        match leases.get_mut(who) {
            Some(lease) if lease.is_of_now(rate, now) => lease.empty_until = empty_until,
            _ => drop(leases.put(who.to_owned(), Lease { empty_until, ..Lease::new(1, now) })),
        }
    }
}

impl Drop for Refill<'_> {
    fn drop(&mut self) {
        if let Some(lease) = lock(self.leases).peek_mut(self.who) {
            lease.is_refilling = false;
        }
    }
}

fn lock(leases: &Mutex<Leases>) -> MutexGuard<'_, Leases> {
    // A panic while the lock was held cannot leave the map half-changed, and there is no other use for the poison.
    leases.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lease {
    /// `size` uses of which one is spent.
    fn new(size: u32, now: UnixMillis) -> Self {
        let left = size.saturating_sub(1);
        Self { left, size, since: now, empty_until: None, is_refilling: false }
    }

    fn stock(&self, rate: Rate, now: UnixMillis) -> Stock {
        let max = (rate.count / LEASES_PER_LIMIT).max(1);
        if !self.is_of_now(rate, now) {
            return Stock::Short(self.size.saturating_sub(self.left).clamp(1, max));
        }
        if 0 < self.left {
            return Stock::Spent;
        }
        match self.empty_until {
            Some(until) if now < until => {
                let wait = until.0.saturating_sub(now.0);
                Stock::Empty(Duration::from_millis(u64::try_from(wait).unwrap_or(0)))
            }
            Some(_) => Stock::Short(1),
            None => Stock::Short(self.size.saturating_mul(2).min(max)),
        }
    }

    /// Whether it was taken within the window that ends now. One from the future comes from a clock that was set back.
    fn is_of_now(&self, rate: Rate, now: UnixMillis) -> bool {
        let age_us = now.0.saturating_sub(self.since.0).saturating_mul(1000);
        (0..rate.window_us).contains(&age_us)
    }
}
