use axum::http::{Method, StatusCode};
use database::Statement;
use message::{Content, MessageRole};
use serde_json::{Value, json};
use testing::{ProviderReply, ProviderWire};

use crate::world::{OPERATOR_KEY, World, and_dies, listen, listen_with, names, soon, text};

#[tokio::test]
async fn an_answer_comes_as_events_and_is_kept() {
    let world = World::saying(ProviderReply::text("It is a finished edge.")).await;
    let conversation = world.conversation().await;
    let events = soon(world.stream(&conversation, &json!({"content": "What is a selvage?"}))).await;
    assert_eq!(names(&events), ["run.created", "message.completed", "run.completed"]);
    assert_eq!(text(&events), "It is a finished edge.");
    let ids: Vec<_> = events.iter().map(|event| event.id).collect();
    assert_eq!(ids, (1..=i64::try_from(events.len()).unwrap()).collect::<Vec<_>>());
    let messages = world.messages(&conversation).await;
    let created = &events[0].data;
    assert_eq!(created["user_message"], messages[0]);
    assert_eq!(created["run"]["status"], "running");
    let completed = &events[events.len() - 2].data["message"];
    assert_eq!(*completed, messages[1]);
    assert_eq!(completed["content"], "It is a finished edge.");
    assert_eq!(completed["parent_id"], messages[0]["id"]);
    assert_eq!(
        (completed["status"].as_str(), completed["model"].as_str()),
        (Some("completed"), Some("gpt-4o"))
    );
    let last = &events[events.len() - 1];
    let usage = json!({"input_tokens": 4, "output_tokens": 5, "total_tokens": 9});
    assert_eq!((&last.data["usage"], &completed["usage"]), (&usage, &usage));
    let run = world.ada.get(&format!("/api/runs/{}", created["run"]["id"].as_str().unwrap())).await;
    assert_eq!(run.body, last.data["run"]);
    assert_eq!(
        (run.body["status"].as_str(), run.body["last_event"].as_i64()),
        (Some("completed"), Some(last.id))
    );
    let asked = world.provider.requests();
    assert_eq!((asked.len(), asked[0].key(), asked[0].model()), (1, Some(OPERATOR_KEY), "gpt-4o"));
}

#[tokio::test]
async fn a_whole_answer_is_json() {
    let world = World::saying(ProviderReply::text("yes, it is")).await;
    let conversation = world.conversation().await;
    let answer = soon(world.answer(&conversation, &json!({"content": "Is it?"}))).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let messages = world.messages(&conversation).await;
    assert_eq!(answer.body["message"], messages[1]);
    assert_eq!(answer.body["run"]["message_id"], messages[1]["id"]);
    assert_eq!(answer.body["run"]["user_message_id"], messages[0]["id"]);
    assert_eq!(answer.body["usage"]["output_tokens"], 3);
}

#[tokio::test]
async fn a_model_is_told_the_path_and_nothing_else() {
    let world = World::saying(ProviderReply::text("ok")).await;
    let conversation = world.conversation().await;
    world.append(&conversation, MessageRole::System, Content::Text("Be brief.".to_owned())).await;
    let first = soon(world.answer(&conversation, &json!({"content": "one"}))).await;
    soon(world.answer(&conversation, &json!({"content": "two"}))).await;
    // Another answer to the first question: neither the first answer nor what came of it is told.
    let user = first.body["run"]["user_message_id"].clone();
    let again = soon(world.answer(&conversation, &json!({"parent_id": user}))).await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.body);
    assert_eq!(again.body["message"]["parent_id"], user);
    assert_eq!(again.body["run"]["user_message_id"], Value::Null);
    let told: Vec<Value> =
        world.provider.requests().iter().map(|request| request.body["messages"].clone()).collect();
    let say = |role: &str, content: &str| json!({"role": role, "content": content});
    let system = say("system", "Be brief.");
    assert_eq!(
        told[1],
        json!([system, say("user", "one"), say("assistant", "ok"), say("user", "two")])
    );
    assert_eq!(told[2], json!([system, say("user", "one")]));
    // An answer is nothing to answer.
    let answer = soon(world.answer(&conversation, &json!({}))).await;
    assert_eq!(answer.pointers(), ["/content"]);
}

