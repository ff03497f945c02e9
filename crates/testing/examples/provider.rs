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

/// Asks for the first tool that is offered, and says how it is once it knows. What an echo says, it says again.
fn reply(request: &ProviderRequest) -> ProviderReply {
    let messages = request.body.get("messages").and_then(|messages| messages.as_array());
    let last = messages.and_then(|messages| messages.last());
    // OpenAI's wire, then Anthropic's.
    let knows = last.is_some_and(|message| {
        message.get("role") == Some(&json!("tool"))
            || message.pointer("/content/0/type") == Some(&json!("tool_result"))
    });
    let names = ["/tools/0/function/name", "/tools/0/name"];
    let tool = names.into_iter().find_map(|name| request.body.pointer(name)?.as_str());
    let is_echo = tool.is_some_and(|tool| tool.ends_with("__echo"));
    match tool {
        Some(tool) if !knows && is_echo => ProviderReply::call(tool, &json!({"message": "fünf"})),
        Some(tool) if !knows => ProviderReply::call(tool, &json!({"city": "Bremen"})),
        Some(_) if is_echo => {
            ProviderReply::text(&format!("The tool says: {}", request.last_text()))
        }
        _ => ProviderReply::text("It rains in Bremen."),
    }
}
