use engine::{EngineError, Options, Value};
use tokio::task::JoinSet;

use crate::fixture::{assert_sqlite, count, file, integer, run, text, value};

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_writers_share_commits_and_nobodys_failure_hurts_others() {
    let file = file(Options::default()).await;
    let mut writers = JoinSet::new();
    for writer in 0..64_i64 {
        let engine = file.engine.clone();
        writers.spawn(async move {
            let mut refused = 0;
            for number in 0..50_i64 {
                // Every tenth statement runs into the uniqueness of the name of writer 0's rows.
                let name =
                    if number % 10 == 9 { "0-0".to_owned() } else { format!("{writer}-{number}") };
                let sql = "INSERT INTO t (name) VALUES (?1)";
                match engine.execute(sql, vec![Value::Text(name.clone())]).await {
                    Ok(result) => assert_eq!(result.changes, 1),
                    Err(error) => {
                        assert_eq!(error.to_string(), "UNIQUE constraint failed: t.name");
                        refused += 1;
                        continue;
                    }
                }
                // Read your writes, on another connection.
                let sql = "SELECT count(*) FROM t WHERE name = ?1";
                let found = engine.execute(sql, vec![Value::Text(name)]).await.expect("a read");
                assert_eq!(found.rows, [[Value::Integer(1)]]);
            }
            refused
        });
    }
    let refused: i64 = writers.join_all().await.into_iter().sum();
    assert_eq!(count(&file.engine).await, 64 * 50 - refused);
    // Before writer 0 has written its first row, one other writer may take its name.
    assert!((64 * 5 - 1..=64 * 5 + 1).contains(&refused), "{refused} refusals");
    let metrics = file.engine.metrics();
    assert!(metrics.groups * 4 < metrics.grouped, "no groups: {metrics:?}");
    assert_eq!(metrics.group_sizes.iter().sum::<u64>(), metrics.groups);
}

#[tokio::test]
async fn a_batch_takes_effect_whole_or_not_at_all() {
    let file = file(Options::default()).await;
    let insert =
        |name: &str| ("INSERT INTO t (name) VALUES (?1) RETURNING id".to_owned(), vec![text(name)]);
    let results = file.engine.batch(vec![insert("a"), insert("b")]).await.expect("a batch");
    assert_eq!(results[1].rows, [[Value::Integer(2)]]);
    let failed = file.engine.batch(vec![insert("c"), insert("a"), insert("d")]).await;
    assert_sqlite(failed, 2067, "UNIQUE constraint failed: t.name");
    assert_eq!(count(&file.engine).await, 2);
    assert_eq!(file.engine.batch(vec![]).await.expect("nothing to do").len(), 0);
    // A later statement may use what an earlier one makes, and all of it goes if the last one fails.
    let create = ("CREATE TABLE u (x UNIQUE)".to_owned(), vec![]);
    let use_it = ("INSERT INTO u VALUES (1)".to_owned(), vec![]);
    let twice = vec![create.clone(), use_it.clone(), use_it.clone()];
    assert_sqlite(file.engine.batch(twice).await, 2067, "UNIQUE constraint failed: u.x");
    assert_sqlite(file.engine.execute("SELECT * FROM u", vec![]).await, 1, "no such table: u");
    file.engine.batch(vec![create, use_it]).await.expect("a table with a row");
}

#[tokio::test]
async fn an_insert_that_fails_half_way_leaves_nothing_even_with_or_fail() {
    let file = file(Options::default()).await;
    run(&file.engine, "INSERT INTO t (name) VALUES ('b')").await;
    for clause in ["", "OR FAIL", "OR ABORT", "OR ROLLBACK"] {
        let sql = format!("INSERT {clause} INTO t (name) VALUES ('a'), ('b'), ('c')");
        let failed = file.engine.execute(sql, vec![]).await;
        assert_sqlite(failed, 2067, "UNIQUE constraint failed: t.name");
        assert_eq!(count(&file.engine).await, 1, "after {clause}");
    }
}

