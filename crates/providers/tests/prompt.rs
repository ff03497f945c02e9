//! What is sent, and answers that are not streamed.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use providers::{
    Completion, Finish, Message, Parameters, Part, Prompt, ProviderError, Tool, ToolCall,
    Unwritable, Usage, Wire,
};
use serde_json::{Value, json};

fn prompt() -> Prompt {
    let call = |id: &str, arguments: &str| ToolCall {
        id: id.to_owned(),
        name: "sum".to_owned(),
        arguments: arguments.to_owned(),
    };
    let result = |call_id: &str, is_error| Message::Tool {
        call_id: call_id.to_owned(),
        text: "3".to_owned(),
        is_error,
    };
    let image = Part::Image { mime_type: "image/png".to_owned(), data: "AA==".to_owned() };
    Prompt {
        model: "m".to_owned(),
        system: Some("Be brief.".to_owned()),
        messages: vec![
            Message::User(vec![Part::Text("1+2?".to_owned()), image]),
            Message::Assistant {
                text: String::new(),
                calls: vec![call("a", r#"{"x":1.50}"#), call("b", "")],
            },
            result("a", false),
            result("b", true),
            Message::User(vec![Part::Text("So?".to_owned())]),
        ],
        tools: vec![Tool {
            name: "sum".to_owned(),
            description: None,
            parameters: serde_json::from_str(r#"{"type":"object"}"#).unwrap(),
        }],
        parameters: Parameters {
            further: serde_json::Map::default(),
            max_tokens: Some(10),
            temperature: Some(0.5),
            top_p: None,
            stop: vec!["END".to_owned()],
        },
        stream: true,
    }
}

fn body(prompt: &Prompt, wire: Wire) -> Value {
    serde_json::from_str(&prompt.body(wire).unwrap()).unwrap()
}

#[test]
fn calls_whose_arguments_are_no_object_cannot_be_said_to_anthropic() {
    for arguments in ["[]", "1", "{", "{}{}", "null"] {
        let mut prompt = prompt();
        let call = ToolCall { id: "a".into(), name: "n".into(), arguments: arguments.to_owned() };
        prompt.messages = vec![Message::Assistant { text: String::new(), calls: vec![call] }];
        assert_eq!(prompt.body(Wire::Anthropic), Err(Unwritable), "{arguments}");
        assert!(prompt.body(Wire::OpenAi).is_ok(), "{arguments}");
    }
}

#[test]
fn prompts_are_written_for_openai() {
    let call = |id, arguments| json!({"id": id, "type": "function", "function": {"name": "sum", "arguments": arguments}});
    let url = json!({"url": "data:image/png;base64,AA=="});
    let mut expected = json!({
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "1+2?"}, {"type": "image_url", "image_url": url}]},
            {"role": "assistant", "tool_calls": [call("a", "{\"x\":1.50}"), call("b", "")]},
            {"role": "tool", "tool_call_id": "a", "content": "3"},
            {"role": "tool", "tool_call_id": "b", "content": "3"},
            {"role": "user", "content": "So?"},
        ],
        "tools": [{"type": "function", "function": {"name": "sum", "parameters": {"type": "object"}}}],
        "max_completion_tokens": 10,
        "temperature": 0.5,
        "stop": ["END"],
        "stream": true,
        "stream_options": {"include_usage": true},
    });
    assert_eq!(body(&prompt(), Wire::OpenAi), expected);
    let fields = expected.as_object_mut().unwrap();
    fields.remove("max_completion_tokens");
    fields.insert("max_tokens".to_owned(), json!(10));
    assert_eq!(body(&prompt(), Wire::OpenAiCompatible), expected);
    assert_eq!(Wire::OpenAi.credential("k").1, "Bearer k");
}

#[test]
fn prompts_are_written_for_anthropic() {
    let result = |id, is_error| json!({"type": "tool_result", "tool_use_id": id, "content": "3", "is_error": is_error});
    let source = json!({"type": "base64", "media_type": "image/png", "data": "AA=="});
    let expected = json!({
        "model": "m",
        "system": "Be brief.",
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "1+2?"}, {"type": "image", "source": source}]},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "a", "name": "sum", "input": {"x": 1.5}},
                {"type": "tool_use", "id": "b", "name": "sum", "input": {}},
            ]},
            {"role": "user", "content": [result("a", false), result("b", true), {"type": "text", "text": "So?"}]},
        ],
        "tools": [{"name": "sum", "input_schema": {"type": "object"}}],
        "max_tokens": 10,
        "temperature": 0.5,
        "stop_sequences": ["END"],
        "stream": true,
    });
    assert_eq!(body(&prompt(), Wire::Anthropic), expected);
    let written = prompt().body(Wire::Anthropic).unwrap();
    assert!(
        written.contains(r#""input":{"x":1.50}"#),
        "arguments are passed on as they were written"
    );
    assert_eq!(Wire::Anthropic.credential("k").0, "x-api-key");
}

#[test]
fn whole_answers_are_read_or_refused() {
    for (wire, body, expected) in [
        (Wire::OpenAi, "", ProviderError::Malformed),
        (Wire::OpenAi, "{}", ProviderError::Malformed),
        (Wire::OpenAi, r#"{"choices":[]}"#, ProviderError::Malformed),
        (Wire::OpenAi, r#"{"choices":[{"message":{"content":"a"}}]}"#, ProviderError::Malformed),
        (Wire::OpenAi, r#"{"error":{"code":"model_not_found"}}"#, ProviderError::NoSuchModel),
        (Wire::Anthropic, "[]", ProviderError::Malformed),
        (Wire::Anthropic, r#"{"content":[]}"#, ProviderError::Malformed),
        (
            Wire::Anthropic,
            r#"{"type":"error","error":{"type":"api_error"}}"#,
            ProviderError::Failed,
        ),
    ] {
        assert_eq!(Completion::read(wire, body.as_bytes()), Err(expected), "{body}");
    }
    let call = ToolCall { id: "a".into(), name: "f".into(), arguments: r#"{"x":1}"#.into() };
    let expected = Completion {
        text: "Hi".to_owned(),
        calls: vec![call],
        finish: Finish::ToolCalls,
        stopped_at: None,
        usage: Some(Usage { input_tokens: 5, output_tokens: 7 }),
    };
    let openai = br#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi","tool_calls":[{"id":"a",
        "type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]},"finish_reason":"tool_calls"}],
        "usage":{"prompt_tokens":5,"completion_tokens":7}}"#;
    assert_eq!(Completion::read(Wire::OpenAi, openai), Ok(expected.clone()));
    let anthropic = br#"{"type":"message","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"Hi"},
        {"type":"tool_use","id":"a","name":"f","input":{"x":1}}],"stop_reason":"tool_use",
        "usage":{"input_tokens":5,"output_tokens":7}}"#;
    assert_eq!(Completion::read(Wire::Anthropic, anthropic), Ok(expected));
    let stopped = br#"{"content":[],"stop_reason":"stop_sequence","stop_sequence":"END"}"#;
    let stopped = Completion::read(Wire::Anthropic, stopped).unwrap();
    assert_eq!((stopped.finish, stopped.stopped_at.as_deref()), (Finish::Stop, Some("END")));
}
