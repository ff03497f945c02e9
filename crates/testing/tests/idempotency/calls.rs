//! How each repeatable route is called so that it succeeds.

use axum::http::Method;
use routes::Declaration;
use serde_json::{Value, json};

use crate::world::{PASSWORD, World};

/// A request, without its key.
#[derive(Debug, Clone)]
pub struct Call {
    pub component: usize,
    pub method: Method,
    pub path: String,
    pub body: Option<Value>,
    /// A body that the route takes as well.
    pub other: Value,
    pub token: Option<String>,
}

impl Call {
    pub fn with_body(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    pub fn with_query(self, query: &str) -> Self {
        let separator = if self.path.contains('?') { '&' } else { '?' };
        Self { path: format!("{}{separator}{query}", self.path), ..self }
    }

    pub fn anonymous(self) -> Self {
        Self { token: None, ..self }
    }
}

/// A call of this route that will succeed in the world.
pub async fn call(world: &World, route: &Declaration) -> Call {
    let password = |text: &str| json!({"password": text});
    let message = |text: &str| json!({"role": "user", "content": text});
    let (component, conversation, first) = (1, &world.conversation, &world.message);
    let (component, path, body, other) = match route.operation_id {
        "enrol_totp" => (0, route.path.to_owned(), password(PASSWORD), password("x")),
        "create_api_key" | "create_account" => {
            (0, route.path.to_owned(), json!({"name": "a"}), json!({"name": "b"}))
        }
        "create_invitation" => {
            let path = format!("/api/accounts/{}/invitations", world.team().await);
            let body =
                |name: &str| json!({"email": format!("{name}@example.com"), "role": "member"});
            (0, path, body("a"), body("b"))
        }
        "accept_invitation" => {
            let token = world.invited().await;
            (0, route.path.to_owned(), json!({"token": token}), json!({"token": "another"}))
        }
        "create_conversation" => {
            let body = |id: &str| {
                let title = "gr\u{fc}n \"\\ title";
                json!({"continuation_id": id, "title": title, "metadata": {"a" : [1, "\u{e9}"]}})
            };
            (component, route.path.to_owned(), body("a"), body("b"))
        }
        "append_message" => {
            let path = format!("/api/conversations/{conversation}/messages");
            (component, path, message("a"), message("b"))
        }
        "append_messages" => {
            let path = format!("/api/conversations/{conversation}/messages/batch");
            let body =
                |text: &str| json!({"messages": [message(text), message("c"), message("d")]});
            (component, path, body("a"), body("b"))
        }
        "fork_conversation" => {
            let path = format!("/api/conversations/{conversation}/fork");
            (component, path, json!({"message_id": first}), json!({}))
        }
        "create_share" => {
            let path = format!("/api/conversations/{conversation}/shares");
            (component, path, json!({}), json!({"message_id": first}))
        }
        "copy_shared" => {
            let path = format!("/api/shared/{}/copy", world.link().await);
            (component, path, Value::Null, json!({}))
        }
        "create_memory" => {
            let body = |value: &str| json!({"kind": "fact", "key": "color", "value": value});
            (component, route.path.to_owned(), body("red"), body("blue"))
        }
        "create_mcp_server" | "create_system_mcp_server" => {
            world.promote().await;
            (2, route.path.to_owned(), mcp_server("a"), mcp_server("b"))
        }
        "create_provider_key" => {
            let body = |name: &str| json!({"provider": "openai", "name": name, "value": "sk-1"});
            (2, route.path.to_owned(), body("a"), body("b"))
        }
        "create_model" | "create_system_model" => {
            world.promote().await;
            let body = |name: &str| json!({"name": name, "provider": "openai", "model": "gpt-4o"});
            (2, route.path.to_owned(), body("a"), body("b"))
        }
        "create_bucket" => {
            world.promote().await;
            let body =
                |name: &str| json!({"name": name, "file_bytes_max": 1, "mime_types": ["text/*"]});
            (3, route.path.to_owned(), body("a"), body("b"))
        }
        "create_file" => {
            let path = "/api/files?name=a.json&bucket=generated-files";
            (3, path.to_owned(), json!({"a": 1}), json!({"b": 1}))
        }
        "create_run" => {
            let path = format!("/api/conversations/{conversation}/runs");
            let body = |text: &str| json!({"content": text, "stream": false});
            (4, path, body("a"), body("b"))
        }
        "create_upload" => {
            let body = |name: &str| json!({"bucket": "user-files", "name": name, "mime_type": "text/plain", "size_bytes": 1});
            (3, route.path.to_owned(), body("a.txt"), body("b.txt"))
        }
        other => panic!("say here how {other} is called"),
    };
    let body = (!body.is_null()).then_some(body);
    let token = Some(world.token().await);
    Call { component, method: route.method.clone(), path, body, other, token }
}

fn mcp_server(name: &str) -> Value {
    let url = "https://mcp.example.com/mcp";
    json!({"name": name, "url": url, "transport": "sse", "secret": "token"})
}
