use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};

use serde_json::json;
use testing::{ProviderFault, ProviderReply, ProviderServer};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::world::{World, soon};

/// Everything that is logged on this thread, on every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        writeln!(self.0, "{}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        attributes.record(&mut Line(&mut self.0.lock().unwrap()));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Line(&mut self.0.lock().unwrap()));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Line(&mut self.0.lock().unwrap()));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Everything runs on the thread of the test, so that all of it is heard.
#[tokio::test]
async fn neither_what_is_asked_nor_what_is_answered_nor_a_key_is_logged() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    tracing::info!("the log is kept");
    let provider = ProviderServer::start(|_| ProviderReply::text("canary answer canary")).await;
    let world = World::with(provider, &[("provider_timeout", "1")]).await;
    let conversation = world.conversation().await;
    soon(world.answer(&conversation, &json!({"content": "canary question"}))).await;
    for fault in [
        ProviderFault::Unauthorized,
        ProviderFault::BadRequest,
        ProviderFault::CutInMiddle,
        ProviderFault::Garbage,
        ProviderFault::BrokenCall,
    ] {
        let model = world.model("openai", &format!("fault/{}", fault.name())).await;
        let body = json!({"content": "canary question", "model_id": model});
        soon(world.stream(&conversation, &body)).await;
    }
    let path = format!("/api/conversations/{conversation}/runs");
    world.ada.post(&path, &json!({"content": ["canary"]})).await;
    world.execute("DROP TABLE run_event").await;
    let answer = soon(world.answer(&conversation, &json!({"content": "canary question"}))).await;
    assert_eq!(answer.status.as_u16(), 500);
    let lines = log.0.lock().unwrap().clone();
    assert!(lines.contains("the log is kept") && lines.contains("run_event"), "{lines}");
    assert!(!lines.contains("canary"), "{lines}");
}
