//! The provider of tests as a program, for tests that are not in Rust. Prints where it listens, and serves until its input ends.

use std::io::Read as _;

use serde_json::json;
use testing::{ProviderReply, ProviderRequest, ProviderServer};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let server = ProviderServer::start(reply).await;
    #[expect(clippy::print_stdout, reason = "whoever started it reads this")]
    {
        println!("listening on {}", server.origin());
    }
    let waited = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    waited.await??;
    Ok(())
}

/// Asks for the first tool that is offered, and says how it is once it knows.
fn reply(request: &ProviderRequest) -> ProviderReply {
    let messages = request.body.get("messages").and_then(|messages| messages.as_array());
    let last = messages.and_then(|messages| messages.last());
    let knows = last.is_some_and(|message| message.get("role") == Some(&json!("tool")));
    let tool = request.body.pointer("/tools/0/function/name").and_then(|name| name.as_str());
    match tool.filter(|_| !knows) {
        Some(tool) => ProviderReply::call(tool, &json!({"city": "Bremen"})),
        None => ProviderReply::text("It rains in Bremen."),
    }
}
