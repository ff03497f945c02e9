use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use engine::{Engine, EngineError, Options};

use crate::fixture::{count, file, run, text, value};

fn refusal(path: &Path) -> String {
    Engine::open(path, Options::default()).expect_err("it must not open").to_string()
}

#[tokio::test]
async fn what_cannot_be_opened_is_refused_with_one_clear_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("nowhere/db");
    assert_eq!(
        refusal(&missing),
        format!(
            "cannot open the database {}: the folder {} does not exist",
            missing.display(),
            folder.path().join("nowhere").display()
        )
    );
    assert!(refusal(folder.path()).ends_with("it is a folder"), "{}", refusal(folder.path()));

    let note = folder.path().join("note.txt");
    fs::write(&note, "this is a note and no database").expect("a note");
    assert!(refusal(&note).contains("a file of another kind"), "{}", refusal(&note));
    assert_eq!(fs::read(&note).expect("the note"), b"this is a note and no database");

    let damaged = folder.path().join("damaged.db");
    let mut bytes = b"SQLite format 3\0".to_vec();
    bytes.resize(4096, 0xa5);
    fs::write(&damaged, &bytes).expect("a file");
    assert!(refusal(&damaged).contains("is not a database"), "{}", refusal(&damaged));
}

#[tokio::test]
async fn a_damaged_page_is_told_as_corrupt_and_does_not_panic() {
    let file = file(Options::default()).await;
    for _ in 0..50 {
        run(&file.engine, "INSERT INTO t (name) VALUES (hex(randomblob(2000)))").await;
    }
    file.engine.close().await.expect("closed");
    let mut bytes = fs::read(&file.path).expect("the file");
    bytes[8192..].fill(0x5a);
    fs::write(&file.path, &bytes).expect("the file");
    let engine = Engine::open(&file.path, Options::default()).expect("the first page is sound");
    let error =
        engine.execute("SELECT sum(length(name)) FROM t", vec![]).await.expect_err("damage");
    assert!(matches!(error, EngineError::Corrupt { .. }), "{error:?}");
}

#[tokio::test]
async fn a_new_file_is_its_owners_alone_and_durable_settings_hold() {
    let file = file(Options::default()).await;
    run(&file.engine, "INSERT INTO t (name) VALUES ('a')").await;
    for name in ["test.db", "test.db-wal", "test.db-shm"] {
        let mode = fs::metadata(file.path.with_file_name(name)).expect(name).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let session = file.engine.session();
    session.execute("BEGIN", vec![]).await.expect("the writer");
    for (pragma, expected) in [("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1")]
    {
        let result = session.execute(format!("PRAGMA {pragma}"), vec![]).await.expect(pragma);
        let shown = match &result.rows[0][0] {
            engine::Value::Text(text) => text.clone(),
            other => crate::fixture::integer(other).to_string(),
        };
        assert_eq!(shown, expected, "{pragma}");
    }
}

#[tokio::test]
async fn closing_empties_the_log_and_refuses_what_comes_later() {
    let file = file(Options::default()).await;
    run(&file.engine, "INSERT INTO t (name) VALUES ('a')").await;
    let clone = file.engine.clone();
    let session = file.engine.session();
    file.engine.close().await.expect("closed");
    clone.close().await.expect("closed already");
    let log = file.path.with_file_name("test.db-wal");
    assert!(!log.exists() || fs::metadata(&log).expect("the log").len() == 0);
    for result in [
        clone.execute("SELECT 1", vec![]).await,
        clone.execute("DELETE FROM t", vec![]).await,
        session.execute("BEGIN", vec![]).await,
    ] {
        assert_eq!(result.expect_err("closed"), EngineError::Closed);
    }
    let again = Engine::open(&file.path, Options::default()).expect("it opens again");
    assert_eq!(count(&again).await, 1);
}

#[tokio::test]
async fn closing_answers_what_is_queued_and_ends_streams() {
    let file = file(Options::default()).await;
    let endless =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    let mut stream = file.engine.session().stream(endless, vec![]).await.expect("a stream");
    let writes: Vec<_> = (0..50)
        .map(|_| {
            let engine = file.engine.clone();
            tokio::spawn(
                async move { engine.execute("INSERT INTO t DEFAULT VALUES", vec![]).await },
            )
        })
        .collect();
    tokio::task::yield_now().await;
    file.engine.close().await.expect("closed");
    let mut acknowledged = 0;
    for write in writes {
        match write.await.expect("a task") {
            Ok(_) => acknowledged += 1,
            Err(error) => assert_eq!(error, EngineError::Closed),
        }
    }
    let end = loop {
        match stream.next().await {
            Ok(Some(_)) => {}
            end => break end,
        }
    };
    assert_eq!(end, Err(EngineError::Closed));
    let again = Engine::open(&file.path, Options::default()).expect("it opens again");
    assert_eq!(count(&again).await, acknowledged);
}

#[tokio::test]
async fn databases_in_memory_are_private_and_leave_nothing() {
    let (one, two) = (Engine::in_memory(Options::default()), Engine::in_memory(Options::default()));
    let (one, two) = (one.expect("a database"), two.expect("a database"));
    run(&one, "CREATE TABLE t (name TEXT)").await;
    run(&one, "INSERT INTO t VALUES ('here')").await;
    assert_eq!(value(&one, "SELECT name FROM t").await, text("here"));
    let error = two.execute("SELECT name FROM t", vec![]).await.expect_err("another database");
    assert_eq!(error.to_string(), "no such table: t");
    let path = format!("{one:?}");
    let path = path.split('"').nth(1).expect("a path in the debug output").to_owned();
    assert!(Path::new(&path).exists());
    one.close().await.expect("closed");
    for _ in 0..3000 {
        if !Path::new(&path).exists() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{path} is still there");
}
