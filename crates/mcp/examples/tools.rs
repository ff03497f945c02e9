//! Lists the tools of a server and calls some: `tools URL streamable-http|sse [NAME ARGUMENTS]…`. Prints a line of JSON for each answer.
#![expect(clippy::print_stdout, reason = "that is what it does")]

use std::process::ExitCode;

use egress::{Egress, UrlPolicy};
use mcp::{Client, Content, Credentials, Limits, ResourceBody, Tool, ToolResult, Transport};
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{}", json!({ "failure": error.to_string() }));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Vec<String>) -> Result<(), Failure> {
    let (url, transport, calls) = match &arguments[..] {
        [url, transport, calls @ ..] if transport == "sse" => (url, Transport::Sse, calls),
        [url, transport, calls @ ..] if transport == "streamable-http" => {
            (url, Transport::StreamableHttp, calls)
        }
        _ => return Err("usage: tools URL streamable-http|sse [NAME ARGUMENTS]…".into()),
    };
    // Whoever runs this may open any origin.
    let origin = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let target = origin.parse::<UrlPolicy>()?.check(url)?;
    let mut client = Client::connect(
        Egress::new()?,
        target,
        transport,
        Credentials::default(),
        Limits::default(),
    )
    .await?;
    let server = client.server();
    println!("{}", json!({"server": server.name, "protocol": server.protocol.as_str()}));
    let tools = client.list_tools().await?;
    println!("{}", json!({"tools": tools.iter().map(described).collect::<Vec<_>>()}));
    for call in calls.chunks(2) {
        let [name, arguments] = call else { return Err("a tool has a name and arguments".into()) };
        let line = match client.call_tool(name, &serde_json::from_str(arguments)?).await {
            Ok(result) => shown(name, &result),
            Err(error) => json!({"tool": name, "failure": error.to_string()}),
        };
        println!("{line}");
    }
    client.close().await;
    Ok(())
}

fn described(tool: &Tool) -> Value {
    json!({"name": tool.name, "schema": tool.input_schema})
}

fn shown(name: &str, result: &ToolResult) -> Value {
    let content: Vec<_> = result.content.iter().map(part).collect();
    let structured = &result.structured;
    json!({"tool": name, "is_error": result.is_error, "content": content, "structured": structured})
}

fn part(content: &Content) -> Value {
    match content {
        Content::Text(text) => json!({"text": text}),
        Content::Image { data, mime_type } => json!({"image": mime_type, "bytes": data.len()}),
        Content::Audio { data, mime_type } => json!({"audio": mime_type, "bytes": data.len()}),
        Content::Link { uri, name, .. } => json!({"link": uri, "name": name}),
        Content::Embedded(resource) => match &resource.body {
            ResourceBody::Text(text) => json!({"resource": resource.uri, "text": text}),
            ResourceBody::Blob(blob) => json!({"resource": resource.uri, "bytes": blob.len()}),
        },
    }
}
