//! Conversations, messages, context, attached files, search, shares and memory.

use serde_json::json;

use super::{Call, Walk, id_of, text_of};
use crate::{Client, Person};

impl Walk {
    pub(super) async fn conversations(&mut self, ada: &Person) {
        let client = &ada.client;
        let title = json!({"title": "The selvage"});
        let conversation = self.step(client, "create_conversation", Call::json(title)).await;
        let id = id_of(&conversation);
        self.step(client, "list_conversations", Call::new()).await;
        let mark = self.mark.clone();
        let continued = Call::new().param("continuation_id", mark).any_id().with(json!({}));
        self.reply(client, "put_conversation_by_continuation", continued.clone()).await;
        self.reply(client, "put_conversation_by_continuation", continued).await;
        self.step(client, "get_conversation", Call::id(&id)).await;
        let change = Call::id(&id).with(json!({"pinned": true}));
        self.step(client, "update_conversation", change).await;
        self.step(client, "get_retention", Call::new()).await;
        let retention = Call::json(json!({"days": 30, "keep_pinned": true}));
        self.step(client, "put_retention", retention).await;
        self.messages(client, &id).await;
        self.attachments(client, &id).await;
        self.memory(client, &id).await;
        self.step(client, "delete_conversation", Call::id(&id)).await;
    }

    async fn messages(&mut self, client: &Client, id: &str) {
        let message = json!({"role": "user", "content": "Where does the thread end?"});
        let first = Call::id(id).with(message.clone());
        let first = id_of(&self.step(client, "append_message", first).await);
        let batch = Call::id(id).with(json!({"messages": [message.clone(), message]}));
        self.step(client, "append_messages", batch).await;
        self.step(client, "list_messages", Call::id(id)).await;
        self.step(client, "search", Call::new().query("q=thread")).await;
        let document = json!({"topic": "selvage"});
        self.step(client, "put_context", Call::id(id).with(document)).await;
        self.step(client, "get_context", Call::id(id)).await;
        let fork = Call::id(id).with(json!({"message_id": first}));
        self.step(client, "fork_conversation", fork).await;
        let share = self.step(client, "create_share", Call::id(id).with(json!({}))).await;
        self.step(client, "list_shares", Call::id(id)).await;
        let token = Call::new().param("token", text_of(&share["token"]));
        let anonymous = self.anonymous.clone();
        self.step(&anonymous, "get_shared", token.clone()).await;
        self.step(client, "copy_shared", token).await;
        self.step(client, "delete_share", Call::id(id_of(&share))).await;
    }

    async fn attachments(&mut self, client: &Client, id: &str) {
        let upload = Call::new().query("name=attached.txt").bytes("text/plain", "attached");
        let file = id_of(&self.step(client, "create_file", upload).await);
        let attached = Call::id(id).param("file_id", file);
        self.step(client, "attach_file", attached.clone()).await;
        self.step(client, "list_attached_files", Call::id(id)).await;
        self.step(client, "get_attached_file", attached.clone()).await;
        self.step(client, "detach_file", attached).await;
    }

    async fn memory(&mut self, client: &Client, conversation: &str) {
        let memory =
            json!({"kind": "episode", "value": "a walk", "source_conversation_id": conversation});
        let memory = id_of(&self.step(client, "create_memory", Call::json(memory)).await);
        self.step(client, "list_memories", Call::new()).await;
        let fact = Call::new().param("key", "pace").any_id().with(json!({"value": "brisk"}));
        self.step(client, "put_fact", fact).await;
        self.step(client, "get_memory", Call::id(&memory)).await;
        let change = Call::id(&memory).with(json!({"value": "a stroll"}));
        self.step(client, "update_memory", change).await;
        self.step(client, "delete_memory", Call::id(&memory)).await;
        let all = Call::new().query(format!("source_conversation_id={conversation}"));
        self.step(client, "delete_memories", all).await;
    }
}
