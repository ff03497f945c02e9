//! kill -9: every acknowledged row is there, and no half of a batch.

use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::time::Duration;

use engine::{Engine, Options, Value};

use crate::fixture::{file, integer, run, value};
use crate::processes::{given_path, start};

const WRITERS: i64 = 32;
const ROUNDS: u64 = 5;

/// The child's part: writes and tells each row on standard output once it is acknowledged, until it is killed.
/// Run by itself it writes a little and checks that all of it is there.
#[tokio::test(flavor = "multi_thread")]
async fn victim() {
    let Some(path) = given_path() else {
        let file = file(Options::default()).await;
        write(&file.path, 0, Some(20)).await;
        assert_eq!(integer(&value(&file.engine, "SELECT count(*) FROM t").await), WRITERS * 20 * 2);
        return;
    };
    write(&path, std::process::id().into(), None).await;
}

/// Each writer takes turns: a batch of two rows, then a transaction of two rows.
async fn write(path: &Path, generation: i64, limit: Option<i64>) {
    let engine = Engine::open(path, Options::default()).expect("the database");
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let engine = engine.clone();
        writers.spawn(async move {
            for number in 0..limit.unwrap_or(i64::MAX) {
                let name = format!("{generation}.{writer}.{number}");
                if number % 2 == 0 {
                    in_batch(&engine, &name).await;
                } else {
                    in_transaction(&engine, &name).await;
                }
                if limit.is_some() {
                    continue;
                }
                // One write per line, so that lines of several writers do not mix.
                std::io::stdout()
                    .lock()
                    .write_all(format!("ack {name}\n").as_bytes())
                    .expect("a reader");
            }
        });
    }
    writers.join_all().await;
}

fn pair(name: &str) -> [Vec<Value>; 2] {
    ["a", "b"].map(|half| vec![Value::Text(format!("{name}.{half}"))])
}

const INSERT: &str = "INSERT INTO t (name) VALUES (?1)";

async fn in_batch(engine: &Engine, name: &str) {
    let batch = pair(name).map(|values| (INSERT.to_owned(), values)).to_vec();
    engine.batch(batch).await.expect("a batch");
}

async fn in_transaction(engine: &Engine, name: &str) {
    let session = engine.session();
    session.execute("BEGIN", vec![]).await.expect("the writer");
    for values in pair(name) {
        session.execute(INSERT, values).await.expect("an insert");
    }
    session.execute("COMMIT", vec![]).await.expect("a commit");
}

#[tokio::test]
async fn after_kill_every_acknowledged_row_is_there_and_nothing_is_half() {
    let seed = RandomState::new().hash_one(0);
    println!("seed {seed}");
    let file = file(Options::default()).await;
    file.engine.close().await.expect("closed");
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        let mut child = start("durability::victim", &file.path, &[]);
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        // Killed after a number of acknowledgements that differs from round to round, in the middle of the work.
        let enough = 200
            + usize::try_from(seed.rotate_left(u32::try_from(round).expect("small") * 8) % 800)
                .expect("small");
        let mut told = 0;
        for line in lines.by_ref().map_while(Result::ok) {
            if let Some(name) = line.split("ack ").nth(1) {
                acknowledged.push(name.to_owned());
                told += 1;
            }
            if enough <= told {
                break;
            }
        }
        assert_eq!(told, enough, "the child ended early");
        child.kill().expect("kill -9");
        child.wait().expect("the child");
        // What it told before it died but we had not read yet. The last line may be cut off.
        let rest: Vec<_> = lines.map_while(Result::ok).collect();
        let whole = rest
            .iter()
            .take(rest.len().saturating_sub(1))
            .filter_map(|line| line.split("ack ").nth(1));
        acknowledged.extend(whole.map(str::to_owned));
    }
    let engine = Engine::open(&file.path, Options::default()).expect("it opens");
    assert_eq!(value(&engine, "PRAGMA integrity_check").await, Value::Text("ok".to_owned()));
    for name in &acknowledged {
        for values in pair(name) {
            let sql = "SELECT count(*) FROM t WHERE name = ?1";
            let found = engine.execute(sql, values).await.expect("a read");
            assert_eq!(
                found.rows,
                [[Value::Integer(1)]],
                "seed {seed}: {name} was acknowledged and is lost"
            );
        }
    }
    let halves = "SELECT count(*) FROM (SELECT 1 FROM t GROUP BY substr(name, 1, length(name) - 2) HAVING count(*) <> 2)";
    assert_eq!(integer(&value(&engine, halves).await), 0, "seed {seed}: half a batch is there");
    println!(
        "{} acknowledged, {} rows",
        acknowledged.len(),
        integer(&value(&engine, "SELECT count(*) FROM t").await)
    );
    run(&engine, "INSERT INTO t (name) VALUES ('and it goes on')").await;
    tokio::time::timeout(Duration::from_secs(10), engine.close())
        .await
        .expect("quick")
        .expect("closed");
}
