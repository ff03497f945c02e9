use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ambient::Clock;
use database::Database;
use migrations::MigrationError;
use problem::Problem;

/// Whether the database has the schema of this version; found out, or brought about, by the first request that needs it.
///
/// There is no other moment: a component has no start hook.
#[derive(Debug, Clone)]
pub struct Readiness {
    database: Database,
    clock: Clock,
    auto_migrate: bool,
    is_ready: Arc<AtomicBool>,
}

impl Readiness {
    /// With `auto_migrate` an older schema is brought up to date, without it that is an error.
    pub fn new(database: Database, clock: Clock, auto_migrate: bool) -> Self {
        Self { database, clock, auto_migrate, is_ready: Arc::default() }
    }

    /// Returns once the database is ready. Costs nothing after the first success.
    ///
    /// # Errors
    /// 503 while the database is away or busy, 500 when its schema is newer, damaged, or older and not to be touched.
    pub async fn ensure(&self) -> Result<(), Problem> {
        if self.is_ready.load(Ordering::Acquire) {
            return Ok(());
        }
        // Requests that arrive together all come here; migrating is safe against itself, and waiting for one another would need a lock
        // that outlives a request that is given up.
        let outcome = if self.auto_migrate {
            migrations::ensure(&self.database, self.clock.now().0).await
        } else {
            migrations::check(&self.database).await
        };
        outcome.map_err(|error| problem(&error))?;
        self.is_ready.store(true, Ordering::Release);
        Ok(())
    }
}

fn problem(error: &MigrationError) -> Problem {
    use database::DatabaseError::{Busy, Unavailable};
    match error {
        MigrationError::Contended
        | MigrationError::Record(Busy | Unavailable(_))
        | MigrationError::Failed { source: Busy | Unavailable(_), .. } => {
            Problem::unavailable(error)
        }
        _ => Problem::internal(error),
    }
}
