//! `/v1/files` and `/v1/uploads`: what the OpenAI SDKs send, and what they expect.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use support::{FORM_TYPE, Seen, Setup, download, fetch, form, setup};
use testing::Client;

const FILE: &str = "name=\"file\"; filename=\"a.jsonl\"\r\ncontent-type: application/octet-stream";

async fn send(client: &Client, method: Method, path: &str, body: &Value) -> Seen {
    let request = client.request(method, path).header("content-type", "application/json");
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    fetch(client, request.body(body).unwrap()).await.0
}

async fn send_form(client: &Client, path: &str, body: Vec<u8>) -> Seen {
    let request = client.request(Method::POST, path).header("content-type", FORM_TYPE);
    fetch(client, request.body(Body::from(body)).unwrap()).await.0
}

fn refused(seen: &Seen) -> (u16, String) {
    let body = seen.json();
    assert_eq!(seen.header("content-type"), "application/json");
    assert!(body["error"]["message"].is_string() && body["error"]["type"].is_string(), "{body}");
    assert_eq!(body.as_object().unwrap().len(), 1);
    (seen.status, body["error"]["code"].as_str().unwrap().to_owned())
}

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// A program with an API key of Ada's.
async fn program(setup: &Setup, scopes: &str) -> Client {
    let key = setup.ada_person.api_key(&setup.database, scopes, setup.now()).await;
    setup.anonymous.with_token(key)
}

#[tokio::test]
async fn refusals_have_the_form_that_the_sdks_know() {
    let setup = setup().await;
    let both = form(&[("name=purpose", b"batch"), (FILE, b"{}\n")]);
    let anonymous = send_form(&setup.anonymous, "/v1/files", both.clone()).await;
    assert_eq!(refused(&anonymous), code(401, "unauthorized"));
    let reader = program(&setup, "files:read").await;
    assert_eq!(
        refused(&send_form(&reader, "/v1/files", both).await),
        code(403, "insufficient_scope")
    );
    let client = program(&setup, "files:read files:write").await;
    for body in [
        form(&[(FILE, b"{}\n")]),
        form(&[("name=purpose", b"batch")]),
        form(&[("name=\"expires_after[seconds]\"", b"3600"), (FILE, b"{}")]),
    ] {
        assert_eq!(
            refused(&send_form(&client, "/v1/files", body).await),
            code(400, "invalid_request")
        );
    }
    let unknown = form(&[("name=purpose", b"world domination"), (FILE, b"{}\n")]);
    let seen = send_form(&client, "/v1/files", unknown).await;
    assert_eq!(refused(&seen), code(400, "validation_failed"));
    assert_eq!(seen.json()["error"]["param"], "purpose");
    let own =
        send_form(&setup.eve, "/v1/files", form(&[("name=purpose", b"batch"), (FILE, b"{}\n")]))
            .await;
    let id = own.json()["id"].as_str().unwrap().to_owned();
    for path in [
        format!("/v1/files/{id}"),
        format!("/v1/files/{id}/content"),
        "/v1/files/file-abc".to_owned(),
        "/v1/nowhere".to_owned(),
    ] {
        assert_eq!(
            refused(&send(&client, Method::GET, &path, &Value::Null).await),
            code(404, "not_found"),
            "{path}"
        );
    }
    assert_eq!(
        refused(&send(&client, Method::GET, "/v1/files?limit=0", &Value::Null).await),
        code(400, "validation_failed")
    );
    assert_eq!(
        refused(&send(&client, Method::PATCH, "/v1/files", &Value::Null).await),
        code(405, "method_not_allowed")
    );
}