/// Fills the writer's queue while a session holds the writer, so that what follows is one group.
async fn as_one_group(
    file: &crate::fixture::File,
    statements: &[&str],
) -> Vec<Result<u64, EngineError>> {
    let session = file.engine.session();
    session.execute("BEGIN", vec![]).await.expect("the writer");
    let mut tasks = Vec::new();
    for sql in statements {
        let (engine, sql) = (file.engine.clone(), (*sql).to_owned());
        tasks.push(tokio::spawn(async move {
            engine.execute(sql, vec![]).await.map(|result| result.changes)
        }));
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    session.execute("ROLLBACK", vec![]).await.expect("a rollback");
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.expect("a task"));
    }
    results
}

#[tokio::test]
async fn a_trigger_that_rolls_everything_back_hurts_only_its_own_statement() {
    let file = file(Options::default()).await;
    run(
        &file.engine,
        "CREATE TRIGGER bad AFTER INSERT ON t WHEN new.name = 'bad' BEGIN SELECT RAISE(ROLLBACK, 'out with it'); END",
    )
    .await;
    let statements = [
        "INSERT INTO t (name) VALUES ('before')",
        "INSERT INTO t (name) VALUES ('bad')",
        "INSERT INTO t (name) VALUES ('after')",
    ];
    let results = as_one_group(&file, &statements).await;
    assert_eq!(results[0], Ok(1));
    assert_eq!(results[1].clone().expect_err("rolled back").to_string(), "out with it");
    assert_eq!(results[2], Ok(1));
    assert_eq!(count(&file.engine).await, 2);
    assert_eq!(file.engine.metrics().replays, 1);
}

#[tokio::test]
async fn a_deferred_foreign_key_fails_its_own_statement_and_not_the_group() {
    let file = file(Options::default()).await;
    run(
        &file.engine,
        "CREATE TABLE child (t_id INTEGER REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)",
    )
    .await;
    let statements = [
        "INSERT INTO t (id, name) VALUES (1, 'one')",
        "INSERT INTO child VALUES (99)",
        "INSERT INTO child VALUES (1)",
        "INSERT INTO t (id, name) VALUES (2, 'two')",
    ];
    let results = as_one_group(&file, &statements).await;
    assert_eq!((&results[0], &results[2], &results[3]), (&Ok(1), &Ok(1), &Ok(1)));
    assert_sqlite(results[1].clone(), 787, "FOREIGN KEY constraint failed");
    assert_eq!(value(&file.engine, "SELECT count(*) FROM child").await, Value::Integer(1));
    assert_eq!(count(&file.engine).await, 2);

    let broken = vec![("INSERT INTO child VALUES (7)".to_owned(), vec![])];
    assert_sqlite(file.engine.batch(broken).await, 787, "FOREIGN KEY constraint failed");
    let mended = ["INSERT INTO child VALUES (7)", "INSERT INTO t (id) VALUES (7)"];
    let mended = mended.map(|sql| (sql.to_owned(), vec![])).to_vec();
    file.engine.batch(mended).await.expect("whole at its end");
}

#[tokio::test]
async fn foreign_keys_may_be_postponed_for_one_batch() {
    let file = file(Options::default()).await;
    run(&file.engine, "CREATE TABLE child (t_id INTEGER REFERENCES t (id))").await;
    let batch = |last: &str| {
        ["PRAGMA defer_foreign_keys = ON", "INSERT INTO child VALUES (1)", last]
            .map(|sql| (sql.to_owned(), vec![]))
            .to_vec()
    };
    file.engine.batch(batch("INSERT INTO t (id) VALUES (1)")).await.expect("whole at its end");
    let broken = file.engine.batch(batch("DELETE FROM t")).await;
    assert_sqlite(broken, 787, "FOREIGN KEY constraint failed");
    let direct = file.engine.execute("INSERT INTO child VALUES (5)", vec![]).await;
    assert_sqlite(direct, 787, "FOREIGN KEY constraint failed");
}