#[tokio::test]
async fn parameters_of_the_request_are_on_top_of_the_model_s() {
    let world = World::saying(ProviderReply::text("ok")).await;
    let (conversation, model) = (world.conversation().await, world.model("openai", "m").await);
    world
        .execute(r#"UPDATE model SET parameters = '{"temperature":0.5,"seed":7,"max_tokens":10}'"#)
        .await;
    let body = json!({"content": "a", "model_id": model, "parameters": {"temperature": 1.5, "stop": ["x"]}});
    assert_eq!(soon(world.answer(&conversation, &body)).await.status, StatusCode::OK);
    let asked = &world.provider.requests()[0].body;
    let told = ["temperature", "seed", "max_completion_tokens", "stop", "stream"]
        .map(|name| asked[name].clone());
    assert_eq!(told, [json!(1.5), json!(7), json!(10), json!(["x"]), json!(true)]);
}

#[tokio::test]
async fn the_other_wire_is_spoken_too() {
    let world = World::saying(ProviderReply::text("hello there")).await;
    let (conversation, model) =
        (world.conversation().await, world.model("anthropic", "claude").await);
    let body = json!({"content": "hi", "model_id": model});
    let events = soon(world.stream(&conversation, &body)).await;
    assert_eq!(text(&events), "hello there");
    let asked = world.provider.requests();
    assert_eq!((asked[0].wire, asked[0].key()), (ProviderWire::Anthropic, Some(OPERATOR_KEY)));
    assert_eq!(events.last().unwrap().data["usage"]["output_tokens"], 2);
}

#[tokio::test]
async fn a_repetition_gets_the_run_of_the_first_request() {
    let world = World::saying(ProviderReply::text("one two three")).await;
    let conversation = world.conversation().await;
    let path = format!("/api/conversations/{conversation}/runs");
    let body = json!({"content": "count"});
    let key = Some(("idempotency-key", "k"));
    let first = listen_with(&world.ada, Method::POST, &path, Some(&body), key).await;
    assert!(!first.is_replayed);
    let first = soon(first.rest()).await;
    let second = listen_with(&world.ada_elsewhere(), Method::POST, &path, Some(&body), key).await;
    assert!(second.is_replayed);
    assert_eq!(soon(second.rest()).await, first);
    assert_eq!(world.provider.requests().len(), 1);
    assert_eq!(world.messages(&conversation).await.len(), 2);
}

#[tokio::test]
async fn what_is_deleted_takes_its_runs_along() {
    let world = World::saying(ProviderReply::text("ok")).await;
    let conversation = world.conversation().await;
    let answer = soon(world.answer(&conversation, &json!({"content": "a"}))).await;
    let run = format!("/api/runs/{}", answer.body["run"]["id"].as_str().unwrap());
    assert_eq!(world.ada.get(&run).await.status, StatusCode::OK);
    world.execute("UPDATE conversation SET deleted_at = 1").await;
    assert_eq!(world.ada.get(&run).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.count("SELECT count(*) AS n FROM run_event").await, 0);
}

#[tokio::test]
async fn what_was_used_is_in_the_ledger_and_what_is_not_left_is_not_begun() {
    let provider = testing::ProviderServer::start(|_| ProviderReply::text("one two three")).await;
    let world = World::with(provider, &[("quota_tokens", "2000")]).await;
    let conversation = world.conversation().await;
    let body = json!({"content": "count them", "parameters": {"max_tokens": 100}});
    let answer = soon(world.answer(&conversation, &body)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let entries = "SELECT count(*) AS n FROM usage_entry WHERE input_tokens = 2 AND output_tokens = 3 AND step = 1 AND is_last = 1 AND is_estimated = 0";
    assert_eq!(world.count(entries).await, 1);
    assert_eq!(world.count("SELECT count(*) AS n FROM usage_reservation").await, 0);
    let quota = world.ada.get("/api/quota").await.body;
    assert_eq!(
        (&quota["used"], &quota["reserved"], &quota["limit"]),
        (&json!(5), &json!(0), &json!(2000))
    );
    let body = json!({"content": "count them", "parameters": {"max_tokens": 5000}});
    let refused = soon(world.answer(&conversation, &body)).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::TOO_MANY_REQUESTS, "quota_exceeded"));
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(
        (world.provider.requests().len(), world.messages(&conversation).await.len()),
        (1, 2)
    );
}

