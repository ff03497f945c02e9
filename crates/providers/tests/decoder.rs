//! Streamed answers of both wires, whole and cut anywhere.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do, and print their seed"
)]

use std::hash::{BuildHasher as _, RandomState};

use bytes::Bytes;
use providers::{Decoder, Finish, Limits, Output, ProviderError, ToolCall, Usage, Wire};

const LIMITS: Limits =
    Limits { event_bytes_max: 1000, total_bytes_max: 3000, calls_max: 2, call_bytes_max: 200 };

/// All outputs of an answer that comes in these pieces. Texts are joined: where one ends is nobody's business.
fn outputs<'a>(
    wire: Wire,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<Output>, ProviderError> {
    let mut decoder = Decoder::new(wire, LIMITS);
    let mut outputs = Vec::new();
    for piece in pieces {
        let mut bytes = Bytes::copy_from_slice(piece);
        while let Some(output) = decoder.read(&mut bytes)? {
            outputs.push(output);
        }
        assert!(bytes.is_empty(), "all bytes are taken");
    }
    decoder.end()?;
    Ok(outputs)
}

fn of(wire: Wire, events: &[&str]) -> Result<Vec<Output>, ProviderError> {
    let stream: Vec<_> = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    outputs(wire, [stream.concat().as_bytes()])
}

fn openai(events: &[&str]) -> Result<Vec<Output>, ProviderError> {
    of(Wire::OpenAiCompatible, events)
}

fn anthropic(events: &[&str]) -> Result<Vec<Output>, ProviderError> {
    of(Wire::Anthropic, events)
}

fn text(text: &str) -> Output {
    Output::Text(text.to_owned())
}

fn call(id: &str, name: &str, arguments: &str) -> Output {
    let [id, name, arguments] = [id, name, arguments].map(str::to_owned);
    Output::Call(ToolCall { id, name, arguments })
}

fn usage(input_tokens: u64, output_tokens: u64) -> Output {
    Output::Usage(Usage { input_tokens, output_tokens })
}

const SAYS_HI: &str = r#"{"choices":[{"index":0,"delta":{"content":"Hi"}}]}"#;
const STOPS: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const BEGINS: &str = r#"{"type":"message_start","message":{"content":[],"usage":{"input_tokens":3,"cache_read_input_tokens":4,"output_tokens":1}}}"#;
const ENDS: &str =
    r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}"#;

