//! `selvage migrate`: the schema of a database.

mod files;

use std::fmt::Write as _;

use ambient::{Clock, UnixMillis};
use database::Database;
use migrations::{Amount, Direction, Entry, MigrationError, Migrations, Status, Step};

use crate::arguments::{Migrate, MigrateAction};
use crate::error::CliError;
use crate::location::Location;
use crate::state_dir;
use crate::terminal;

/// How many digits of a checksum are shown. The whole of it says no more to a person.
const CHECKSUM_CHARS: usize = 12;

/// Does one action on the database that the arguments name.
///
/// # Errors
/// A database that cannot be used, or that this program must not touch; a migration that failed.
pub async fn migrate(arguments: Migrate) -> Result<(), CliError> {
    if let MigrateAction::New { name } = &arguments.action {
        return files::create(name, arguments.dry_run);
    }
    let location = Location::chosen(&arguments.database)?;
    let writes = matches!(arguments.action, MigrateAction::Up { .. } | MigrateAction::Stamp { .. });
    let makes = writes && !arguments.dry_run;
    state_dir::keep_new_files_private();
    if makes && arguments.database.database.is_none() {
        state_dir::create(&arguments.database.state_dir)?;
    }
    let database = if makes { location.open()? } else { location.open_existing()? };
    let session = Session {
        dry_run: arguments.dry_run,
        migrations: Migrations::embedded(),
        now: Clock::system().now(),
        location,
        database,
    };
    match arguments.action {
        MigrateAction::Up { count } => session.up(count.map_or(Amount::All, Amount::Some)).await,
        MigrateAction::Down { all: true, yes, .. } => session.down(Amount::All, yes).await,
        MigrateAction::Down { count, yes, .. } => session.down(Amount::Some(count), yes).await,
        MigrateAction::Status => session.status().await,
        MigrateAction::History => session.history().await,
        MigrateAction::Stamp { version } => session.stamp(version).await,
        MigrateAction::New { .. } => Ok(()),
    }
}

/// One action on one database.
struct Session {
    dry_run: bool,
    migrations: Migrations,
    now: UnixMillis,
    location: Location,
    database: Database,
}

impl Session {
    async fn up(&self, amount: Amount) -> Result<(), CliError> {
        let plan = self.plan(Direction::Up, amount).await?;
        if self.dry_run {
            show(&plan);
            return Ok(());
        }
        // One by one, so that what is done is shown even when a later one fails.
        for _ in &plan {
            let applied = self.migrations.up(&self.database, Amount::Some(1), self.now.0).await;
            for migration in applied.map_err(|error| self.failed(error))? {
                let (version, name) = (migration.version, migration.name);
                terminal::result(format_args!("applied     {version:04}  {name}"));
            }
        }
        self.status().await
    }

    async fn down(&self, amount: Amount, yes: bool) -> Result<(), CliError> {
        let plan = self.plan(Direction::Down, amount).await?;
        if self.dry_run {
            show(&plan);
            return Ok(());
        }
        if !plan.is_empty() && !yes && terminal::can_ask() {
            let (count, location) = (plan.len(), &self.location);
            let question = format!(
                "Take back {count} of the migrations of {location}? What only they hold is lost."
            );
            if !terminal::ask(&question) {
                return Err(CliError::NotConfirmed);
            }
        }
        for _ in &plan {
            let reverted = self.migrations.down(&self.database, Amount::Some(1)).await;
            for migration in reverted.map_err(|error| self.failed(error))? {
                let (version, name) = (migration.version, migration.name);
                terminal::result(format_args!("taken back  {version:04}  {name}"));
            }
        }
        self.status().await
    }

    async fn status(&self) -> Result<(), CliError> {
        let status = self.migrations.status(&self.database).await;
        let Status { version, known } = status.map_err(|error| self.failed(error))?;
        let pending = match known - version {
            0 => "up to date".to_owned(),
            pending => format!("{pending} pending"),
        };
        terminal::result(format_args!("database    {}{}", self.location, self.absent()));
        terminal::result(format_args!("version     {version:04} of {known:04}, {pending}"));
        Ok(())
    }

    async fn history(&self) -> Result<(), CliError> {
        let history = self.migrations.history(&self.database).await;
        let history = history.map_err(|error| self.failed(error))?;
        let width = history.iter().map(|entry| name(entry).len()).max().unwrap_or_default().max(4);
        terminal::result(format_args!(
            "version  {:<width$}  {:<24}  checksum",
            "name", "applied at"
        ));
        for entry in &history {
            let applied_at = entry
                .applied
                .as_ref()
                .map_or("pending".to_owned(), |record| UnixMillis(record.applied_at).to_string());
            let checksum: String = checksum(entry).chars().take(CHECKSUM_CHARS).collect();
            let remark = match entry {
                Entry { migration: None, .. } => "  unknown here",
                entry if entry.is_edited() => "  edited since",
                _ => "",
            };
            terminal::result(format_args!(
                "{:04}     {:<width$}  {applied_at:<24}  {checksum}{remark}",
                entry.version,
                name(entry)
            ));
        }
        Ok(())
    }

    async fn stamp(&self, version: u32) -> Result<(), CliError> {
        if self.dry_run {
            // The same refusal as without it, and nothing else to show.
            let known = self.migrations.newest();
            if known < version {
                return Err(self.failed(MigrationError::Unknown { version, known }));
            }
            terminal::result(format_args!("would record version {version:04} as applied"));
            return Ok(());
        }
        let stamped = self.migrations.stamp(&self.database, version, self.now.0).await;
        stamped.map_err(|error| self.failed(error))?;
        self.status().await
    }

    async fn plan(&self, direction: Direction, amount: Amount) -> Result<Vec<Step>, CliError> {
        let plan = self.migrations.plan(&self.database, direction, amount).await;
        plan.map_err(|error| self.failed(error))
    }

    fn failed(&self, source: MigrationError) -> CliError {
        CliError::Migration { database: self.location.to_string(), source }
    }

    fn absent(&self) -> &'static str {
        if self.location.exists() { "" } else { " (does not exist yet)" }
    }
}

/// Writes a plan as the SQL that would run.
fn show(plan: &[Step]) {
    if plan.is_empty() {
        terminal::result(format_args!("-- nothing to do"));
    }
    for step in plan {
        let direction = match step.direction {
            Direction::Up => "up",
            Direction::Down => "down",
        };
        let mut script = format!(
            "-- {:04} {} {direction}, in one transaction with its record",
            step.migration.version, step.migration.name
        );
        for statement in step.statements() {
            // Writing to a String cannot fail.
            let _ = write!(script, "\n{statement};");
        }
        terminal::result(format_args!("{script}\n"));
    }
}

fn name(entry: &Entry) -> &str {
    match (&entry.migration, &entry.applied) {
        (Some(migration), _) => migration.name,
        (None, Some(record)) => &record.name,
        (None, None) => "",
    }
}

fn checksum(entry: &Entry) -> &str {
    match (&entry.applied, &entry.migration) {
        (Some(record), _) => &record.checksum,
        (None, Some(migration)) => migration.checksum,
        (None, None) => "",
    }
}
