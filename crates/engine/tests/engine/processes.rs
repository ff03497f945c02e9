//! Other processes at the same file: this test binary, started again.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use engine::{Engine, EngineError, Options};

use crate::fixture::{count, file, run};

const PATH: &str = "ENGINE_TEST_PATH";
const HOLD_MILLISECONDS: &str = "ENGINE_TEST_HOLD_MILLISECONDS";

/// Starts this binary again to run one test, with the database's path in its environment.
pub fn start(test: &str, path: &Path, variables: &[(&str, String)]) -> Child {
    Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(PATH, path)
        .envs(variables.iter().map(|(name, value)| (*name, value)))
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child process")
}

/// The path that the parent gave; `None` when this is no child.
pub fn given_path() -> Option<std::path::PathBuf> {
    std::env::var_os(PATH).map(Into::into)
}

/// The child's part: holds the write lock for a while. Run by itself it checks that a holder can be held.
#[tokio::test]
async fn holder() {
    let Some(path) = given_path() else {
        let file = file(Options::default()).await;
        return hold(&file.engine, Duration::ZERO).await;
    };
    let text = std::env::var_os(HOLD_MILLISECONDS).expect("a time");
    let time = text.to_str().and_then(|text| text.parse().ok()).expect("a number");
    let options = Options { transaction_time_max: Duration::from_mins(1), ..Options::default() };
    hold(&Engine::open(&path, options).expect("the database"), Duration::from_millis(time)).await;
}

async fn hold(engine: &Engine, time: Duration) {
    let session = engine.session();
    session.execute("BEGIN IMMEDIATE", vec![]).await.expect("the write lock");
    session.execute("INSERT INTO t (name) VALUES ('child')", vec![]).await.expect("an insert");
    std::fs::write(marker(engine), "").expect("a marker");
    tokio::time::sleep(time).await;
    session.execute("COMMIT", vec![]).await.expect("a commit");
}

/// A file beside the database that tells that the lock is held.
fn marker(engine: &Engine) -> String {
    let debug = format!("{engine:?}");
    format!("{}.held", debug.split('"').nth(1).expect("a path in the debug output"))
}

async fn hold_in_child(file: &crate::fixture::File, time: Duration) -> Child {
    let milliseconds = time.as_millis().to_string();
    let child = start("processes::holder", &file.path, &[(HOLD_MILLISECONDS, milliseconds)]);
    let started = Instant::now();
    while !Path::new(&marker(&file.engine)).exists() {
        assert!(started.elapsed() < Duration::from_secs(30), "the child does not get the lock");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    child
}

#[tokio::test]
async fn writers_wait_for_another_process_and_readers_do_not() {
    let file = file(Options::default()).await;
    let mut child = hold_in_child(&file, Duration::from_secs(1)).await;
    let started = Instant::now();
    assert_eq!(count(&file.engine).await, 0);
    assert!(started.elapsed() < Duration::from_millis(700), "a reader waited");
    run(&file.engine, "INSERT INTO t (name) VALUES ('parent')").await;
    assert!(Duration::from_millis(300) < started.elapsed(), "the writer did not wait");
    assert!(child.wait().expect("the child").success());
    assert_eq!(count(&file.engine).await, 2);
}

#[tokio::test]
async fn a_writer_gives_up_when_another_process_holds_the_file_for_too_long() {
    let file =
        file(Options { busy_time_max: Duration::from_millis(400), ..Options::default() }).await;
    let mut child = hold_in_child(&file, Duration::from_secs(4)).await;
    let started = Instant::now();
    let writes: Vec<_> = (0..5)
        .map(|_| {
            let engine = file.engine.clone();
            tokio::spawn(
                async move { engine.execute("INSERT INTO t DEFAULT VALUES", vec![]).await },
            )
        })
        .collect();
    for write in writes {
        assert_eq!(write.await.expect("a task").expect_err("held"), EngineError::Busy);
    }
    let session = file.engine.session();
    assert_eq!(session.execute("BEGIN", vec![]).await.expect_err("held"), EngineError::Busy);
    // The waits of a queue run at the same time: five writers and one transaction are not six waits.
    assert!(started.elapsed() < Duration::from_millis(1800), "waited {:?}", started.elapsed());
    assert!(child.wait().expect("the child").success());
    run(&file.engine, "INSERT INTO t (name) VALUES ('parent')").await;
    assert_eq!(count(&file.engine).await, 2);
}

#[tokio::test]
async fn a_schema_change_by_another_process_is_followed() {
    let file = file(Options::default()).await;
    run(&file.engine, "SELECT * FROM t").await;
    let other = Engine::open(&file.path, Options::default()).expect("a second engine");
    run(&other, "ALTER TABLE t ADD COLUMN more TEXT").await;
    assert_eq!(run(&file.engine, "SELECT * FROM t").await.columns.len(), 3);
    run(&file.engine, "INSERT INTO t (more) VALUES ('x')").await;
    assert_eq!(count(&other).await, 1);
}