#[test]
fn what_is_no_answer_of_openai_s_is_a_class_of_error() {
    let long = format!(r#"{{"choices":[{{"delta":{{"content":"{}"}}}}]}}"#, "x".repeat(900));
    let piece = |index: usize| {
        format!(
            r#"{{"choices":[{{"delta":{{"tool_calls":[{{"index":{index},"id":"c{index}","function":{{"name":"n","arguments":"{}"}}}}]}}}}]}}"#,
            "x".repeat(90)
        )
    };
    let calls: Vec<_> = (0..3).map(piece).collect();
    for (events, expected) in [
        (&[][..], ProviderError::Interrupted),
        (&[SAYS_HI], ProviderError::Interrupted),
        (&[SAYS_HI, "[DONE]"], ProviderError::Interrupted),
        (&["[DONE]"], ProviderError::Interrupted),
        (&["{"], ProviderError::Malformed),
        (&["null"], ProviderError::Malformed),
        (&["<html>"], ProviderError::Malformed),
        (&[r#"{"choices":{}}"#], ProviderError::Malformed),
        (&[r#"{"choices":[{"delta":{"content":7}}]}"#], ProviderError::Malformed),
        (&[r#"{"choices":[],"usage":{"prompt_tokens":-1}}"#], ProviderError::Malformed),
        (&[STOPS, SAYS_HI], ProviderError::Malformed),
        (&[STOPS, &calls[0]], ProviderError::Malformed),
        (
            &[
                r#"{"choices":[{"delta":{"tool_calls":[{"index":0}]},"finish_reason":"tool_calls"}]}"#,
            ],
            ProviderError::Malformed,
        ),
        (
            &[r#"{"error":{"message":"m","code":"context_length_exceeded"}}"#],
            ProviderError::TooLong,
        ),
        (&[SAYS_HI, r#"{"error":{"message":"m","type":"server_error"}}"#], ProviderError::Failed),
        (&[SAYS_HI, r#"{"error":{"message":"m","code":502}}"#], ProviderError::Failed),
        (&[&long, &long, &long, &long], ProviderError::TooMuch),
        (&[&"x".repeat(1001)], ProviderError::TooMuch),
        (&[&calls[0], &calls[1], &calls[2]], ProviderError::TooMuch),
        (&[&calls[0], &calls[0], &calls[0]], ProviderError::TooMuch),
    ] {
        assert_eq!(openai(events), Err(expected), "{events:?}");
    }
}

#[test]
fn openai_s_answers_are_read() {
    let stops = Output::Finished(Finish::Stop);
    let used =
        r#"{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}"#;
    assert_eq!(
        openai(&[SAYS_HI, SAYS_HI, STOPS, STOPS, used, "[DONE]", "anything"]).unwrap(),
        [text("Hi"), text("Hi"), stops.clone(), usage(5, 7)]
    );
    // Without a last word, with empty events, other choices, and numbers beyond all models.
    let other = r#"{"choices":[{"index":1,"delta":{"content":"no"},"finish_reason":"length"}]}"#;
    let most =
        r#"{"choices":null,"usage":{"prompt_tokens":18446744073709551615,"completion_tokens":0}}"#;
    let most_read = usage(u64::from(u32::MAX), 0);
    assert_eq!(openai(&["", other, STOPS, most]).unwrap(), [stops, most_read]);
    for (reason, finish) in [
        ("length", Finish::Length),
        ("content_filter", Finish::Filtered),
        ("tool_calls", Finish::Stop),
        ("eos", Finish::Stop),
    ] {
        let event =
            format!(r#"{{"choices":[{{"delta":{{"refusal":"no"}},"finish_reason":"{reason}"}}]}}"#);
        assert_eq!(openai(&[&event]).unwrap(), [text("no"), Output::Finished(finish)], "{reason}");
    }
}

#[test]
fn openai_s_calls_are_put_together_however_they_are_numbered() {
    let delta = |calls: &str, reason: &str| {
        format!(
            r#"{{"choices":[{{"delta":{{"tool_calls":[{calls}]}},"finish_reason":{reason}}}]}}"#
        )
    };
    let waits = Output::Finished(Finish::ToolCalls);
    let begin = r#"{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}"#;
    let second = r#"{"index":1,"id":"b","function":{"name":"g","arguments":"{}"}}"#;
    let more = r#"{"index":0,"function":{"arguments":"{\"x\":1}"}}"#;
    let expected = [call("a", "f", r#"{"x":1}"#), call("b", "g", "{}"), waits.clone()];
    assert_eq!(openai(&[&delta(&[begin, second, more].join(","), r#""stop""#)]).unwrap(), expected);
    let ways = [&delta(begin, "null")[..], &delta(second, "null"), &delta(more, r#""tool_calls""#)];
    assert_eq!(openai(&ways).unwrap(), expected);
    // The same number for all, the id in every piece, or neither number nor id.
    let same = second.replace("\"index\":1", "\"index\":0");
    let expected_same = [call("a", "f", "{}"), call("b", "g", "{}"), waits.clone()];
    assert_eq!(openai(&[&delta(&[begin, &same].join(","), r#""stop""#)]).unwrap(), expected_same);
    let repeated = r#"{"index":0,"id":"a","function":{"name":"f","arguments":"1"}}"#;
    let repeated = openai(&[&delta(&[repeated, repeated].join(","), r#""stop""#)]).unwrap();
    assert_eq!(repeated, [call("a", "f", "11"), waits.clone()]);
    let bare = r#"{"function":{"name":"f"}}"#;
    assert_eq!(openai(&[&delta(bare, r#""stop""#)]).unwrap(), [call("call_0", "f", "{}"), waits]);
    // What the limit cut off is no call.
    let cut = openai(&[&delta(begin, r#""length""#)]).unwrap();
    assert_eq!(cut, [Output::Finished(Finish::Length)]);
}

#[test]
fn what_is_no_answer_of_anthropic_s_is_a_class_of_error() {
    let block = |kind: &str| {
        format!(
            r#"{{"type":"content_block_start","index":0,"content_block":{{"type":"{kind}","id":"a","name":"f","input":{{}}}}}}"#
        )
    };
    let says =
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#;
    let argues =
        r#"{"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"{}"}}"#;
    let error =
        |kind: &str| format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"m"}}}}"#);
    let (tool, overloaded, refused) =
        (block("tool_use"), error("overloaded_error"), error("authentication_error"));
    for (events, expected) in [
        (&[][..], ProviderError::Interrupted),
        (&[BEGINS, says], ProviderError::Interrupted),
        (&[BEGINS, says, r#"{"type":"message_stop"}"#], ProviderError::Interrupted),
        (&["{}"], ProviderError::Malformed),
        (&[""], ProviderError::Malformed),
        (&["[DONE]"], ProviderError::Malformed),
        (&[r#"{"type":"content_block_start","index":0}"#], ProviderError::Malformed),
        (&[r#"{"type":"content_block_delta","index":0}"#], ProviderError::Malformed),
        (
            &[r#"{"type":"message_start","message":{"usage":{"input_tokens":1.5}}}"#],
            ProviderError::Malformed,
        ),
        (&[&tool, argues], ProviderError::Malformed),
        (&[BEGINS, ENDS, says], ProviderError::Malformed),
        (&[BEGINS, ENDS, &tool], ProviderError::Malformed),
        (&[BEGINS, says, &overloaded], ProviderError::Failed),
        (&[&refused], ProviderError::Unauthorized),
        (&[&error("x")], ProviderError::Failed),
        (&[r#"{"type":"error"}"#], ProviderError::Failed),
    ] {
        assert_eq!(anthropic(events), Err(expected), "{events:?}");
    }
}

#[test]
fn anthropic_s_answers_are_read() {
    let events = [
        BEGINS,
        r#"{"type":"ping"}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hi"}}"#,
        r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"a","name":"f","input":{}}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"x\":"}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"1}"}}"#,
        r#"{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"b","name":"g","input":{}}}"#,
        r#"{"type":"something_new"}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}}"#,
        r#"{"type":"message_stop"}"#,
        "anything",
    ];
    let expected = [
        usage(7, 1),
        text("Hi"),
        call("a", "f", r#"{"x":1}"#),
        call("b", "g", "{}"),
        Output::Finished(Finish::ToolCalls),
        usage(7, 9),
    ];
    assert_eq!(anthropic(&events).unwrap(), expected);
    assert_eq!(
        anthropic(&[BEGINS, ENDS]).unwrap(),
        [usage(7, 1), Output::Finished(Finish::Stop), usage(7, 9)]
    );
    let stopped =
        r#"{"type":"message_delta","delta":{"stop_reason":"stop_sequence","stop_sequence":"END"}}"#;
    assert_eq!(
        anthropic(&[stopped, stopped]).unwrap(),
        [Output::StoppedAt("END".to_owned()), Output::Finished(Finish::Stop)]
    );
}

/// Numbers that look random (`SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % end as u64).unwrap()
    }
}

#[test]
fn any_cut_of_any_answer_gives_the_same() {
    let call = r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"ä"}}]}}]}"#;
    let begins = r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"f"}}"#;
    let argues = r#"{"type":"content_block_delta","index":0,"delta":{"partial_json":"ä"}}"#;
    let says = r#"{"type":"content_block_delta","index":0,"delta":{"text":"Hi"}}"#;
    let stop = r#"{"type":"message_stop"}"#;
    // What may come, and what makes an answer whole.
    let wires: [(Wire, &[&str], &[&str]); 2] = [
        (
            Wire::OpenAi,
            &[SAYS_HI, SAYS_HI, call, STOPS, "[DONE]", "{", ""],
            &[SAYS_HI, call, STOPS, "[DONE]"],
        ),
        (
            Wire::Anthropic,
            &[BEGINS, says, says, begins, argues, ENDS, stop, "{"],
            &[BEGINS, says, begins, argues, ENDS, stop],
        ),
    ];
    let ends = ["\n\n", "\r\n\r\n", "\r\r", "\n"];
    let seed = RandomState::new().hash_one(0);
    println!("seed {seed}");
    let mut numbers = Numbers(seed);
    for round in 0..500 {
        let (wire, any, all) = wires[numbers.below(2)];
        // Every other answer is whole, with one way to end lines; the others are what chance brings.
        let is_whole = round % 2 == 0;
        let end = ends[numbers.below(3)];
        let events: Vec<_> = if is_whole {
            all.iter().map(|event| format!("data: {event}{end}")).collect()
        } else {
            (0..numbers.below(8))
                .map(|_| {
                    format!("data: {}{}", any[numbers.below(any.len())], ends[numbers.below(4)])
                })
                .collect()
        };
        let stream = events.concat();
        let stream = stream.as_bytes();
        let whole = outputs(wire, [stream]);
        assert!(whole.is_ok() || !is_whole, "seed {seed}: {whole:?}");
        assert_eq!(outputs(wire, stream.chunks(1)), whole, "seed {seed}");
        for _ in 0..20 {
            let (left, right) = stream.split_at(numbers.below(stream.len() + 1));
            let (middle, right) = right.split_at(numbers.below(right.len() + 1));
            assert_eq!(outputs(wire, [left, middle, right]), whole, "seed {seed}");
        }
    }
}
