//! Every body gives the same answers and the same errors: a file, memory, and a server that speaks Hrana.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::future::Future;

use database::{ConstraintKind, Database, DatabaseError, Statement, Value};
use testing::HranaServer;

const TABLE: &str = "CREATE TABLE thing (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    size INTEGER CONSTRAINT thing_size CHECK (0 < size),
    other INTEGER REFERENCES thing (id)
) STRICT";

/// Runs a scenario on each body, with `thing` made and empty.
async fn on_each_body<F: Future<Output = ()>>(scenario: impl Fn(Database) -> F) {
    let folder = tempfile::tempdir().unwrap();
    let server = HranaServer::start(testing::HranaOptions::default()).await.unwrap();
    for database in [
        Database::in_memory().unwrap(),
        Database::open(&folder.path().join("file.db")).unwrap(),
        Database::remote(&server.url(), Some(&server.token().unwrap())).unwrap(),
    ] {
        database.query(Statement::new(TABLE)).await.unwrap();
        scenario(database).await;
    }
}

fn insert(id: i64, name: &str) -> Statement {
    Statement::new("INSERT INTO thing (id, name) VALUES (?1, ?2) RETURNING id").bind(id).bind(name)
}

async fn count(database: &Database) -> i64 {
    let rows = database.query(Statement::new("SELECT count(*) AS n FROM thing")).await.unwrap();
    rows.first().unwrap().get("n").unwrap()
}

#[tokio::test]
async fn a_failing_batch_leaves_nothing() {
    on_each_body(async |database| {
        let failed = database.batch(vec![insert(1, "one"), insert(2, "one")]).await.unwrap_err();
        assert!(failed.is_unique("thing.name"), "{failed:?}");
        assert_eq!(count(&database).await, 0);

        let results = database.batch(vec![insert(1, "one"), insert(2, "two")]).await.unwrap();
        let ids: Vec<i64> =
            results.iter().map(|rows| rows.first().unwrap().get("id").unwrap()).collect();
        assert_eq!(ids, [1, 2]);
        assert_eq!(count(&database).await, 2);
    })
    .await;
}

#[tokio::test]
async fn the_schema_s_rules_are_named() {
    on_each_body(async |database| {
        database.query(insert(1, "one")).await.unwrap();
        for (sql, kind, subject) in [
            ("INSERT INTO thing (id, name) VALUES (1, 'x')", ConstraintKind::Unique, "thing.id"),
            ("UPDATE thing SET size = 0", ConstraintKind::Check, "thing_size"),
            ("UPDATE thing SET name = NULL", ConstraintKind::NotNull, "thing.name"),
            ("UPDATE thing SET other = 9", ConstraintKind::ForeignKey, ""),
        ] {
            let error = database.query(Statement::new(sql)).await.unwrap_err();
            let DatabaseError::Constraint { kind: found, subject: named } = &error else {
                panic!("{sql}: {error:?}");
            };
            assert_eq!((*found, named.as_str()), (kind, subject), "{sql}");
        }
        let error =
            database.query(Statement::new("UPDATE thing SET size = 'many'")).await.unwrap_err();
        assert!(
            matches!(error, DatabaseError::Constraint { kind: ConstraintKind::DataType, .. }),
            "{error:?}"
        );
        let error = database.query(Statement::new("SELECT * FROM nothing")).await.unwrap_err();
        assert!(matches!(error, DatabaseError::Statement { .. }), "{error:?}");
    })
    .await;
}

#[tokio::test]
async fn values_come_back_as_they_were_bound() {
    on_each_body(async |database| {
        let values = [
            Value::Null,
            Value::Integer(i64::MIN),
            Value::Integer(i64::MAX),
            Value::Real(-0.1),
            Value::Text("a\0b 🧵".to_owned()),
            Value::Text(String::new()),
            Value::Blob(vec![0, 255]),
            Value::Blob(Vec::new()),
        ];
        for value in values {
            let rows = database.query(Statement::new("SELECT ?1 AS v").bind(value.clone())).await;
            assert_eq!(rows.unwrap().first().unwrap().values(), [value]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_column_of_another_type_is_an_error_and_not_an_empty_value() {
    on_each_body(async |database| {
        let rows = database.query(Statement::new("SELECT 'text' AS v, NULL AS n")).await.unwrap();
        let row = rows.first().unwrap();
        assert!(matches!(row.get::<i64>("v"), Err(DatabaseError::Column { found: "TEXT", .. })));
        assert!(matches!(row.get::<String>("n"), Err(DatabaseError::Column { found: "NULL", .. })));
        assert!(matches!(
            row.get::<String>("w"),
            Err(DatabaseError::Column { found: "nothing", .. })
        ));
        assert_eq!(row.get::<Option<String>>("n").unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_away_is_unavailable() {
    let server = HranaServer::start(testing::HranaOptions::default()).await.unwrap();
    let database = Database::remote(&server.url(), Some(&server.token().unwrap())).unwrap();
    server.stop().await;
    let error = database.query(Statement::new("SELECT 1")).await.unwrap_err();
    assert!(matches!(error, DatabaseError::Unavailable(_)), "{error:?}");
}

#[test]
fn an_address_that_is_none_is_refused() {
    for url in ["", "ftp://host", "http://db.example.com", "libsql://user:password@host"] {
        let error = Database::remote(url, None).unwrap_err();
        assert!(matches!(error, DatabaseError::Address { .. }), "{url}: {error:?}");
    }
}
