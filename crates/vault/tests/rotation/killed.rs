//! Ten thousand secrets, read and written all the while, and a rotation that is killed again and again: a child of this test.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use database::Database;
use testing::NOW;
use vault::Vault;

use crate::world::{after, before, bodies, counts, expected, fill, get, put};

const PATH: &str = "VAULT_TEST_PATH";
const SECRETS: usize = 10_000;
const KILLS: u32 = 6;

/// The child's part: rotates the database that it is given, and tells of each piece. Run by itself it rotates one of its own.
#[tokio::test]
async fn victim() {
    let given = std::env::var_os(PATH).map(PathBuf::from);
    let database = match &given {
        Some(path) => Database::open(path).unwrap(),
        None => Database::in_memory().unwrap(),
    };
    if given.is_none() {
        fill(&database, &before(), 10).await;
    }
    let rotated = vault::rotate(&database, &after(), NOW, |_| println!("piece")).await.unwrap();
    assert_eq!(rotated.damaged, 0);
    database.close().await.unwrap();
    println!("done");
}

fn start(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::victim", "--nocapture", "--test-threads=1"])
        .env(PATH, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Kills a rotation after this many of its pieces. Whether it was still at it.
fn kill_after(path: &Path, pieces: u64) -> bool {
    let mut child = start(path);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut told = 0;
    for line in lines {
        told += u64::from(line.ends_with("piece"));
        if pieces <= told {
            child.kill().unwrap();
            child.wait().unwrap();
            return true;
        }
    }
    child.wait().unwrap();
    false
}

/// Someone who writes to every `step`-th secret in turn and reads another, until told to stop. What was written last, by its number.
async fn work(
    database: Database,
    vault: Vault,
    start: usize,
    stop: Arc<AtomicBool>,
) -> HashMap<usize, String> {
    let mut written = HashMap::new();
    let mut round = 0_usize;
    while !stop.load(Ordering::SeqCst) {
        round += 1;
        // Each writer has its own, so that what is last is known.
        let n = (start + 4 * round * 7) % SECRETS;
        let value = format!("{n} in round {round}");
        put(&database, &vault, n, &value).await;
        assert_eq!(get(&database, &vault, n).await, value);
        written.insert(n, value);
        let other = (n + round) % SECRETS;
        get(&database, &after(), other).await;
    }
    written
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_that_is_killed_again_and_again_loses_nothing() {
    let seed = RandomState::new().hash_one(0);
    println!("seed {seed}");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vault.db");
    let database = Database::open(&path).unwrap();
    fill(&database, &before(), SECRETS).await;

    let (stop_late, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    // Two instances know the new key already, one was started before.
    let late = tokio::spawn(work(database.clone(), before_and_after(), 0, Arc::clone(&stop_late)));
    let workers =
        [1, 2].map(|start| tokio::spawn(work(database.clone(), after(), start, Arc::clone(&stop))));
    let mut kills = 0;
    for round in 0..KILLS {
        let pieces = 2 + seed.rotate_left(round * 8) % 6;
        let path = path.clone();
        let killed = tokio::task::spawn_blocking(move || kill_after(&path, pieces)).await.unwrap();
        kills += u32::from(killed);
    }
    assert_eq!(kills, KILLS, "seed {seed}: a rotation ended before it was killed");
    stop_late.store(true, Ordering::SeqCst);
    let mut written = late.await.unwrap();
    let remaining = counts(&database).await;
    println!("after {kills} kills: {remaining:?}");
    let ended = tokio::task::spawn_blocking(move || kill_after(&path, u64::MAX)).await.unwrap();
    assert!(!ended, "the last one was left to finish");
    stop.store(true, Ordering::SeqCst);
    for worker in workers {
        written.extend(worker.await.unwrap());
    }

    let all = SECRETS.try_into().unwrap();
    let expected = expected([("ring:1", 0), ("ring:new", all)]);
    assert_eq!(counts(&database).await, expected, "seed {seed}");
    println!("{} secrets were written meanwhile", written.len());
    for n in 0..SECRETS {
        let expected = written.get(&n).map_or("v0", String::as_str);
        assert_eq!(get(&database, &after(), n).await, expected, "seed {seed}: {n}");
    }
    vault::retire(&database, &after(), "ring:1", NOW).await.unwrap();
}

/// An instance of before: it seals with the old key and can open what has the new one.
fn before_and_after() -> Vault {
    let ring = format!("1:{},new:{}", testing::MASTER_KEY, testing::OTHER_MASTER_KEY);
    crate::world::vault_of(&ring, &serde_json::json!([]))
}

#[tokio::test]
async fn ten_thousand_keys_are_wrapped_anew_and_no_value_changes() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(&directory.path().join("vault.db")).unwrap();
    fill(&database, &before(), SECRETS).await;
    let before_it = bodies(&database).await;
    let begin = Instant::now();
    let rotated = vault::rotate(&database, &after(), NOW, |_| ()).await.unwrap();
    let seconds = begin.elapsed().as_secs_f64();
    println!("{} in {seconds:.2} s", rotated.rewrapped);
    assert_eq!(rotated.rewrapped, rotated.found);
    assert_eq!(bodies(&database).await, before_it);
}
