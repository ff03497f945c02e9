use std::time::Duration;

use database::Database;
use engine::{Engine, Options};
use serde_json::json;
use testing::{ProviderReply, ProviderServer};

use crate::world::{World, soon, text};

/// While somebody else has the database for itself, nothing can be kept. Who listens hears what is said all the same, and in the end all of
/// it is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_does_not_wait_for_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(&folder.path().join("selvage.db"), Options::default()).unwrap();
    let database = testing::migrated(Database::from_engine(engine.clone())).await;
    let reply = ProviderReply::counting(160).with_pause(Duration::from_millis(15));
    let said = reply.clone();
    let provider = ProviderServer::start(move |_| said.clone()).await;
    let world = World::on(database, provider, &[]).await;
    let conversation = world.conversation().await;
    let mut listener = world.begin(&conversation, &json!({"content": "count"})).await;
    let mut events = soon(listener.until("message.delta")).await;
    let session = engine.session();
    session.execute("BEGIN IMMEDIATE", Vec::new()).await.unwrap();
    // More than is said from one attempt to keep it to the next.
    while events.len() < 50 {
        events.push(soon(listener.next()).await.unwrap());
    }
    // Fails if the engine has ended the transaction, because whoever listened had to wait for it.
    session.execute("COMMIT", Vec::new()).await.unwrap();
    events.extend(soon(listener.rest()).await);
    assert_eq!(text(&events), reply.whole());
    assert_eq!(events.last().unwrap().name, "run.completed");
    assert_eq!(world.messages(&conversation).await[1]["content"], reply.whole());
    let ids: Vec<_> = events.iter().map(|event| event.id).collect();
    assert_eq!(ids, (1..=163).collect::<Vec<_>>());
}
