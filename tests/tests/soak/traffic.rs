//! Reads and writes over all components, four to one, and clients that leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use e2e::client::NoAnswer;
use e2e::volley::{Reply, Shot};
use http::Method;
use serde_json::json;

use crate::dice::Dice;
use crate::record::{Counts, Record};

/// The files that a person has before some are deleted.
const FILES_MAX: usize = 100;

/// How a server's life ends.
#[derive(Debug, Default)]
pub struct Life {
    is_over: AtomicBool,
    is_killed: AtomicBool,
}

impl Life {
    pub fn end(&self, is_killed: bool) {
        self.is_killed.store(is_killed, Relaxed);
        self.is_over.store(true, Relaxed);
    }

    /// Nothing new is to begin. Where the server is killed, everyone goes on until it is gone.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Relaxed) && !self.is_killed()
    }

    pub fn is_killed(&self) -> bool {
        self.is_killed.load(Relaxed)
    }

    /// Notes that no answer came, which only a kill excuses.
    pub fn cut(&self, counts: &Counts, error: &NoAnswer) {
        if self.is_killed() {
            counts.cut.fetch_add(1, Relaxed);
        } else {
            counts.fault(format!("no answer: {:?}", error.0));
        }
    }
}

pub async fn run(
    mut record: Record,
    life: Arc<Life>,
    counts: Arc<Counts>,
    mut dice: Dice,
) -> Record {
    while !life.is_over() {
        let result = if dice.percent(3) {
            leave(&mut record, &counts, &mut dice).await
        } else if dice.percent(80) {
            read(&mut record, &counts, &mut dice).await
        } else {
            write(&mut record, &counts, &mut dice).await
        };
        if let Err(error) = result {
            life.cut(&counts, &error);
            break;
        }
    }
    record
}

async fn send(record: &mut Record, counts: &Counts, shot: Shot) -> Result<Option<Reply>, NoAnswer> {
    let client = record.try_client().await?;
    let headers: Vec<_> =
        shot.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let path = shot.path.clone();
    let answer = client.exchange(shot.method, &shot.path, &headers, shot.body).await?;
    let reply = Reply { status: answer.status, headers: answer.headers, bytes: answer.bytes };
    if reply.status.is_success() {
        return Ok(Some(reply));
    }
    counts.fault(format!("{path}: {reply}"));
    Ok(None)
}

async fn read(record: &mut Record, counts: &Counts, dice: &mut Dice) -> Result<(), NoAnswer> {
    const PATHS: [&str; 13] = [
        "/api/me",
        "/api/accounts",
        "/api/me/sessions?limit=5",
        "/api/config",
        "/api/models",
        "/api/settings",
        "/api/conversations?limit=20",
        "/api/search?q=thread&limit=10",
        "/api/memory?limit=20",
        "/api/files?limit=20",
        "/api/quota",
        "/api/usage",
        "/v1/models",
    ];
    counts.reads.fetch_add(1, Relaxed);
    let which = dice.below(PATHS.len() + 3);
    if let Some(path) = PATHS.get(which) {
        return send(record, counts, Shot::get(*path)).await.map(drop);
    }
    let nth = dice.below(record.files.len());
    let file = record.files.iter().nth(nth).map(|(id, size)| (id.clone(), *size));
    let Some((id, size)) = file.filter(|(id, _)| !record.doubtful.contains(id)) else {
        let path = format!("/api/conversations/{}/messages?limit=20", record.conversation);
        return send(record, counts, Shot::get(path)).await.map(drop);
    };
    let path = format!("/api/files/{id}/content");
    let reply = send(record, counts, Shot::get(path)).await?;
    if reply.is_some_and(|reply| reply.bytes.len() != size) {
        counts.fault(format!("{id} has other bytes"));
    }
    Ok(())
}

