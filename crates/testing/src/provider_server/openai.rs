use serde_json::{Value, json};

use super::frames::{Frame, Kind};
use super::reply::Said;
use super::{ProviderReply, ProviderRequest};

const ID: &str = "chatcmpl-tests";
const CREATED: u64 = 1_700_000_000;

/// The events of a streamed answer.
pub fn frames(request: &ProviderRequest, reply: &ProviderReply, usage: Option<Said>) -> Vec<Frame> {
    let chunk = |choices: Value, usage: Value| {
        json!({
            "id": ID, "object": "chat.completion.chunk", "created": CREATED, "model": request.model(),
            "choices": choices, "usage": usage,
        })
    };
    let choice = |delta: Value, finish: Option<&str>| {
        chunk(json!([{"index": 0, "delta": delta, "finish_reason": finish}]), Value::Null)
    };
    let begin = choice(json!({"role": "assistant", "content": ""}), None);
    let mut frames = vec![Frame::new(Kind::Between, &begin)];
    for piece in &reply.pieces {
        frames.push(Frame::new(Kind::Token, &choice(json!({"content": piece}), None)));
    }
    for (index, (name, arguments)) in reply.calls.iter().enumerate() {
        let call = json!({
            "index": index, "id": format!("call_{index}"), "type": "function",
            "function": {"name": name, "arguments": ""},
        });
        frames.push(Frame::new(Kind::Between, &choice(json!({"tool_calls": [call]}), None)));
        let more = json!({"index": index, "function": {"arguments": arguments}});
        frames.push(Frame::new(Kind::Token, &choice(json!({"tool_calls": [more]}), None)));
    }
    frames.push(Frame::new(Kind::Finish, &choice(json!({}), Some(finish(reply)))));
    let is_asked = request.body["stream_options"]["include_usage"] == true;
    if let Some(usage) = usage.filter(|_| is_asked) {
        frames.push(Frame::new(Kind::Usage, &chunk(json!([]), tokens(&usage))));
    }
    frames.push(Frame::raw(Kind::Done, "data: [DONE]\n\n"));
    frames
}

/// An answer that is not streamed.
pub fn completion(request: &ProviderRequest, reply: &ProviderReply, usage: Option<Said>) -> Value {
    let mut message = json!({"role": "assistant", "content": reply.whole(), "refusal": null});
    if !reply.calls.is_empty() {
        let call = |(index, (name, arguments)): (usize, &(String, String))| {
            json!({
                "id": format!("call_{index}"), "type": "function",
                "function": {"name": name, "arguments": arguments},
            })
        };
        message["tool_calls"] = reply.calls.iter().enumerate().map(call).collect();
    }
    let mut body = json!({
        "id": ID, "object": "chat.completion", "created": CREATED, "model": request.model(),
        "choices": [{"index": 0, "message": message, "finish_reason": finish(reply)}],
    });
    if let Some(usage) = usage {
        body["usage"] = tokens(&usage);
    }
    body
}

/// Takes the reason away why an answer ended, on either wire.
pub fn take_finish(body: &mut Value) {
    if let Some(choice) = body.pointer_mut("/choices/0/finish_reason") {
        *choice = Value::Null;
    } else {
        body["stop_reason"] = Value::Null;
    }
}

pub fn error() -> Value {
    json!({"error": {"message": "upstream words", "type": "server_error", "code": null}})
}

fn finish(reply: &ProviderReply) -> &'static str {
    match reply {
        ProviderReply { is_cut: true, .. } => "length",
        ProviderReply { calls, .. } if !calls.is_empty() => "tool_calls",
        _ => "stop",
    }
}

fn tokens(usage: &Said) -> Value {
    let total = usage.input.as_u64().zip(usage.output.as_u64());
    let total = total.map(|(input, output)| input.saturating_add(output));
    json!({
        "prompt_tokens": usage.input, "completion_tokens": usage.output, "total_tokens": total.unwrap_or_default(),
    })
}
