//! `/api/buckets`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use axum::http::StatusCode;
use database::Statement;
use serde_json::{Value, json};
use support::{setup, upload};

const BUCKETS: &str = "/api/buckets";

#[tokio::test]
async fn only_administrators_of_the_platform_make_and_change_buckets() {
    let setup = setup().await;
    let body = json!({"name": "archives", "file_bytes_max": 10, "mime_types": ["application/zip"]});
    assert_eq!(setup.anonymous.get(BUCKETS).await.status.as_u16(), 401);
    for client in [&setup.anonymous, &setup.ada] {
        let status = client.post(BUCKETS, &body).await.status;
        assert!(matches!(status.as_u16(), 401 | 403));
        let status = client.patch(&format!("{BUCKETS}/user-files"), &json!({})).await.status;
        assert!(matches!(status.as_u16(), 401 | 403));
    }
    let buckets = setup.ada.get(BUCKETS).await;
    insta::assert_json_snapshot!(buckets.body, @r#"
    {
      "data": [
        {
          "file_bytes_max": 10485760,
          "mime_types": [
            "text/*",
            "application/json"
          ],
          "name": "generated-files"
        },
        {
          "file_bytes_max": 52428800,
          "mime_types": [
            "text/*",
            "application/pdf",
            "image/*"
          ],
          "name": "user-files"
        }
      ],
      "next_cursor": null
    }
    "#);
}

#[tokio::test]
async fn a_bucket_takes_what_its_administrator_says() {
    let setup = setup().await;
    let promote = Statement::new("UPDATE user SET is_admin = 1 WHERE id = ?1");
    setup.database.query(promote.bind(setup.ada_person.user_id.to_string())).await.unwrap();
    let body = |name: &str, bytes: u64, types: &[&str]| json!({"name": name, "file_bytes_max": bytes, "mime_types": types});
    for (body, pointer) in [
        (body("", 1, &["text/*"]), "/name"),
        (body("A", 1, &["text/*"]), "/name"),
        (body("-a", 1, &["text/*"]), "/name"),
        (body("a/b", 1, &["text/*"]), "/name"),
        (body(&"a".repeat(64), 1, &["text/*"]), "/name"),
        (body("a", 0, &["text/*"]), "/file_bytes_max"),
        (body("a", 1024 * 1024 * 1024 + 1, &["text/*"]), "/file_bytes_max"),
        (body("a", 1, &[]), "/mime_types"),
        (body("a", 1, &["text"]), "/mime_types"),
        (body("a", 1, &["*/png"]), "/mime_types"),
    ] {
        let answer = setup.ada.post(BUCKETS, &body).await;
        assert_eq!((answer.status.as_u16(), answer.pointers()), (422, vec![pointer]), "{body}");
    }
    let created = setup.ada.post(BUCKETS, &body("archives", 4, &["application/zip"])).await;
    assert_eq!(
        (created.status, created.body),
        (StatusCode::CREATED, body("archives", 4, &["application/zip"]))
    );
    let again = setup.ada.post(BUCKETS, &body("archives", 4, &["application/zip"])).await;
    assert_eq!((again.status.as_u16(), again.code()), (409, "bucket_taken"));
    let send = async |bytes: &[u8]| {
        upload(&setup.eve, "name=a.zip&bucket=archives", "application/zip", bytes.to_vec())
            .await
            .status
            .as_u16()
    };
    assert_eq!([send(b"PK\x03\x04").await, send(b"PK\x03\x04.").await], [201, 413]);
    let path = format!("{BUCKETS}/archives");
    let changed = setup.ada.patch(&path, &json!({"file_bytes_max": 5})).await;
    assert_eq!(
        (changed.status, changed.body),
        (StatusCode::OK, body("archives", 5, &["application/zip"]))
    );
    assert_eq!(send(b"PK\x03\x04.").await, 201);
    assert_eq!(
        setup.ada.patch(&format!("{BUCKETS}/nothing"), &json!({})).await.status,
        StatusCode::NOT_FOUND
    );
    let rows = setup
        .database
        .query(Statement::new("SELECT action FROM audit_entry ORDER BY seq"))
        .await
        .unwrap();
    let actions: Vec<Value> =
        rows.iter().map(|row| row.get::<String>("action").unwrap().into()).collect();
    assert_eq!(actions, ["bucket.created", "bucket.changed"]);
}
