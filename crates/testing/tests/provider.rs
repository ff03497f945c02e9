//! The provider of tests: right answers are understood on both wires, and each fault is met by what stands between providers and everybody else.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use std::time::Duration;

use egress::{Egress, EgressError, Request, StreamLimits, UrlPolicy};
use futures::stream::{self, StreamExt as _};
use http::StatusCode;
use providers::{
    Completion, Decoder, Finish, Limits, Message, Output, Parameters, Part, Prompt, ProviderError,
    Usage, Wire,
};
use serde_json::{Value, json};
use testing::{ProviderFault, ProviderReply, ProviderServer};

const LIMITS: StreamLimits = StreamLimits {
    head: Duration::from_millis(700),
    idle: Duration::from_millis(400),
    total: Duration::from_millis(2500),
    body_bytes_max: 2 * 1024 * 1024,
};

const WIRES: [Wire; 2] = [Wire::OpenAiCompatible, Wire::Anthropic];

#[derive(Debug, PartialEq, Eq)]
enum Failure {
    Egress(EgressError),
    Provider(ProviderError),
}

fn prompt(model: &str, stream: bool) -> Prompt {
    Prompt {
        model: model.to_owned(),
        system: Some("Be brief.".to_owned()),
        messages: vec![Message::User(vec![Part::Text("How are you?".to_owned())])],
        tools: Vec::new(),
        parameters: Parameters { max_tokens: Some(100), ..Parameters::default() },
        stream,
    }
}

/// Asks as our components do, and reads the answer to its end.
async fn ask(
    server: &ProviderServer,
    wire: Wire,
    prompt: &Prompt,
    limits: StreamLimits,
) -> Result<Completion, Failure> {
    let policy: UrlPolicy = server.origin().parse().unwrap();
    let target = policy.check(&format!("{}{}", server.base_url(), wire.path())).unwrap();
    let body = prompt.body(wire).unwrap();
    let (name, value) = wire.credential("sk-of-tests");
    let request = Request::post(target, "application/json", body).with_secret(name, &value);
    let mut response =
        Egress::new().unwrap().stream(request.unwrap(), limits).await.map_err(Failure::Egress)?;
    let mut decoder = Decoder::new(wire, Limits::default());
    let mut whole = Vec::new();
    let mut completion = Completion {
        text: String::new(),
        calls: Vec::new(),
        finish: Finish::Stop,
        stopped_at: None,
        usage: None,
    };
    while let Some(mut piece) = response.body.next().await.map_err(Failure::Egress)? {
        if response.status != StatusCode::OK || !prompt.stream {
            whole.extend_from_slice(&piece);
            continue;
        }
        while let Some(output) = decoder.read(&mut piece).map_err(Failure::Provider)? {
            match output {
                Output::Text(text) => completion.text.push_str(&text),
                Output::Call(call) => completion.calls.push(call),
                Output::Usage(usage) => completion.usage = Some(usage),
                Output::StoppedAt(sequence) => completion.stopped_at = Some(sequence),
                Output::Finished(finish) => completion.finish = finish,
            }
        }
    }
    if response.status != StatusCode::OK {
        let error = ProviderError::of_status(response.status, &response.headers, &whole);
        return Err(Failure::Provider(error));
    }
    if !prompt.stream {
        return Completion::read(wire, &whole).map_err(Failure::Provider);
    }
    decoder.end().map_err(Failure::Provider)?;
    Ok(completion)
}

#[tokio::test]
async fn every_fault_is_an_error_or_harmless() {
    let server = ProviderServer::start(|_| ProviderReply::text("All is well with me.")).await;
    let server = &server;
    let mut asked = Vec::new();
    for fault in ProviderFault::ALL {
        for (wire, stream) in WIRES.into_iter().flat_map(|wire| [(wire, true), (wire, false)]) {
            asked.push((fault, wire, stream));
        }
    }
    let outcomes = asked.into_iter().map(|(fault, wire, stream)| async move {
        let model = format!("fault/{}", fault.name());
        // A machine may be slow, and what is right is not to be late because of that.
        let is_harmless = fault.is_harmless(stream);
        let limits = if is_harmless { StreamLimits::default() } else { LIMITS };
        let outcome = ask(server, wire, &prompt(&model, stream), limits).await;
        let is_as_said = outcome.is_ok() == is_harmless;
        (!is_as_said).then(|| format!("{fault:?} {wire:?} streamed: {stream}: {outcome:?}"))
    });
    let outcomes = stream::iter(outcomes).buffer_unordered(16).collect::<Vec<_>>().await;
    let wrong: Vec<_> = outcomes.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    // Nobody is left on the line.
    while server.open() != 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn right_answers_are_understood_and_counted() {
    for (wire, stream) in WIRES.into_iter().flat_map(|wire| [(wire, true), (wire, false)]) {
        let arguments = json!({"city": "Bremen"});
        let server = ProviderServer::scripted([
            ProviderReply::call("weather", &arguments),
            ProviderReply::text("It rains in Bremen."),
            ProviderReply { is_cut: true, ..ProviderReply::counting(3) },
        ])
        .await;
        let prompt = prompt("small-1", stream);
        let called = ask(&server, wire, &prompt, StreamLimits::default()).await.unwrap();
        assert_eq!(called.finish, Finish::ToolCalls);
        assert_eq!(called.calls[0].name, "weather");
        let given: Value = serde_json::from_str(&called.calls[0].arguments).unwrap();
        assert_eq!(given, arguments);

        let said = ask(&server, wire, &prompt, StreamLimits::default()).await.unwrap();
        assert_eq!((said.text.as_str(), said.finish), ("It rains in Bremen.", Finish::Stop));
        assert_eq!(said.usage, Some(Usage { input_tokens: 5, output_tokens: 4 }));

        for _ in 0..2 {
            let cut = ask(&server, wire, &prompt, StreamLimits::default()).await.unwrap();
            assert_eq!((cut.text.as_str(), cut.finish), ("0 1 2 ", Finish::Length));
        }
        let requests = server.requests();
        let counted: Vec<_> =
            requests.iter().map(|one| (one.input_tokens(), one.output_tokens())).collect();
        assert_eq!(counted, [(5, 1), (5, 4), (5, 3), (5, 3)]);
        assert!(requests.iter().all(|one| one.key() == Some("sk-of-tests")));
        assert!(requests.iter().all(|one| one.last_text() == "How are you?"));
    }
}

#[tokio::test]
async fn whoever_goes_ends_the_answer() {
    let reply = |_: &_| ProviderReply::counting(1000).with_pause(Duration::from_millis(20));
    let server = ProviderServer::start(reply).await;
    let policy: UrlPolicy = server.origin().parse().unwrap();
    let target = policy.check(&format!("{}/chat/completions", server.base_url())).unwrap();
    let body = prompt("small-1", true).body(Wire::OpenAi).unwrap();
    let request = Request::post(target, "application/json", body);
    let mut response = Egress::new().unwrap().stream(request, LIMITS).await.unwrap();
    response.body.next().await.unwrap().unwrap();
    assert_eq!(server.open(), 1);
    drop(response);
    while server.open() != 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(server.requests()[0].output_tokens() < 1000);
}
