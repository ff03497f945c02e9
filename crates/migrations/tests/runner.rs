//! Applying and taking back, with lists of migrations made for the purpose.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use std::collections::BTreeMap;

use database::{Database, DatabaseError, Statement};
use migrations::{Amount, Direction, Migration, MigrationError, Migrations, Status, schema_hash};

const NOW_MS: i64 = 1_767_225_600_000;

const ACCOUNT: Migration = Migration {
    version: 1,
    name: "account_create",
    up: &[
        "CREATE TABLE account (id TEXT PRIMARY KEY, n INTEGER NOT NULL DEFAULT 0) STRICT",
        "CREATE INDEX account_n ON account (n)",
    ],
    down: &["DROP TABLE account"],
    checksum: "a1",
};
const MESSAGE: Migration = Migration {
    version: 2,
    name: "message_create",
    up: &[
        "CREATE TABLE message (id TEXT PRIMARY KEY, account_id TEXT NOT NULL REFERENCES account ON DELETE CASCADE) STRICT",
        "CREATE TRIGGER message_count AFTER INSERT ON message BEGIN UPDATE account SET n = n + 1 WHERE id = NEW.account_id; END",
        "CREATE VIRTUAL TABLE message_search USING fts5(text)",
    ],
    down: &["DROP TABLE message_search", "DROP TABLE message"],
    checksum: "a2",
};
const TITLE: Migration = Migration {
    version: 3,
    name: "message_title",
    up: &["ALTER TABLE message ADD COLUMN title TEXT NOT NULL DEFAULT ''"],
    down: &["ALTER TABLE message DROP COLUMN title"],
    checksum: "a3",
};
const ALL: &[Migration] = &[ACCOUNT, MESSAGE, TITLE];

fn list(migrations: &'static [Migration]) -> Migrations {
    Migrations::new(migrations).unwrap()
}

fn versions(migrations: &[&Migration]) -> Vec<u32> {
    migrations.iter().map(|migration| migration.version).collect()
}

async fn recorded(database: &Database) -> Vec<u32> {
    let history = list(&[]).history(database).await.unwrap();
    history.into_iter().filter(|entry| entry.applied.is_some()).map(|entry| entry.version).collect()
}

#[test]
fn a_list_with_a_gap_is_refused() {
    assert!(matches!(
        Migrations::new(&[ACCOUNT, TITLE]),
        Err(MigrationError::Misnumbered { found: 3, expected: 2 })
    ));
}

#[tokio::test]
async fn a_newer_database_is_refused_and_left_alone() {
    let database = Database::in_memory().unwrap();
    list(ALL).ensure(&database, NOW_MS).await.unwrap();
    let before = schema_hash(&database).await.unwrap();

    let older = list(&[ACCOUNT, MESSAGE]);
    for refused in [
        older.ensure(&database, NOW_MS).await.map(drop),
        older.up(&database, Amount::All, NOW_MS).await.map(drop),
        older.down(&database, Amount::All).await.map(drop),
        older.check(&database).await,
        older.status(&database).await.map(drop),
    ] {
        assert!(
            matches!(refused, Err(MigrationError::Newer { found: 3, known: 2 })),
            "{refused:?}"
        );
    }
    assert_eq!(schema_hash(&database).await.unwrap(), before);
    assert_eq!(recorded(&database).await, [1, 2, 3]);
}

#[tokio::test]
async fn an_edited_migration_is_refused_until_it_is_stamped() {
    const EDITED: &[Migration] = &[ACCOUNT, Migration { checksum: "b2", ..MESSAGE }, TITLE];
    let database = Database::in_memory().unwrap();
    list(&[ACCOUNT, MESSAGE]).ensure(&database, NOW_MS).await.unwrap();

    let edited = list(EDITED);
    let refused = edited.ensure(&database, NOW_MS).await;
    assert!(matches!(refused, Err(MigrationError::Edited { version: 2, .. })), "{refused:?}");
    assert_eq!(recorded(&database).await, [1, 2]);
    let history = edited.history(&database).await.unwrap();
    assert_eq!(
        history.iter().map(migrations::Entry::is_edited).collect::<Vec<_>>(),
        [false, true, false]
    );

    edited.stamp(&database, 2, NOW_MS + 1).await.unwrap();
    assert_eq!(versions(&edited.up(&database, Amount::All, NOW_MS).await.unwrap()), [3]);
}

