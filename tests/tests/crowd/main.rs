//! Many requests at the same moment, at the real server with default variables.
//!
//! Each kind of request is sent 32 times at once in 20 rounds: with one session, with one API key, and with the sessions of 32 people of a team.
//! No answer may be missing or a 5xx, no instance may trap, every write is there once, and quotas and ledgers are exact.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code"
)]

mod auth;
mod chat;
mod config;
mod conversations;
mod eight;
mod files;
mod first;
mod world;

use e2e::volley::Row;
use e2e::{Person, Policy, Team};
use tokio::sync::Mutex;
use world::{AT_ONCE, Crew, Report, World};

/// One server at a time: two of them would only wait for each other's processor time.
static TURN: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_at_once_as_deployed() {
    everything_at_once(Policy::Deployed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_at_once_under_spins_policy() {
    everything_at_once(Policy::Spin).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_requests_as_deployed() {
    let _turn = TURN.lock().await;
    first::run(Policy::Deployed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_requests_under_spins_policy() {
    let _turn = TURN.lock().await;
    first::run(Policy::Spin).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_generations_at_once_as_deployed() {
    let _turn = TURN.lock().await;
    eight::run(Policy::Deployed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_generations_at_once_under_spins_policy() {
    let _turn = TURN.lock().await;
    eight::run(Policy::Spin).await;
}

/// The components in two lines that go on beside each other, since a write mostly waits for the disk.
async fn everything_at_once(policy: Policy) {
    let _turn = TURN.lock().await;
    let world = World::start(policy).await;
    let team = Team::create(&world.server, "crowd", AT_ONCE).await;
    println!("{}", Row::HEADING);
    let first = components(&world, &team, &["auth", "config", "chat"]);
    let second = components(&world, &team, &["conversations", "files"]);
    let (first, second) = tokio::join!(first, second);
    first.join(second).assert_clean();
    world.end().await;
}

/// Sends everything to one component after the other, with all credentials.
async fn components(world: &World, team: &Team, names: &[&str]) -> Report {
    let mut report = Report::default();
    let mut team_models = chat::Models::new();
    for component in names {
        let owner = Person::sign_up(&world.anonymous(), component).await;
        let mut own_models = chat::Models::new();
        let crews = [
            Crew::of_session(&owner, component).await,
            Crew::of_key(&owner, component).await,
            Crew::of_team(team, component).await,
        ];
        for (number, mut crew) in crews.into_iter().enumerate() {
            match *component {
                "auth" => auth::run(&mut crew, &mut report).await,
                "config" => {
                    config::run(&mut crew, &mut report, &world.provider.base_url()).await;
                }
                "conversations" => conversations::run(&mut crew, &mut report).await,
                "files" => files::run(&mut crew, &mut report).await,
                _ => {
                    let models = if number < 2 { &mut own_models } else { &mut team_models };
                    chat::run(&mut crew, &mut report, world, models).await;
                }
            }
        }
    }
    report
}