/// Input and output of the ledger's one entry, which is the last of its run and estimated.
async fn estimated(world: &World) -> [i64; 2] {
    let entries = "SELECT count(*) AS n FROM usage_entry WHERE is_last AND is_estimated";
    assert_eq!(world.count(entries).await, 1);
    assert_eq!(world.count("SELECT count(*) AS n FROM usage_reservation").await, 0);
    let input = world.count("SELECT sum(input_tokens) AS n FROM usage_entry").await;
    [input, world.count("SELECT sum(output_tokens) AS n FROM usage_entry").await]
}

/// Four bytes are a token, where nobody has said how many there were.
fn likely(text: &str) -> i64 {
    i64::try_from(text.len().div_ceil(4)).unwrap()
}

#[tokio::test]
async fn what_was_left_behind_is_settled_as_far_as_it_is_known() {
    let reply = ProviderReply::counting(2000).with_pause(std::time::Duration::from_millis(5));
    let world = World::saying(reply).await;
    let conversation = world.conversation().await;
    let path = format!("/api/conversations/{conversation}/runs");
    let (ada, database) = (world.ada_elsewhere(), world.database.clone());
    let (created, listener) = and_dies(async move {
        let body = json!({"content": "count"});
        let mut listener = listen(&ada, Method::POST, &path, Some(&body)).await;
        let created = listener.until("message.delta").await;
        let kept = Statement::new("SELECT 1 FROM run_event");
        while database.query(kept.clone()).await.unwrap().len() < 3 {
            listener.next().await;
        }
        (created, listener)
    })
    .await;
    drop(listener);
    // Time passes: its lease is over, and what was reserved has expired.
    world.execute("UPDATE run SET lease_until = 1").await;
    world.execute("UPDATE usage_reservation SET expires_at = 1").await;
    let path = format!("/api/runs/{}", created[0].data["run"]["id"].as_str().unwrap());
    assert_eq!(world.ada.get(&path).await.body["status"], "interrupted");
    let kept = world.messages(&conversation).await[1]["content"].as_str().unwrap().to_owned();
    assert!(!kept.is_empty());
    assert_eq!(estimated(&world).await, [likely("count"), likely(&kept)]);
}

#[tokio::test]
async fn a_run_whose_conversation_is_deleted_is_paid_for_all_the_same() {
    let reply = ProviderReply::counting(2000).with_pause(std::time::Duration::from_millis(5));
    let world = World::saying(reply.clone()).await;
    let conversation = world.conversation().await;
    let mut listener = world.begin(&conversation, &json!({"content": "count"})).await;
    let mut heard = listener.until("message.delta").await;
    let path = format!("/v1/conversations/{conversation}");
    assert_eq!(world.ada.delete(&path).await.status, StatusCode::OK);
    heard.extend(soon(listener.rest()).await);
    soon(async {
        while world.count("SELECT count(*) AS n FROM usage_reservation").await != 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await;
    let [input, output] = estimated(&world).await;
    assert_eq!(input, likely("count"));
    assert!((likely(&text(&heard))..likely(&reply.whole())).contains(&output), "{output}");
}

#[tokio::test]
async fn an_image_of_the_account_is_shown_and_no_other() {
    let world = World::saying(ProviderReply::text("ok")).await;
    let conversation = world.conversation().await;
    let image = world.image(b"not really a picture").await;
    let shown =
        json!([{"type": "text", "text": "what is it?"}, {"type": "image_file", "file_id": image}]);
    let answer = soon(world.answer(&conversation, &json!({"content": shown}))).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let told = world.provider.requests()[0].body["messages"][0]["content"].clone();
    let url = "data:image/png;base64,bm90IHJlYWxseSBhIHBpY3R1cmU=";
    assert_eq!(told[1]["image_url"]["url"], url);
    // Afterwards it is somebody else's, or what is stored is another: it is named and not shown.
    for change in [
        "UPDATE file_part SET chunk_digests = zeroblob(32)",
        "UPDATE file SET mime_type = 'image/svg+xml'",
        "UPDATE file SET state = 'pending'",
    ] {
        world.execute(change).await;
        soon(world.answer(&conversation, &json!({"content": "and now?"}))).await;
        let asked = world.provider.requests();
        let told = asked.last().unwrap().body["messages"][0]["content"].to_string();
        assert!(told.contains("not shown") && !told.contains("base64"), "{change} {told}");
    }
}