#[tokio::test]
async fn a_gap_in_the_record_is_refused() {
    let database = Database::in_memory().unwrap();
    list(ALL).ensure(&database, NOW_MS).await.unwrap();
    let delete = Statement::new("DELETE FROM schema_migration WHERE version = 2");
    database.query(delete).await.unwrap();
    let refused = list(ALL).ensure(&database, NOW_MS).await;
    assert!(matches!(refused, Err(MigrationError::Gap { missing: 2, newest: 3 })), "{refused:?}");
}

#[tokio::test]
async fn a_failure_at_any_statement_leaves_nothing_of_its_migration() {
    let good: Vec<&'static str> =
        [MESSAGE.up, &["INSERT INTO account (id) VALUES ('acct')"]].concat();
    for position in 0..=good.len() {
        let mut up = good.clone();
        up.insert(position, "INSERT INTO account (id, n) VALUES ('broken', NULL)");
        let broken = Migration { up: up.leak(), ..MESSAGE };
        let broken = list(vec![ACCOUNT, broken, TITLE].leak());

        let database = Database::in_memory().unwrap();
        list(&[ACCOUNT]).ensure(&database, NOW_MS).await.unwrap();
        let before = schema_hash(&database).await.unwrap();
        let failure = broken.ensure(&database, NOW_MS).await.unwrap_err();
        assert!(
            matches!(
                failure,
                MigrationError::Failed {
                    version: 2,
                    direction: Direction::Up,
                    source: DatabaseError::Constraint { .. },
                    ..
                }
            ),
            "{failure:?}"
        );
        assert_eq!(schema_hash(&database).await.unwrap(), before, "at statement {position}");
        assert_eq!(recorded(&database).await, [1], "at statement {position}");
        let rows = database.query(Statement::new("SELECT id FROM account")).await.unwrap();
        assert!(rows.is_empty(), "at statement {position}");

        // The same database goes on as soon as the migration is right.
        list(ALL).ensure(&database, NOW_MS).await.unwrap();
        assert_eq!(recorded(&database).await, [1, 2, 3]);
    }
}

#[tokio::test]
async fn a_failing_down_leaves_its_migration_in_place() {
    const BROKEN: &[Migration] = &[
        ACCOUNT,
        Migration { down: &["DROP TABLE message_search", "DROP TABLE nothing"], ..MESSAGE },
    ];
    let database = Database::in_memory().unwrap();
    list(BROKEN).ensure(&database, NOW_MS).await.unwrap();
    let before = schema_hash(&database).await.unwrap();
    let failure = list(BROKEN).down(&database, Amount::All).await.unwrap_err();
    assert_eq!(failure.to_string(), "migration 0002 message_create could not be taken back");
    assert_eq!(schema_hash(&database).await.unwrap(), before);
    assert_eq!(recorded(&database).await, [1, 2]);
}

#[tokio::test]
async fn down_takes_back_what_up_made() {
    let database = Database::in_memory().unwrap();
    let migrations = list(ALL);
    let empty = schema_hash(&database).await.unwrap();

    assert_eq!(versions(&migrations.up(&database, Amount::Some(1), NOW_MS).await.unwrap()), [1]);
    assert_eq!(versions(&migrations.up(&database, Amount::All, NOW_MS).await.unwrap()), [2, 3]);
    assert_eq!(versions(&migrations.up(&database, Amount::All, NOW_MS).await.unwrap()), [0; 0]);
    assert_eq!(migrations.status(&database).await.unwrap(), Status { version: 3, known: 3 });
    let full = schema_hash(&database).await.unwrap();
    assert_ne!(full, empty);

    assert_eq!(versions(&migrations.down(&database, Amount::Some(2)).await.unwrap()), [3, 2]);
    assert_eq!(versions(&migrations.down(&database, Amount::All).await.unwrap()), [1]);
    assert_eq!(schema_hash(&database).await.unwrap(), empty);
    assert_eq!(recorded(&database).await, [0; 0]);

    migrations.up(&database, Amount::All, NOW_MS).await.unwrap();
    assert_eq!(schema_hash(&database).await.unwrap(), full);
}

