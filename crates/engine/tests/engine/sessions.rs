use engine::{Options, Value};

use crate::fixture::{file, run};

#[tokio::test]
async fn each_session_has_its_own_last_rowid_and_changes() {
    let file = file(Options::default()).await;
    let (one, two) = (file.engine.session(), file.engine.session());
    assert_eq!((one.last_insert_rowid(), one.changes()), (0, 0));
    one.execute("INSERT INTO t (id) VALUES (10), (11)", vec![]).await.expect("an insert");
    two.execute("INSERT INTO t (id) VALUES (500)", vec![]).await.expect("an insert");
    assert_eq!((one.last_insert_rowid(), one.changes()), (11, 2));
    assert_eq!((two.last_insert_rowid(), two.changes()), (500, 1));

    let asked = one.execute("SELECT last_insert_rowid()", vec![]).await.expect("a read");
    assert_eq!(asked.rows, [[Value::Integer(11)]]);
    run(&file.engine, "CREATE TABLE child (t_id INTEGER)").await;
    one.execute("INSERT INTO child VALUES (last_insert_rowid())", vec![]).await.expect("an insert");
    assert_eq!(run(&file.engine, "SELECT t_id FROM child").await.rows, [[Value::Integer(11)]]);

    // Statements that insert nothing leave it alone, though the shared connection has moved on.
    two.execute("INSERT INTO t (id) VALUES (900)", vec![]).await.expect("an insert");
    let rowid_before = one.last_insert_rowid();
    one.execute("UPDATE t SET name = id", vec![]).await.expect("an update");
    let upsert = "INSERT INTO t (id) VALUES (900) ON CONFLICT DO UPDATE SET name = 'again'";
    one.execute(upsert, vec![]).await.expect("an upsert");
    one.execute("INSERT OR IGNORE INTO t (id) VALUES (900)", vec![]).await.expect("nothing to do");
    assert_eq!((one.last_insert_rowid(), one.changes()), (rowid_before, 0));
    let read = one.execute("SELECT 1", vec![]).await.expect("a read");
    assert_eq!(read.last_insert_rowid, rowid_before);
}

#[tokio::test]
async fn the_functions_tell_the_truth_inside_transactions_and_batches() {
    let file = file(Options::default()).await;
    run(&file.engine, "INSERT INTO t (id) VALUES (77)").await;
    let session = file.engine.session();
    session.execute("INSERT INTO t (id) VALUES (5)", vec![]).await.expect("an insert");
    run(&file.engine, "INSERT INTO t (id) VALUES (78)").await;
    session.execute("BEGIN", vec![]).await.expect("the writer");
    let kept = session.execute("SELECT last_insert_rowid()", vec![]).await.expect("a read");
    assert_eq!(kept.rows, [[Value::Integer(5)]]);
    session.execute("UPDATE t SET name = id", vec![]).await.expect("an update");
    let changes = session.execute("SELECT changes()", vec![]).await.expect("a read");
    assert_eq!(changes.rows, [[Value::Integer(3)]]);
    session.execute("COMMIT", vec![]).await.expect("a commit");

    let batch = ["INSERT INTO t (id) VALUES (40)", "SELECT last_insert_rowid(), changes()"];
    let results = file.engine.batch(batch.map(|sql| (sql.to_owned(), vec![])).to_vec()).await;
    let expected = [Value::Integer(40), Value::Integer(1)];
    assert_eq!(results.expect("a batch")[1].rows, [expected]);
}
