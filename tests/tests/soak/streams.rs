//! One open stream of each person: runs and completions, read to their end or left.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use e2e::Person;
use e2e::client::NoAnswer;
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::json;

use crate::dice::Dice;
use crate::record::Counts;
use crate::traffic::Life;

pub async fn run(person: Person, life: Arc<Life>, counts: Arc<Counts>, mut dice: Dice) {
    let Ok(mut person) = person.try_switch(&person.account_id).await else { return };
    for number in 1_usize.. {
        if life.is_over() {
            return;
        }
        if number % 40 == 0 {
            match person.try_switch(&person.account_id).await {
                Ok(renewed) => person = renewed,
                Err(error) => return life.cut(&counts, &error),
            }
        }
        if let Err(error) = stream(&person, &counts, &life, &mut dice).await {
            return life.cut(&counts, &error);
        }
    }
}

/// Opens a stream of up to four seconds. Every third client leaves in its middle.
async fn stream(
    person: &Person,
    counts: &Counts,
    life: &Life,
    dice: &mut Dice,
) -> Result<(), NoAnswer> {
    let text = format!("{} pieces of the thread", 20 + dice.below(180));
    let leaves_after = dice.percent(33).then(|| dice.below(4_000));
    let json = [("content-type", "application/json")];
    let (path, body) = if dice.percent(50) {
        let created =
            person.client.send(Method::POST, "/api/conversations", Some(&json!({}))).await?;
        let Some(id) = created.body["id"].as_str() else {
            counts.fault(format!("no conversation: {created:?}"));
            return Ok(());
        };
        let on_disconnect = if dice.percent(50) { "continue" } else { "cancel" };
        let body = json!({"content": text, "on_disconnect": on_disconnect});
        (format!("/api/conversations/{id}/runs"), body)
    } else {
        let messages = json!([{"role": "user", "content": text}]);
        let body = json!({"model": "soak-model", "messages": messages, "stream": true});
        ("/v1/chat/completions".to_owned(), body)
    };
    let response = person.client.begin(Method::POST, &path, &json, body.to_string().into()).await?;
    counts.streams.fetch_add(1, Relaxed);
    if response.status() == StatusCode::TOO_MANY_REQUESTS {
        // Runs of clients that have left go on, and count.
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        return Ok(());
    }
    if response.status() != StatusCode::OK {
        counts.fault(format!("{path}: {}", response.status()));
        return Ok(());
    }
    let (mut body, mut read) = (response.into_body(), Vec::new());
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => read.extend_from_slice(frame.data_ref().map_or(&[], |data| &data[..])),
            Err(error) => return Err(NoAnswer(Box::new(error))),
        }
        if leaves_after.is_some_and(|bytes| bytes < read.len()) {
            counts.left.fetch_add(1, Relaxed);
            return Ok(());
        }
    }
    let text = String::from_utf8_lossy(&read);
    let is_whole = text.contains("event: run.completed") || text.contains("[DONE]");
    if !is_whole && !life.is_killed() {
        let start = text.len().saturating_sub(300);
        counts.fault(format!("{path}: the stream has no end: …{}", &text[start..]));
    }
    Ok(())
}
