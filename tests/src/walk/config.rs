//! Models, MCP servers, keys of providers and settings, of an account and of the platform.

use serde_json::{Value, json};

use super::{Call, Walk, id_of, password};
use crate::{Client, Person};

impl Walk {
    pub(super) async fn config(&mut self, ada: &Person) {
        let client = &ada.client;
        self.step(client, "get_config", Call::new()).await;
        self.scoped_config(client, "").await;
        client.post("/api/auth/reauthenticate", &password()).await;
        let key =
            json!({"provider": "openai", "name": "walk", "value": "sk-walk-0123456789abcdef"});
        let key = self.step(client, "create_provider_key", Call::json(key)).await;
        self.step(client, "list_provider_keys", Call::new()).await;
        let change = Call::id(id_of(&key)).with(json!({"name": "stroll"}));
        self.step(client, "update_provider_key", change).await;
        self.step(client, "delete_provider_key", Call::id(id_of(&key))).await;
    }

    /// A model of this server's provider.
    pub(super) fn model(&self, name: &str) -> Value {
        let base_url = format!("{}/v1", self.options.provider);
        json!({"name": name, "provider": "openai-compatible", "model": "small-1", "base_url": base_url})
    }

    /// An MCP server of the provider.
    pub(super) fn mcp_server(&self, name: &str) -> Value {
        let url = format!("{}/mcp", self.options.provider);
        json!({"name": name, "url": url, "transport": "streamable-http"})
    }

    /// The operations that an account and, with `system_`, the platform have.
    pub(super) async fn scoped_config(&mut self, client: &Client, scope: &str) {
        let name = format!("{} {scope}", self.mark);
        let operation = |verb: &str, noun: &str| format!("{verb}_{scope}{noun}");
        let model = Call::json(self.model(&name));
        let model = id_of(&self.step(client, &operation("create", "model"), model).await);
        self.step(client, &operation("list", "models"), Call::new()).await;
        self.step(client, &operation("get", "model"), Call::id(&model)).await;
        let change = Call::id(&model).with(json!({"context_window": 8192}));
        self.step(client, &operation("update", "model"), change).await;
        let test = self.step(client, &operation("test", "model"), Call::id(&model)).await;
        self.require(test["ok"] == true, || format!("the provider is not reached: {test}"));
        if scope.is_empty() {
            self.step(client, &operation("activate", "model"), Call::id(&model)).await;
        } else {
            // Another model of the platform stays the active one when this one is gone.
            let models = client.get("/api/system/models?limit=200").await.body;
            let models = models["data"].as_array().cloned().unwrap_or_default();
            let active = models.iter().find(|model| model["active"] == true).map(id_of);
            self.step(client, &operation("activate", "model"), Call::id(&model)).await;
            if let Some(active) = active {
                self.step(client, &operation("activate", "model"), Call::id(active)).await;
            }
        }
        self.step(client, &operation("delete", "model"), Call::id(&model)).await;

        let server = Call::json(self.mcp_server(&name));
        let server = id_of(&self.step(client, &operation("create", "mcp_server"), server).await);
        self.step(client, &operation("list", "mcp_servers"), Call::new()).await;
        self.step(client, &operation("get", "mcp_server"), Call::id(&server)).await;
        let change = Call::id(&server).with(json!({"enabled": false}));
        self.step(client, &operation("update", "mcp_server"), change).await;
        let test = self.step(client, &operation("test", "mcp_server"), Call::id(&server)).await;
        self.require(test["ok"] == true, || format!("the MCP server is not reached: {test}"));
        self.step(client, &operation("delete", "mcp_server"), Call::id(&server)).await;

        let settings = self.step(client, &operation("get", "settings"), Call::new()).await;
        self.step(client, &operation("put", "settings"), Call::json(settings.clone())).await;
        let patch = json!({"model_parameters": {"temperature": 0.5}});
        self.step(client, &operation("patch", "settings"), Call::json(patch)).await;
        self.step(client, &operation("put", "settings"), Call::json(settings)).await;
    }

    /// Notes a fault unless this holds.
    pub(super) fn require(&mut self, holds: bool, fault: impl FnOnce() -> String) {
        if !holds {
            self.report.faults.push(fault());
        }
    }
}
