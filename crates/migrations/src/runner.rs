use database::{Database, DatabaseError};

use crate::{MIGRATIONS, Migration, MigrationError, Record, record};

/// How often a run may find itself where it was before it gives up.
///
/// Losing against another runner is no such case: the plan has become shorter. What remains is a database that others hold busy.
const STALLS_MAX: u32 = 4;

/// Which way a migration runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
}

/// How many migrations to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// At most this many.
    Some(u32),
    All,
}

/// A migration that a run would execute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub migration: &'static Migration,
    pub direction: Direction,
}

impl Step {
    /// The statements of this step, in order.
    pub fn statements(&self) -> &'static [&'static str] {
        match self.direction {
            Direction::Up => self.migration.up,
            Direction::Down => self.migration.down,
        }
    }
}

/// Where a database stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// The newest applied version, 0 for an empty database.
    pub version: u32,
    /// The newest version that this binary knows.
    pub known: u32,
}

/// A migration in a listing: known to this binary, applied to the database, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub version: u32,
    /// `None` when only a newer or other binary knows it.
    pub migration: Option<&'static Migration>,
    /// `None` when it is pending.
    pub applied: Option<Record>,
}

impl Entry {
    /// Whether the applied migration is another one than this binary's.
    pub fn is_edited(&self) -> bool {
        match (&self.migration, &self.applied) {
            (Some(migration), Some(applied)) => migration.checksum != applied.checksum,
            _ => false,
        }
    }
}

/// A complete list of migrations, 1, 2, 3, ….
#[derive(Debug, Clone, Copy)]
pub struct Migrations {
    list: &'static [Migration],
}

impl Migrations {
    /// The migrations that this binary was built with. The build has checked their numbers.
    pub const fn embedded() -> Self {
        Self { list: MIGRATIONS }
    }

    /// Another list, for tests of the machinery.
    ///
    /// # Errors
    /// [`MigrationError::Misnumbered`] unless the versions are 1, 2, 3, ….
    pub fn new(list: &'static [Migration]) -> Result<Self, MigrationError> {
        for (expected, migration) in (1..).zip(list) {
            if migration.version != expected {
                return Err(MigrationError::Misnumbered { found: migration.version, expected });
            }
        }
        Ok(Self { list })
    }