#[tokio::test]
async fn a_plan_changes_nothing() {
    let database = Database::in_memory().unwrap();
    let plan = list(ALL).plan(&database, Direction::Up, Amount::Some(2)).await.unwrap();
    assert_eq!(plan.iter().map(|step| step.migration.version).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(plan[0].statements(), ACCOUNT.up);
    let tables = database.query(Statement::new("SELECT name FROM sqlite_master")).await.unwrap();
    assert!(tables.is_empty());
}

#[tokio::test]
async fn check_asks_for_pending_migrations_and_applies_none() {
    let database = Database::in_memory().unwrap();
    let refused = list(ALL).check(&database).await;
    assert!(matches!(refused, Err(MigrationError::Pending { found: 0, known: 3 })), "{refused:?}");
    list(ALL).ensure(&database, NOW_MS).await.unwrap();
    list(ALL).check(&database).await.unwrap();
}

#[tokio::test]
async fn stamp_records_and_runs_nothing() {
    let database = Database::in_memory().unwrap();
    let empty = schema_hash(&database).await.unwrap();
    let migrations = list(ALL);
    migrations.stamp(&database, 2, NOW_MS).await.unwrap();
    assert_eq!(recorded(&database).await, [1, 2]);
    migrations.stamp(&database, 3, NOW_MS + 5).await.unwrap();
    let history = migrations.history(&database).await.unwrap();
    let applied_at: BTreeMap<u32, i64> = history
        .iter()
        .filter_map(|entry| Some((entry.version, entry.applied.as_ref()?.applied_at)))
        .collect();
    // A version that was recorded already keeps its time.
    assert_eq!(applied_at, BTreeMap::from([(1, NOW_MS), (2, NOW_MS), (3, NOW_MS + 5)]));
    migrations.stamp(&database, 0, NOW_MS).await.unwrap();
    assert_eq!(recorded(&database).await, [0; 0]);
    assert_eq!(schema_hash(&database).await.unwrap(), empty);

    let refused = migrations.stamp(&database, 4, NOW_MS).await;
    assert!(
        matches!(refused, Err(MigrationError::Unknown { version: 4, known: 3 })),
        "{refused:?}"
    );
}

/// A list whose migrations fail when they run twice or out of order.
fn chain(length: u32) -> Migrations {
    let leak = |sql: String| -> &'static [&'static str] { vec![&*sql.leak()].leak() };
    let migrations: Vec<Migration> = (1..=length)
        .map(|version| Migration {
            version,
            name: "link_add",
            up: leak(match version {
                1 => "CREATE TABLE link_1 (n INTEGER) STRICT".to_owned(),
                _ => format!("ALTER TABLE link_{} RENAME TO link_{version}", version - 1),
            }),
            down: leak(match version {
                1 => "DROP TABLE link_1".to_owned(),
                _ => format!("ALTER TABLE link_{version} RENAME TO link_{}", version - 1),
            }),
            checksum: "c",
        })
        .collect();
    Migrations::new(migrations.leak()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_runners_at_once_each_migration_has_one() {
    const RUNNERS: usize = 16;
    let migrations = chain(12);
    let directory = tempfile::tempdir().unwrap();
    let shared = Database::in_memory().unwrap();
    // One engine with many callers, as within one host; and many engines on one file, as hosts and commands beside each other.
    let own = |_| Database::open(&directory.path().join("own.db")).unwrap();
    for databases in [vec![shared; RUNNERS], (0..RUNNERS).map(own).collect::<Vec<_>>()] {
        let runs: Vec<_> = databases
            .iter()
            .cloned()
            .map(|database| {
                tokio::spawn(async move { migrations.up(&database, Amount::All, NOW_MS).await })
            })
            .collect();
        let mut applied = Vec::new();
        for run in runs {
            applied.extend(versions(&run.await.unwrap().unwrap()));
        }
        applied.sort_unstable();
        assert_eq!(applied, (1..=12).collect::<Vec<_>>());
        assert_eq!(recorded(&databases[0]).await, applied);

        let runs: Vec<_> = databases
            .iter()
            .cloned()
            .map(|database| {
                tokio::spawn(async move { migrations.down(&database, Amount::All).await })
            })
            .collect();
        let mut reverted = Vec::new();
        for run in runs {
            reverted.extend(versions(&run.await.unwrap().unwrap()));
        }
        reverted.sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!(reverted, (1..=12).rev().collect::<Vec<_>>());
        assert_eq!(recorded(&databases[0]).await, [0; 0]);
    }
}
