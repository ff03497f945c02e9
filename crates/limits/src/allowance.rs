use std::fmt::Display;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
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

/// A limit on what happens too often for a write each time: uses are taken from the bucket in advance, some at a time, and spent in memory.
///
/// Clones share what they have taken. How many are taken at once doubles while they are used up, so that at least half of what the bucket
/// was charged with has happened, and whatever is left ends with the window.
#[derive(Debug, Clone)]
pub struct Allowance {
    database: Database,
    name: &'static str,
    limit: Limit,
    leases: Arc<Mutex<Leases>>,
}

/// By who is counted. One at a time takes uses for the same person; the others wait and find them.
type Leases = LruCache<String, Arc<futures::lock::Mutex<Option<Lease>>>>;

/// What was taken for someone.
#[derive(Debug, Clone, Copy)]
struct Lease {
    left: u32,
    /// How many were taken.
    size: u32,
    since: UnixMillis,
    /// Until when there is nothing to be taken.
    empty_until: Option<UnixMillis>,
}

/// What memory says.
enum Stock {
    /// There is one, and so many after it.
    Left(u32),
    Empty(Duration),
    /// So many have to be taken first.
    Short(u32),
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
        let shared = self.lease_of(&who);
        let mut lease = shared.lock().await;
        let mut size = match stock(lease.as_ref(), rate, now) {
            Stock::Short(size) => size,
            Stock::Empty(wait) => return Err(LimitError::Exceeded { wait }),
            Stock::Left(left) => {
                *lease = lease.map(|lease| Lease { left, ..lease });
                return Ok(());
            }
        };
        let charge = Charge::new(self.name, &who, self.limit);
        let wait = loop {
            match take(&self.database, now, &charge, rate, size).await? {
                None => {
                    *lease = Some(Lease { left: size - 1, size, since: now, empty_until: None });
                    return Ok(());
                }
                // Where there is no room for several there may still be room for one.
                Some(_) if 1 < size => size = 1,
                Some(wait) => break wait,
            }
        };
        // Rounded up to what the clock can tell, so that nobody asks a moment too early.
        let empty_until = Some(now.plus(wait + Duration::from_micros(999)));
        *lease = Some(Lease { left: 0, size: 1, since: now, empty_until });
        Err(LimitError::Exceeded { wait })
    }

    fn lease_of(&self, who: &str) -> Arc<futures::lock::Mutex<Option<Lease>>> {
        // A panic while the lock was held cannot leave the map half-changed, and there is no other use for the poison.
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(leases.get_or_insert_mut(who.to_owned(), Arc::default))
    }
}

fn stock(lease: Option<&Lease>, rate: Rate, now: UnixMillis) -> Stock {
    let most = (rate.count / LEASES_PER_LIMIT).max(1);
    let Some(lease) = lease else { return Stock::Short(1) };
    if !lease.is_of_now(rate, now) {
        return Stock::Short(lease.size.saturating_sub(lease.left).clamp(1, most));
    }
    if let Some(left) = lease.left.checked_sub(1) {
        return Stock::Left(left);
    }
    match lease.empty_until {
        Some(until) if now < until => {
            let wait = until.0.saturating_sub(now.0);
            Stock::Empty(Duration::from_millis(u64::try_from(wait).unwrap_or(0)))
        }
        Some(_) => Stock::Short(1),
        None => Stock::Short(lease.size.saturating_mul(2).min(most)),
    }
}

impl Lease {
    /// Whether it was taken within the window that ends now. One from the future comes from a clock that was set back.
    fn is_of_now(&self, rate: Rate, now: UnixMillis) -> bool {
        let age_us = now.0.saturating_sub(self.since.0).saturating_mul(1000);
        (0..rate.window_us).contains(&age_us)
    }
}