    /// The migrations in order.
    pub fn list(&self) -> &'static [Migration] {
        self.list
    }

    /// The newest version in the list, 0 for an empty list.
    pub fn newest(&self) -> u32 {
        self.list.last().map_or(0, |migration| migration.version)
    }

    /// Where the database stands.
    ///
    /// # Errors
    /// [`MigrationError::Newer`], [`MigrationError::Edited`] or [`MigrationError::Gap`] when this binary must not touch the database.
    pub async fn status(&self, database: &Database) -> Result<Status, MigrationError> {
        let records = record::list(database).await.map_err(MigrationError::Record)?;
        self.verify(&records)
    }

    /// Every migration that is known here or applied there, in order. It lists also what [`Self::status`] refuses.
    pub async fn history(&self, database: &Database) -> Result<Vec<Entry>, MigrationError> {
        let records = record::list(database).await.map_err(MigrationError::Record)?;
        let mut entries: Vec<Entry> = self
            .list
            .iter()
            .map(|migration| Entry {
                version: migration.version,
                migration: Some(migration),
                applied: None,
            })
            .collect();
        for record in records {
            match entries.iter_mut().find(|entry| entry.version == record.version) {
                Some(entry) => entry.applied = Some(record),
                None => entries.push(Entry {
                    version: record.version,
                    migration: None,
                    applied: Some(record),
                }),
            }
        }
        entries.sort_by_key(|entry| entry.version);
        Ok(entries)
    }

    /// What [`Self::up`] or [`Self::down`] would execute now, in order. Changes nothing.
    pub async fn plan(
        &self,
        database: &Database,
        direction: Direction,
        amount: Amount,
    ) -> Result<Vec<Step>, MigrationError> {
        let status = self.status(database).await?;
        let amount = match amount {
            Amount::Some(amount) => usize::try_from(amount).unwrap_or(usize::MAX),
            Amount::All => usize::MAX,
        };
        let step = |migration| Step { migration, direction };
        Ok(match direction {
            Direction::Up => self
                .list
                .iter()
                .filter(|migration| status.version < migration.version)
                .take(amount)
                .map(step)
                .collect(),
            Direction::Down => self
                .list
                .iter()
                .rev()
                .filter(|migration| migration.version <= status.version)
                .take(amount)
                .map(step)
                .collect(),
        })
    }

    /// Applies pending migrations in order and returns those that this call applied. `now_ms` is the time in Unix milliseconds.
    ///
    /// Migrations that another runner applies meanwhile count towards the amount but are not returned.
    pub async fn up(
        &self,
        database: &Database,
        amount: Amount,
        now_ms: i64,
    ) -> Result<Vec<&'static Migration>, MigrationError> {
        self.run(database, Direction::Up, amount, now_ms).await
    }

    /// Takes applied migrations back, the newest first, and returns those that this call took back.
    pub async fn down(
        &self,
        database: &Database,
        amount: Amount,
    ) -> Result<Vec<&'static Migration>, MigrationError> {
        self.run(database, Direction::Down, amount, 0).await
    }

    /// Records the migrations up to `version` as applied and all others as not, without running any.
    ///
    /// For a database whose schema was made in another way, and to accept an edited migration. It also accepts a record that
    /// [`Self::status`] refuses: that is what it is for.
    ///
    /// # Errors
    /// [`MigrationError::Unknown`] when there is no such version; 0 means none.
    pub async fn stamp(
        &self,
        database: &Database,
        version: u32,
        now_ms: i64,
    ) -> Result<(), MigrationError> {
        let known = self.newest();
        let count = usize::try_from(version).unwrap_or(usize::MAX);
        let Some(migrations) = self.list.get(..count) else {
            return Err(MigrationError::Unknown { version, known });
        };
        record::stamp(database, migrations, now_ms).await.map_err(MigrationError::Record)
    }

    /// See [`crate::ensure`].
    pub async fn ensure(&self, database: &Database, now_ms: i64) -> Result<(), MigrationError> {
        self.up(database, Amount::All, now_ms).await.map(drop)
    }

    /// See [`crate::check`].
    pub async fn check(&self, database: &Database) -> Result<(), MigrationError> {
        let Status { version: found, known } = self.status(database).await?;
        if found < known { Err(MigrationError::Pending { found, known }) } else { Ok(()) }
    }

    async fn run(
        &self,
        database: &Database,
        direction: Direction,
        amount: Amount,
        now_ms: i64,
    ) -> Result<Vec<&'static Migration>, MigrationError> {
        let mut plan = self.plan(database, direction, amount).await?;
        // What the first plan ends with stays the goal: an amount means migrations from where the database stood at the start.
        let Some(goal) = plan.last().map(|step| step.migration.version) else {
            return Ok(Vec::new());
        };
        let (mut done, mut stalls) = (Vec::new(), 0);
        while stalls < STALLS_MAX {
            let before = (done.len(), plan.len());
            for &Step { migration, .. } in &plan {
                let outcome = match direction {
                    Direction::Up => record::apply(database, migration, now_ms).await,
                    Direction::Down => record::revert(database, migration).await,
                };
                match outcome {
                    Ok(true) => done.push(migration),
                    Ok(false) | Err(DatabaseError::Busy) => break,
                    Err(source) => {
                        let Migration { version, name, .. } = *migration;
                        return Err(MigrationError::Failed { version, name, direction, source });
                    }
                }
            }
            plan = self.plan(database, direction, Amount::All).await?;
            plan.retain(|step| match direction {
                Direction::Up => step.migration.version <= goal,
                Direction::Down => goal <= step.migration.version,
            });
            if plan.is_empty() {
                return Ok(done);
            }
            stalls += u32::from(before == (done.len(), plan.len()));
        }
        Err(MigrationError::Contended)
    }

    /// Holds the record against this list.
    fn verify(&self, records: &[Record]) -> Result<Status, MigrationError> {
        let known = self.newest();
        let newest = records.last().map_or(0, |record| record.version);
        for (version, record) in (1..).zip(records) {
            if record.version != version {
                return Err(MigrationError::Gap { missing: version, newest });
            }
        }
        // A newer schema is the usual cause of any difference, so it is named first.
        if known < newest {
            return Err(MigrationError::Newer { found: newest, known });
        }
        for (migration, record) in self.list.iter().zip(records) {
            if migration.checksum != record.checksum {
                return Err(MigrationError::Edited {
                    version: migration.version,
                    applied_name: record.name.clone(),
                    known_name: migration.name,
                });
            }
        }
        Ok(Status { version: newest, known })
    }
}
