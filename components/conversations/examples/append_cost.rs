//! What the index of words costs an append: the same appends by many writers at once, with and without it, on a file with group commit.
//!
//! `cargo run -p conversations --example append_cost -- [WRITERS] [MESSAGES EACH] [ROUNDS]`
#![expect(clippy::print_stdout, reason = "a program for the terminal")]
#![expect(clippy::cast_precision_loss, reason = "numbers to look at")]

use std::error::Error;
use std::time::Instant;

use database::{Database, Statement};

type Failure = Box<dyn Error + Send + Sync>;

const ACCOUNT: &str = "acct_01h455vb4pex5vsknk084sn02q";

/// About as many as 670 bytes of English have.
const WORDS: u64 = 110;

/// How many different words there are.
const VOCABULARY: f64 = 20_000.0;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |default| arguments.next().map_or(Ok(default), |argument| argument.parse());
    let (writers, each, rounds) = (next(64)?, next(200)?, next(3)?);
    for round in 1..=rounds {
        let without = measure(writers, each, false).await?;
        let with = measure(writers, each, true).await?;
        println!(
            "round {round}: {without:.0} appends/s without the index, {with:.0} with it: ratio {:.2}",
            with / without
        );
    }
    Ok(())
}

/// Appends per second.
async fn measure(writers: u64, each: u64, is_indexed: bool) -> Result<f64, Failure> {
    let folder = tempfile::tempdir()?;
    let database = Database::open(&folder.path().join("append.db"))?;
    migrations::ensure(&database, 1).await?;
    if !is_indexed {
        database.query(Statement::new("DROP TRIGGER search_message_appended")).await?;
    }
    let account = "INSERT INTO account (id, name, kind, created_at, updated_at) VALUES (?1, 'a', 'team', 1, 1)";
    database.query(Statement::new(account).bind(ACCOUNT)).await?;
    for writer in 0..writers {
        let conversation = "INSERT INTO conversation (account_id, id, title, created_at, updated_at, active_at) VALUES (?1, ?2, 't', 1, 1, 1)";
        let statement = Statement::new(conversation).bind(ACCOUNT).bind(conversation_id(writer));
        database.query(statement).await?;
    }
    let started = Instant::now();
    let tasks: Vec<_> =
        (0..writers).map(|writer| tokio::spawn(write(database.clone(), writer, each))).collect();
    for task in tasks {
        task.await??;
    }
    let took = started.elapsed();
    database.close().await?;
    Ok((writers * each) as f64 / took.as_secs_f64())
}

async fn write(database: Database, writer: u64, each: u64) -> Result<(), Failure> {
    let mut random = writer + 1;
    for number in 0..each {
        let content = text(&mut random);
        let tail = format!(
            r#","role":"user","content":"{content}","status":"completed","model":null,"usage":null,"metadata":{{}},"created_at":"2026-11-22T00:00:00.000Z"}}"#
        );
        let none: Option<String> = None;
        let statement =
            Statement::new(include_str!("../../../crates/message/queries/append_message.sql"))
                .bind(ACCOUNT)
                .bind(conversation_id(writer))
                .bind(format!("msg_{writer:013}{number:013}"))
                .bind(none.clone())
                .bind(none.clone())
                .bind("user")
                .bind("completed")
                .bind(2_i64)
                .bind(tail)
                .bind(none);
        database.query(statement).await?;
    }
    Ok(())
}

fn conversation_id(writer: u64) -> String {
    format!("conv_{writer:026}")
}

/// Words of which few are frequent and many rare, as in any language: the logarithm of their rank is evenly spread.
fn text(random: &mut u64) -> String {
    let mut text = String::new();
    for _ in 0..WORDS {
        *random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let fraction = (*random >> 40) as f64 / (1_u64 << 24) as f64;
        let rank = VOCABULARY.powf(fraction).round();
        text.push('w');
        text.push_str(&rank.to_string());
        text.push(' ');
    }
    text
}
