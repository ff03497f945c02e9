use serde_json::{Value, json};

use super::frames::{Frame, Kind};
use super::reply::Said;
use super::{ProviderReply, ProviderRequest};

const ID: &str = "msg_tests";

/// The events of a streamed answer.
pub fn frames(request: &ProviderRequest, reply: &ProviderReply, usage: Option<Said>) -> Vec<Frame> {
    let mut message = json!({
        "id": ID, "type": "message", "role": "assistant", "model": request.model(), "content": [],
        "stop_reason": null, "stop_sequence": null,
    });
    if let Some(usage) = &usage {
        message["usage"] = json!({"input_tokens": usage.input, "output_tokens": 1});
    }
    let begin = json!({"type": "message_start", "message": message});
    let mut frames = vec![
        Frame::new(Kind::Between, &begin),
        Frame::new(Kind::Between, &json!({"type": "ping"})),
    ];
    let mut block = |start: Value, deltas: Vec<Value>, index: usize| {
        let start = json!({"type": "content_block_start", "index": index, "content_block": start});
        frames.push(Frame::new(Kind::Between, &start));
        for delta in deltas {
            let delta = json!({"type": "content_block_delta", "index": index, "delta": delta});
            frames.push(Frame::new(Kind::Token, &delta));
        }
        let stop = json!({"type": "content_block_stop", "index": index});
        frames.push(Frame::new(Kind::Between, &stop));
    };
    let texts = reply.pieces.iter().map(|text| json!({"type": "text_delta", "text": text}));
    block(json!({"type": "text", "text": ""}), texts.collect(), 0);
    for (index, (name, arguments)) in reply.calls.iter().enumerate() {
        let start =
            json!({"type": "tool_use", "id": format!("toolu_{index}"), "name": name, "input": {}});
        let delta = json!({"type": "input_json_delta", "partial_json": arguments});
        block(start, vec![delta], index + 1);
    }
    let mut end = json!({
        "type": "message_delta", "delta": {"stop_reason": stop_reason(reply), "stop_sequence": reply.stopped_at},
    });
    if let Some(usage) = usage {
        end["usage"] = json!({"output_tokens": usage.output});
    }
    frames.push(Frame::new(Kind::Finish, &end));
    frames.push(Frame::new(Kind::Done, &json!({"type": "message_stop"})));
    frames
}

/// An answer that is not streamed.
pub fn completion(request: &ProviderRequest, reply: &ProviderReply, usage: Option<Said>) -> Value {
    let mut content = Vec::new();
    if !reply.pieces.is_empty() {
        content.push(json!({"type": "text", "text": reply.whole()}));
    }
    for (index, (name, arguments)) in reply.calls.iter().enumerate() {
        // Arguments that are no document can only be said in a stream.
        let input: Value = serde_json::from_str(arguments).unwrap_or_else(|_| json!(arguments));
        content.push(json!({
            "type": "tool_use", "id": format!("toolu_{index}"), "name": name, "input": input,
        }));
    }
    let mut body = json!({
        "id": ID, "type": "message", "role": "assistant", "model": request.model(), "content": content,
        "stop_reason": stop_reason(reply), "stop_sequence": reply.stopped_at,
    });
    if let Some(usage) = usage {
        body["usage"] = json!({"input_tokens": usage.input, "output_tokens": usage.output});
    }
    body
}

pub fn error() -> Value {
    json!({"type": "error", "error": {"type": "api_error", "message": "upstream words"}})
}

fn stop_reason(reply: &ProviderReply) -> &'static str {
    match reply {
        ProviderReply { is_cut: true, .. } => "max_tokens",
        ProviderReply { calls, .. } if !calls.is_empty() => "tool_use",
        ProviderReply { stopped_at: Some(_), .. } => "stop_sequence",
        _ => "end_turn",
    }
}
