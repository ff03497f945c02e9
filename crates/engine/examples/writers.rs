//! Many writers, one file: prints rows per second and how large the groups were.
//!
//! `cargo run -p engine --example writers -- [WRITERS] [ROWS EACH] [FILE]`; under `strace -f -c -e trace=fsync,fdatasync` the
//! number of waits for the disk can be compared with the number of rows.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]
#![expect(clippy::cast_precision_loss, reason = "numbers to look at")]

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use engine::{Engine, GROUP_SIZE_BOUNDS, Options, Value};

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let writers: i64 = arguments.next().map_or(Ok(64), |argument| argument.parse())?;
    let rows_each: i64 = arguments.next().map_or(Ok(500), |argument| argument.parse())?;
    let folder = tempfile::tempdir()?;
    let path = arguments.next().map_or_else(|| folder.path().join("writers.db"), PathBuf::from);

    let engine = Engine::open(&path, Options::default())?;
    let create = "CREATE TABLE IF NOT EXISTS row (writer INTEGER NOT NULL, number INTEGER NOT NULL, body TEXT NOT NULL) STRICT";
    engine.execute(create, vec![]).await?;
    let before = count(&engine).await?;

    let started = Instant::now();
    let tasks: Vec<_> =
        (0..writers).map(|writer| tokio::spawn(write(engine.clone(), writer, rows_each))).collect();
    for task in tasks {
        task.await??;
    }
    let took = started.elapsed();

    let rows = count(&engine).await? - before;
    let metrics = engine.metrics();
    println!(
        "{rows} rows by {writers} writers in {took:.2?}: {:.0} rows/s",
        rows as f64 / took.as_secs_f64()
    );
    println!(
        "{} commits, {:.1} members each on average",
        metrics.groups,
        metrics.grouped as f64 / metrics.groups as f64
    );
    println!("waiting for commits: {:.2?}", metrics.commit_time);
    for (bucket, groups) in metrics.group_sizes.iter().enumerate() {
        let label = GROUP_SIZE_BOUNDS
            .get(bucket)
            .map_or("more".to_owned(), |bound| format!("up to {bound}"));
        println!("  groups of {label}: {groups}");
    }
    engine.close().await?;
    Ok(())
}

async fn write(engine: Engine, writer: i64, rows: i64) -> Result<(), Failure> {
    let body = "x".repeat(500);
    for number in 0..rows {
        let values =
            vec![Value::Integer(writer), Value::Integer(number), Value::Text(body.clone())];
        engine
            .execute("INSERT INTO row (writer, number, body) VALUES (?1, ?2, ?3)", values)
            .await?;
    }
    Ok(())
}

async fn count(engine: &Engine) -> Result<i64, Failure> {
    let result = engine.execute("SELECT count(*) FROM row", vec![]).await?;
    match result.rows.first().and_then(|row| row.first()) {
        Some(Value::Integer(count)) => Ok(*count),
        _ => Err("count(*) gave no integer".into()),
    }
}