async fn write(record: &mut Record, counts: &Counts, dice: &mut Dice) -> Result<(), NoAnswer> {
    counts.writes.fetch_add(1, Relaxed);
    match dice.below(6) {
        0 => {
            let shot = Shot::post("/api/conversations", &json!({"title": "The thread"}));
            let reply = send(record, counts, shot).await?;
            record.conversations.extend(reply.map(|reply| reply.id()));
        }
        1 | 2 => {
            let path = format!("/api/conversations/{}/messages", record.conversation);
            let body = json!({"role": "user", "content": format!("thread {}", dice.below(1_000))});
            let reply = send(record, counts, Shot::post(path, &body)).await?;
            record.messages.extend(reply.map(|reply| reply.id()));
        }
        3 => {
            let body = json!({"kind": "episode", "value": "a thread"});
            let reply = send(record, counts, Shot::post("/api/memory", &body)).await?;
            record.memories.extend(reply.map(|reply| reply.id()));
        }
        4 => {
            let body = json!({"model_parameters": {"max_tokens": 1 + dice.below(1_000)}});
            let shot = Shot::new(Method::PATCH, "/api/settings").json(&body);
            send(record, counts, shot).await?;
        }
        _ => write_file(record, counts, dice).await?,
    }
    Ok(())
}

/// Uploads a file, in one piece or in parts, or deletes one where there are many.
async fn write_file(record: &mut Record, counts: &Counts, dice: &mut Dice) -> Result<(), NoAnswer> {
    let first = record.files.keys().find(|id| !record.doubtful.contains(*id)).cloned();
    if let Some(id) = first.filter(|_| FILES_MAX < record.files.len()) {
        record.doubtful.insert(id.clone());
        if send(record, counts, Shot::delete(format!("/api/files/{id}"))).await?.is_some() {
            record.files.remove(&id);
            record.doubtful.remove(&id);
        }
        return Ok(());
    }
    let size = 1 + dice.below(64 * 1024);
    let content = vec![b'a' + u8::try_from(dice.below(26)).unwrap(); size];
    if dice.percent(70) {
        let shot = Shot::new(Method::POST, "/api/files?name=soak.txt");
        let shot = shot.header("content-type", "text/plain").body(content);
        let reply = send(record, counts, shot).await?;
        record.files.extend(reply.map(|reply| (reply.id(), size)));
        return Ok(());
    }
    let body = json!({"bucket": "user-files", "name": "soak.txt", "mime_type": "text/plain", "size_bytes": size});
    let Some(upload) = send(record, counts, Shot::post("/api/uploads", &body)).await? else {
        return Ok(());
    };
    let path = format!("/api/uploads/{}", upload.id());
    let part = Shot::new(Method::PUT, format!("{path}/parts/1")).body(content);
    send(record, counts, part).await?;
    let complete = Shot::new(Method::POST, format!("{path}/complete"));
    let reply = send(record, counts, complete).await?;
    record.files.extend(reply.map(|reply| (reply.id(), size)));
    Ok(())
}

/// Sends a request and leaves before its answer is there, or while it comes.
async fn leave(record: &mut Record, counts: &Counts, dice: &mut Dice) -> Result<(), NoAnswer> {
    counts.cancelled.fetch_add(1, Relaxed);
    let client = record.try_client().await?;
    let text = [("content-type", "text/plain")];
    let content = vec![b'x'; 100_000];
    let (method, path, body) = match dice.below(3) {
        0 => (Method::GET, "/api/config", Vec::new()),
        1 => (Method::GET, "/api/search?q=thread", Vec::new()),
        _ => (Method::POST, "/api/files?name=left.txt", content),
    };
    let request = client.begin(method, path, &text, body.into());
    let time = Duration::from_micros(u64::try_from(dice.below(5_000)).unwrap());
    match tokio::time::timeout(time, request).await {
        // An answer that is dropped unread.
        Ok(Ok(response)) if response.status().is_server_error() => {
            counts.fault(format!("{path}: {}", response.status()));
        }
        Ok(Err(error)) => return Err(error),
        Ok(Ok(_)) | Err(_) => {}
    }
    Ok(())
}