#[tokio::test]
async fn a_file_is_stored_listed_read_and_deleted() {
    let setup = setup().await;
    let client = program(&setup, "files:read files:write").await;
    // Some SDKs send the purpose after the file.
    for (n, body) in [
        form(&[(FILE, b"{}\n"), ("name=purpose", b"fine-tune")]),
        form(&[("name=purpose", b"batch"), (FILE, b"{}\n")]),
    ]
    .into_iter()
    .enumerate()
    {
        let file = send_form(&client, "/v1/files", body).await;
        let mut body = file.json();
        assert_eq!(file.status, 200, "{body}");
        let id = std::mem::take(&mut body["id"]);
        let purpose = if n == 0 { "fine-tune" } else { "batch" };
        let expected = json!({"id": null, "object": "file", "bytes": 3, "created_at": 1_795_314_789, "filename": "a.jsonl", "purpose": purpose, "status": "processed"});
        assert_eq!(body, expected);
        let path = format!("/v1/files/{}", id.as_str().unwrap());
        body["id"] = id;
        assert_eq!(send(&client, Method::GET, &path, &Value::Null).await.json(), body);
        let seen = download(&client, &format!("{path}/content"), &[]).await;
        assert_eq!((seen.status, seen.bytes.as_slice()), (200, &b"{}\n"[..]));
        setup.hand.advance(std::time::Duration::from_millis(500));
    }
    let list = send(&client, Method::GET, "/v1/files?order=asc&limit=1", &Value::Null).await.json();
    assert_eq!((&list["object"], &list["has_more"]), (&json!("list"), &json!(true)));
    assert_eq!(
        (&list["data"][0]["purpose"], &list["first_id"]),
        (&json!("fine-tune"), &list["last_id"])
    );
    let path = format!("/v1/files?order=asc&after={}", list["last_id"].as_str().unwrap());
    let rest = send(&client, Method::GET, &path, &Value::Null).await.json();
    assert_eq!((rest["data"].as_array().unwrap().len(), &rest["has_more"]), (1, &json!(false)));
    let batch = send(&client, Method::GET, "/v1/files?purpose=batch", &Value::Null).await.json();
    assert_eq!(batch["data"], rest["data"]);
    for id in [&list["last_id"], &rest["last_id"]] {
        let path = format!("/v1/files/{}", id.as_str().unwrap());
        let deleted = send(&client, Method::DELETE, &path, &Value::Null).await.json();
        assert_eq!(deleted, json!({"id": id, "object": "file", "deleted": true}));
    }
    setup.assert_empty("deleted").await;
}

#[tokio::test]
async fn an_upload_becomes_a_file_in_the_order_that_its_client_says() {
    let setup = setup().await;
    let client = program(&setup, "files:read files:write").await;
    let body = json!({"bytes": 9, "filename": "a.txt", "mime_type": "text/plain", "purpose": "assistants"});
    let upload = send(&client, Method::POST, "/v1/uploads", &body).await.json();
    assert_eq!(
        (&upload["object"], &upload["status"], &upload["file"]),
        (&json!("upload"), &json!("pending"), &Value::Null)
    );
    let path = format!("/v1/uploads/{}", upload["id"].as_str().unwrap());
    let mut ids = Vec::new();
    for text in ["def", "ghi", "abc", "lost"] {
        let part = send_form(
            &client,
            &format!("{path}/parts"),
            form(&[("name=\"data\"; filename=\"blob\"", text.as_bytes())]),
        )
        .await;
        let part = part.json();
        assert_eq!((&part["object"], &part["upload_id"]), (&json!("upload.part"), &upload["id"]));
        ids.push(part["id"].clone());
    }
    let complete = format!("{path}/complete");
    for part_ids in
        [json!([ids[0], ids[0], ids[1]]), json!([ids[0], "part_01h455vb4pex5vsknk084sn02q"])]
    {
        let seen = send(&client, Method::POST, &complete, &json!({"part_ids": part_ids})).await;
        assert_eq!(refused(&seen), code(400, "validation_failed"));
    }
    let short = send(&client, Method::POST, &complete, &json!({"part_ids": [ids[0]]})).await;
    assert_eq!(refused(&short), code(409, "upload_incomplete"));
    let with_digest = json!({"part_ids": [ids[2], ids[0], ids[1]], "md5": "x"});
    assert_eq!(
        refused(&send(&client, Method::POST, &complete, &with_digest).await),
        code(400, "invalid_request")
    );
    let done =
        send(&client, Method::POST, &complete, &json!({"part_ids": [ids[2], ids[0], ids[1]]}))
            .await
            .json();
    assert_eq!(
        (&done["status"], &done["file"]["bytes"], &done["file"]["filename"]),
        (&json!("completed"), &json!(9), &json!("a.txt"))
    );
    let file = format!("/v1/files/{}", done["file"]["id"].as_str().unwrap());
    assert_eq!(download(&client, &format!("{file}/content"), &[]).await.bytes, b"abcdefghi");
    assert_eq!(setup.usage().await, (1, 9));
    assert_eq!(setup.chunks.keys().await.unwrap().len(), 3, "the part that nobody named is gone");
    send(&client, Method::DELETE, &file, &Value::Null).await;
    let upload = send(&client, Method::POST, "/v1/uploads", &body).await.json();
    let cancel = format!("/v1/uploads/{}/cancel", upload["id"].as_str().unwrap());
    let cancelled = send(&client, Method::POST, &cancel, &Value::Null).await.json();
    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(
        refused(&send(&client, Method::POST, &cancel, &Value::Null).await),
        code(404, "not_found")
    );
    setup.assert_empty("cancelled").await;
}
