//! Uploads, in one piece and in parts, and downloads.

use std::collections::BTreeMap;

use bytes::Bytes;
use e2e::ledger::read_list;
use e2e::volley::{Reply, Row, Shot};
use http::Method;
use serde_json::json;

use crate::world::{AT_ONCE, Crew, ROUNDS, Report};

const FILES: &str = "files";

/// The sizes of uploads, of the parts of uploads, and of a download, which has more than one chunk of 512 KiB.
const SIZE: usize = 20_000;
const PART: usize = 7_000;
const LARGE: usize = 700_000;

const BOUNDARY: &str = "b0undary";

/// The files that have to be there: the size of each id.
type Expected = BTreeMap<String, u64>;

pub async fn run(crew: &mut Crew, report: &mut Report) {
    let mut expected = Expected::new();
    let raw = upload_raw(crew, report, &mut expected).await;
    upload_forms(crew, report, &mut expected).await;
    upload_in_parts(crew, report, &mut expected).await;
    upload_in_openai_parts(crew, report, &mut expected).await;
    download(crew, report, &mut expected).await;
    delete(crew, report, &mut expected, &raw).await;
    let mut row = crew.row(FILES, "list files");
    let check = |row: &mut Row, _, reply: Reply| {
        row.require(reply.json()["data"].is_array(), || format!("no list: {reply}"));
    };
    crew.rounds(&mut row, |_, _| Shot::get("/api/files?limit=20"), check).await;
    require_files(crew, &mut row, &expected).await;
    report.add(row);
}

/// Bytes that differ from file to file.
fn content(size: usize, seed: usize) -> Bytes {
    (0..size).map(|n| b'a' + u8::try_from((n / 7 + n + seed) % 23).unwrap()).collect()
}

