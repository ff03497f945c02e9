//! Runs, tools, and the interfaces of OpenAI and Anthropic.

use serde_json::{Value, json};

use super::{Call, Walk, id_of, text_of};
use crate::{Client, Person};

impl Walk {
    pub(super) async fn chat(&mut self, ada: &Person) {
        let client = &ada.client;
        let model = self.model("walk-model");
        let model = client.post("/api/models", &model).await.body;
        client.post(&format!("/api/models/{}/activate", id_of(&model)), &json!({})).await;
        self.runs(ada).await;
        self.models(client).await;
        self.openai_conversations(client).await;
        self.responses(client).await;
        self.approvals(ada).await;
        self.step(client, "get_quota", Call::new()).await;
        self.step(client, "list_usage", Call::new()).await;
    }

    /// A run as a stream, and one that is stopped.
    async fn runs(&mut self, ada: &Person) {
        let client = &ada.client;
        let conversation = ada.create_conversation("Walk").await;
        let create = Call::id(&conversation).with(json!({"content": "Where does it end?"}));
        let events = text_of(&self.step(client, "create_run", create).await);
        self.require(events.contains("event: run.completed"), || format!("no run: {events}"));
        let run = run_of(&events);
        self.step(client, "get_run", Call::id(&run)).await;
        let events = text_of(&self.step(client, "get_run_events", Call::id(&run)).await);
        self.require(events.contains("event: run.completed"), || format!("no events: {events}"));
        self.step(client, "cancel_run", Call::id(&run)).await;
        let whole = Call::id(&conversation).with(json!({"content": "Again?", "stream": false}));
        let whole = self.step(client, "create_run", whole).await;
        self.require(whole["run"]["status"] == "completed", || format!("no run: {whole}"));
    }

    async fn models(&mut self, client: &Client) {
        self.step(client, "openai_list_models", Call::new()).await;
        self.step(client, "openai_get_model", Call::id("walk-model")).await;
        let messages = json!([{"role": "user", "content": "Where does it end?"}]);
        let complete = json!({"model": "walk-model", "messages": messages});
        self.both(client, "openai_create_completion", &complete, "[DONE]").await;
        let message = json!({"model": "walk-model", "max_tokens": 64, "messages": messages});
        self.both(client, "anthropic_create_message", &message, "message_stop").await;
    }

    /// The answer as a whole and as a stream, which ends with this.
    async fn both(&mut self, client: &Client, name: &str, body: &Value, end: &str) -> Value {
        let whole = self.step(client, name, Call::json(body.clone())).await;
        let mut body = body.clone();
        body["stream"] = json!(true);
        let events = text_of(&self.step(client, name, Call::json(body)).await);
        self.require(events.contains(end), || format!("{name}: the stream has no end: {events}"));
        whole
    }

    async fn openai_conversations(&mut self, client: &Client) {
        let create = Call::json(json!({"metadata": {"topic": "walk"}}));
        let id = id_of(&self.step(client, "openai_create_conversation", create).await);
        self.step(client, "openai_get_conversation", Call::id(&id)).await;
        let change = Call::id(&id).with(json!({"metadata": {"topic": "stroll"}}));
        self.step(client, "openai_update_conversation", change).await;
        let text = json!([{"type": "input_text", "text": "Where does it end?"}]);
        let items = json!({"items": [{"type": "message", "role": "user", "content": text}]});
        let items = self.step(client, "openai_create_items", Call::id(&id).with(items)).await;
        self.step(client, "openai_list_items", Call::id(&id)).await;
        let item = Call::id(&id).param("item_id", id_of(&items["data"][0]));
        self.step(client, "openai_get_item", item).await;
        self.step(client, "openai_delete_conversation", Call::id(&id)).await;
    }

    async fn responses(&mut self, client: &Client) {
        let create = json!({"model": "walk-model", "input": "Where does it end?"});
        let response =
            self.both(client, "openai_create_response", &create, "response.completed").await;
        let id = id_of(&response);
        self.step(client, "openai_get_response", Call::id(&id)).await;
        let stream = Call::id(&id).query("stream=true");
        let events = text_of(&self.step(client, "openai_get_response", stream).await);
        self.require(events.contains("response.completed"), || format!("no events: {events}"));
        self.step(client, "openai_list_input_items", Call::id(&id)).await;
        self.step(client, "openai_cancel_response", Call::id(&id)).await;
        self.step(client, "openai_delete_response", Call::id(&id)).await;
    }

    /// A run that waits until the call of a tool is approved.
    async fn approvals(&mut self, ada: &Person) {
        let client = &ada.client;
        let server = client.post("/api/mcp-servers", &self.mcp_server("walk")).await.body;
        client.post(&format!("/api/mcp-servers/{}/test", id_of(&server)), &json!({})).await;
        let conversation = ada.create_conversation("Tools").await;
        let create = json!({"content": "Say it again.", "stream": false});
        let create = Call::id(&conversation).with(create);
        let waiting = self.step(client, "create_run", create).await;
        let approval = waiting["run"]["approvals"][0].clone();
        let decision = json!({
            "tool_call_id": approval["tool_call_id"], "digest": approval["digest"], "approve": true,
        });
        let decide = json!({"approvals": [decision], "stream": false});
        let decide = Call::id(id_of(&waiting["run"])).with(decide);
        let decided = self.step(client, "decide_approvals", decide).await;
        self.require(decided["run"]["status"] == "completed", || format!("no end: {decided}"));
    }
}

/// The id of the run that a stream of events is about.
fn run_of(events: &str) -> String {
    let id = events.split("\"run\":{\"id\":\"").nth(1).and_then(|rest| rest.split('"').next());
    id.unwrap_or_default().to_owned()
}