#[tokio::test]
async fn a_full_file_is_told_as_full_and_room_heals_it() {
    let file = file(Options { pages_max: Some(64), ..Options::default() }).await;
    let mut written = 0_i64;
    let error = loop {
        match file
            .engine
            .execute("INSERT INTO t (name) VALUES (hex(randomblob(5000)))", vec![])
            .await
        {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 1000, "the file never fills");
    };
    assert_eq!(error, EngineError::Full);
    assert_eq!(count(&file.engine).await, written);
    let more = file.engine.execute("PRAGMA max_page_count = 100000", vec![]).await;
    assert!(matches!(more, Err(EngineError::Denied { .. })), "{more:?}");
    run(&file.engine, "DELETE FROM t").await;
    run(&file.engine, "INSERT INTO t (name) VALUES ('room again')").await;
    let check = value(&file.engine, "PRAGMA integrity_check").await;
    assert_eq!((check, count(&file.engine).await), (text("ok"), 1));
}

#[tokio::test]
async fn an_application_may_limit_its_own_database() {
    let file = file(Options::default()).await;
    let session = file.engine.session();
    session.execute("PRAGMA max_page_count = 20", vec![]).await.expect("a limit");
    let error = session.execute("INSERT INTO t (name) VALUES (zeroblob(1000000))", vec![]).await;
    assert_eq!(error.expect_err("no room"), EngineError::Full);
    assert_eq!(value(&file.engine, "PRAGMA max_page_count").await, Value::Integer(20));
}

#[tokio::test]
async fn a_dropped_write_runs_whole_and_the_next_one_is_not_disturbed() {
    let file = file(Options::default()).await;
    for round in 0..200 {
        let both =
            ["INSERT INTO t (name) VALUES ('x' || ?1)", "INSERT INTO t (name) VALUES ('y' || ?1)"];
        let both = both.map(|sql| (sql.to_owned(), vec![Value::Integer(round)])).to_vec();
        let write = file.engine.batch(both);
        drop(
            tokio::time::timeout(
                std::time::Duration::from_micros(20 * (u64::try_from(round).expect("small"))),
                write,
            )
            .await,
        );
    }
    run(&file.engine, "DELETE FROM t WHERE 0").await;
    let halves =
        "SELECT count(*) FROM (SELECT substr(name, 2) FROM t GROUP BY 1 HAVING count(*) <> 2)";
    assert_eq!(integer(&value(&file.engine, halves).await), 0);
}

/// Whoever is told of a conflict finds what it is a conflict with: the refusal does not overtake the commit of the other's row.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_after_the_commit_of_what_it_is_about() {
    let file = file(Options::default()).await;
    for round in 0..200_i64 {
        let mut writers = JoinSet::new();
        for writer in 0..16 {
            let engine = file.engine.clone();
            writers.spawn(async move {
                let name = Value::Text(format!("round {round}"));
                let insert = "INSERT INTO t (name) VALUES (?1)";
                let refused = if writer % 2 == 0 {
                    engine.execute(insert, vec![name.clone()]).await.is_err()
                } else {
                    let session = engine.session();
                    session.execute("BEGIN", vec![]).await.expect("the writer");
                    let refused = session.execute(insert, vec![name.clone()]).await.is_err();
                    let end = if refused { "ROLLBACK" } else { "COMMIT" };
                    session.execute(end, vec![]).await.expect(end);
                    refused
                };
                let sql = "SELECT count(*) FROM t WHERE name = ?1";
                let found = engine.execute(sql, vec![name]).await.expect("a read");
                assert_eq!(found.rows, [[Value::Integer(1)]], "round {round}, writer {writer}");
                refused
            });
        }
        let refusals = writers.join_all().await.into_iter().filter(|refused| *refused).count();
        assert_eq!(refusals, 15);
    }
}