/// A form with a file. The fields before it are named and have a value.
fn form(fields: &[(&str, &str)], file: (&str, &str), content: &[u8]) -> Bytes {
    let mut body = Vec::new();
    for (name, value) in fields {
        let head =
            format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(value.as_bytes());
        body.extend_from_slice(b"\r\n");
    }
    let (field, name) = file;
    let disposition = format!("form-data; name=\"{field}\"; filename=\"{name}\"");
    let head = format!(
        "--{BOUNDARY}\r\ncontent-disposition: {disposition}\r\ncontent-type: text/plain\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(content);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    body.into()
}

fn form_shot(path: &str, body: Bytes) -> Shot {
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    Shot::new(Method::POST, path).header("content-type", &content_type).body(body)
}

async fn upload_raw(crew: &mut Crew, report: &mut Report, expected: &mut Expected) -> Vec<String> {
    let mut row = crew.row(FILES, "upload");
    let mark = crew.mark.clone();
    let shot = |round: usize, place: usize| {
        let path = format!("/api/files?name={mark}{round}-{place}.txt");
        let content = content(SIZE, round * AT_ONCE + place);
        Shot::new(Method::POST, path).header("content-type", "text/plain").body(content)
    };
    let mut ids = Vec::new();
    crew.rounds(&mut row, shot, |_, _, reply: Reply| ids.push(reply.id())).await;
    expected.extend(ids.iter().map(|id| (id.clone(), SIZE as u64)));
    require_files(crew, &mut row, expected).await;
    report.add(row);
    ids
}

async fn upload_forms(crew: &mut Crew, report: &mut Report, expected: &mut Expected) {
    let mark = crew.mark.clone();
    for (kind, path, field) in [
        ("upload form", "/api/files", ("bucket", "user-files")),
        ("upload, OpenAI's", "/v1/files", ("purpose", "user_data")),
    ] {
        let mut row = crew.row(FILES, kind);
        let shot = |round: usize, place: usize| {
            let name = format!("{mark}{round}-{place}.txt");
            let content = content(SIZE, round * AT_ONCE + place);
            form_shot(path, form(&[field], ("file", &name), &content))
        };
        let size = SIZE as u64;
        let check = |row: &mut Row, _, reply: Reply| {
            let earlier = expected.insert(reply.id(), size);
            row.require(earlier.is_none(), || format!("an id was given twice: {reply}"));
        };
        crew.rounds(&mut row, shot, check).await;
        require_files(crew, &mut row, expected).await;
        report.add(row);
    }
}

/// Uploads of one part, in three steps of 32 requests each.
async fn upload_in_parts(crew: &mut Crew, report: &mut Report, expected: &mut Expected) {
    let mut rows =
        ["create upload", "put part", "complete upload"].map(|kind| crew.row(FILES, kind));
    let mark = crew.mark.clone();
    for round in 0..ROUNDS {
        let shot = |place| {
            let name = format!("{mark}{round}-{place}-parts.txt");
            let body = json!({"bucket": "user-files", "name": name, "mime_type": "text/plain", "size_bytes": PART});
            Shot::post("/api/uploads", &body)
        };
        let replies = crew.fire(&mut rows[0], shot).await;
        let paths: Vec<_> =
            replies.iter().map(|(_, reply)| format!("/api/uploads/{}", reply.id())).collect();
        if paths.len() < AT_ONCE {
            continue;
        }
        let shot = |place: usize| {
            Shot::new(Method::PUT, format!("{}/parts/1", paths[place])).body(content(PART, place))
        };
        crew.fire(&mut rows[1], shot).await;
        let shot = |place: usize| Shot::new(Method::POST, format!("{}/complete", paths[place]));
        for (_, reply) in crew.fire(&mut rows[2], shot).await {
            expected.insert(reply.id(), PART as u64);
        }
    }
    require_files(crew, &mut rows[2], expected).await;
    for row in rows {
        report.add(row);
    }
}

/// Uploads of two parts, which are named in their order at the end.
async fn upload_in_openai_parts(crew: &mut Crew, report: &mut Report, expected: &mut Expected) {
    let kinds = ["create upload, OpenAI's", "add part, OpenAI's", "complete upload, OpenAI's"];
    let mut rows = kinds.map(|kind| crew.row(FILES, kind));
    let mark = crew.mark.clone();
    for round in 0..ROUNDS {
        let shot = |place| {
            let name = format!("{mark}{round}-{place}-openai.txt");
            let body = json!({"bytes": 2 * PART, "filename": name, "mime_type": "text/plain", "purpose": "user_data"});
            Shot::post("/v1/uploads", &body)
        };
        let replies = crew.fire(&mut rows[0], shot).await;
        let paths: Vec<_> =
            replies.iter().map(|(_, reply)| format!("/v1/uploads/{}", reply.id())).collect();
        if paths.len() < AT_ONCE {
            continue;
        }
        let mut parts = vec![Vec::new(); AT_ONCE];
        for half in 0..2 {
            let shot = |place: usize| {
                let body = form(&[], ("data", "part"), &content(PART, place + half));
                form_shot(&format!("{}/parts", paths[place]), body)
            };
            for (place, reply) in crew.fire(&mut rows[1], shot).await {
                parts[place].push(reply.id());
            }
        }
        let shot = |place: usize| {
            Shot::post(format!("{}/complete", paths[place]), &json!({"part_ids": parts[place]}))
        };
        for (_, reply) in crew.fire(&mut rows[2], shot).await {
            let file = reply.json()["file"]["id"].as_str().unwrap_or_default().to_owned();
            expected.insert(file, 2 * PART as u64);
        }
    }
    require_files(crew, &mut rows[2], expected).await;
    for row in rows {
        report.add(row);
    }
}

/// Reads a file whole, a range of it, and through a link without a credential.
async fn download(crew: &mut Crew, report: &mut Report, expected: &mut Expected) {
    let content = content(LARGE, 0);
    let path = format!("/api/files?name={}large.txt", crew.mark);
    let text = [("content-type", "text/plain")];
    let owner = crew.owner.client.clone();
    let stored = owner.exchange(Method::POST, &path, &text, content.clone()).await.unwrap();
    let stored: serde_json::Value = serde_json::from_slice(&stored.bytes).unwrap();
    let id = stored["id"].as_str().unwrap().to_owned();
    expected.insert(id.clone(), LARGE as u64);

    let path = format!("/api/files/{id}/content");
    let mut row = crew.row(FILES, "download");
    let check = |row: &mut Row, _, reply: Reply| {
        row.require(reply.bytes == content, || format!("{} other bytes", reply.bytes.len()));
    };
    crew.rounds(&mut row, |_, _| Shot::get(&path), check).await;
    report.add(row);

    let mut row = crew.row(FILES, "download range");
    let start = |place: usize| 510_000 + place * 1_000;
    let shot = |_, place: usize| {
        let range = format!("bytes={}-{}", start(place), start(place) + 9_999);
        Shot::get(&path).header("range", &range)
    };
    let check = |row: &mut Row, place: usize, reply: Reply| {
        let part = content.slice(start(place)..start(place) + 10_000);
        row.require(reply.status == 206 && reply.bytes == part, || format!("other bytes: {reply}"));
    };
    crew.rounds(&mut row, shot, check).await;
    report.add(row);

    let mut signed = crew.row(FILES, "sign URL");
    let path = format!("/api/files/{id}/signed-url");
    let mut url = String::new();
    let check = |row: &mut Row, _, reply: Reply| {
        reply.json()["url"].as_str().unwrap_or_default().clone_into(&mut url);
        row.require(!url.is_empty(), || format!("no URL: {reply}"));
    };
    crew.rounds(&mut signed, |_, _| Shot::post(&path, &json!({"expires_in": 3600})), check).await;
    report.add(signed);
    let path = url.find("/api/").map_or_else(String::new, |start| url[start..].to_owned());
    let mut row = crew.row(FILES, "download signed");
    let check = |row: &mut Row, _, reply: Reply| {
        row.require(reply.bytes == content, || format!("{} other bytes", reply.bytes.len()));
    };
    crew.rounds(&mut row, |_, _| Shot::get(&path), check).await;
    report.add(row);
}

async fn delete(crew: &mut Crew, report: &mut Report, expected: &mut Expected, ids: &[String]) {
    let mut row = crew.row(FILES, "delete file");
    for round in ids.chunks_exact(AT_ONCE) {
        let shot = |place: usize| Shot::delete(format!("/api/files/{}", round[place]));
        for (place, _) in crew.fire(&mut row, shot).await {
            expected.remove(&round[place]);
        }
    }
    require_files(crew, &mut row, expected).await;
    report.add(row);
}

/// The files of the crew are exactly those that were answered, each with its size.
async fn require_files(crew: &Crew, row: &mut Row, expected: &Expected) {
    let there = read_list(&crew.owner.client, "/api/files").await;
    let own = there.iter().filter(|file| file["name"].as_str().unwrap().starts_with(&crew.mark));
    let entry = |file: &serde_json::Value| {
        (file["id"].as_str().unwrap().to_owned(), file["size_bytes"].as_u64().unwrap())
    };
    let mut there: Expected = own.map(entry).collect();
    // OpenAI's ids name the same files in another way.
    let ours: Expected =
        expected.iter().map(|(id, size)| (id.replace("file-", "file_"), *size)).collect();
    there = there.into_iter().map(|(id, size)| (id.replace("file-", "file_"), size)).collect();
    row.require(there == ours, || {
        let missing = ours.keys().filter(|id| !there.contains_key(*id)).count();
        let more = there.keys().filter(|id| !ours.contains_key(*id)).count();
        format!("{} answered, {} there: {missing} missing, {more} more", ours.len(), there.len())
    });
}
