//! An account has eight generations at once, runs and completions together.

use bytes::Bytes;
use e2e::{Client, Person, Policy, ledger};
use futures::future::join_all;
use http::{Method, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::Value;

use crate::chat::question;
use crate::world::{GENERATIONS, World};

const COMPLETIONS: &str = "/v1/chat/completions";

/// Generations that are open, and how many requests were refused.
struct Outcome {
    open: Vec<Incoming>,
    refused: usize,
}

pub async fn run(policy: Policy) {
    let world = World::start(policy).await;
    let ada = Person::sign_up(&world.anonymous(), "ada").await;
    let model = "eight-model";
    ada.create_model(model, &world.provider.base_url()).await;
    let titles: Vec<_> = (0..12).map(|n| format!("{n}")).collect();
    let creations = titles.iter().map(|title| ada.create_conversation(title));
    let paths = join_all(creations).await;
    let runs: Vec<_> = paths.iter().map(|id| format!("/api/conversations/{id}/runs")).collect();
    let completions = vec![COMPLETIONS.to_owned(); 12];
    let mixed = [&runs[..6], &completions[..6]].concat();

    for (what, paths) in [("12 runs", &runs), ("12 completions", &completions), ("6 and 6", &mixed)]
    {
        world.provider.close_gate();
        let outcome = begin(&ada.client, paths, model).await;
        println!("{what}: {} stream, {} are refused", outcome.open.len(), outcome.refused);
        assert_eq!((outcome.open.len(), outcome.refused), (GENERATIONS, 4), "{what}");
        world.provider.open_gate();
        read_to_end(outcome.open).await;
        ledger::check(&ada.client, world.provider.served(model)).await;
    }

    // No run begins while eight completions are open, and no completion while eight runs are.
    for (first, then) in [(&completions, &runs), (&runs, &completions)] {
        world.provider.close_gate();
        let open = begin(&ada.client, &first[..GENERATIONS], model).await;
        assert_eq!((open.open.len(), open.refused), (GENERATIONS, 0), "{}", first[0]);
        let more = begin(&ada.client, &then[..GENERATIONS], model).await;
        println!("8 of {} are open: {} of 8 others begin", first[0], more.open.len());
        assert_eq!((more.open.len(), more.refused), (0, GENERATIONS), "{}", then[0]);
        world.provider.open_gate();
        read_to_end(open.open).await;
        ledger::check(&ada.client, world.provider.served(model)).await;
    }
    let served = world.provider.served(model);
    assert_eq!(served.requests, 5 * GENERATIONS as u64, "{served:?}");
    world.end().await;
}

/// Begins a generation at each path at the same moment. A refusal says when to come again.
async fn begin(client: &Client, paths: &[String], model: &str) -> Outcome {
    let requests = paths.iter().map(|path| {
        let (client, path) = (client.clone(), path.clone());
        let body = Bytes::from(question(&path, model).to_string());
        tokio::spawn(async move {
            let json = [("content-type", "application/json")];
            client.begin(Method::POST, &path, &json, body).await.unwrap()
        })
    });
    let answers: Vec<Response<Incoming>> =
        join_all(requests).await.into_iter().map(Result::unwrap).collect();
    let mut outcome = Outcome { open: Vec::new(), refused: 0 };
    for answer in answers {
        let (head, body) = answer.into_parts();
        if head.status == StatusCode::OK {
            outcome.open.push(body);
            continue;
        }
        let bytes = body.collect().await.unwrap().to_bytes();
        assert_eq!(head.status, StatusCode::TOO_MANY_REQUESTS, "{bytes:?}");
        assert!(head.headers.contains_key("retry-after"), "{head:?}");
        let problem: Value = serde_json::from_slice(&bytes).unwrap();
        let code = problem.get("code").unwrap_or(&problem["error"]["code"]);
        assert_eq!(code, "too_many_runs", "{problem}");
        outcome.refused += 1;
    }
    outcome
}

/// Reads each stream to its end, which has to be a good one.
async fn read_to_end(open: Vec<Incoming>) {
    for body in open {
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("event: run.completed") || text.contains("[DONE]"), "{text}");
    }
}
