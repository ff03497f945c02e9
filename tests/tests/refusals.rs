//! A host that knows nothing of Selvage, as Spin: nobody looks at the variables before the components do, which refuse what does not serve, on
//! every route and without a word of it outside the log (SECURITY R88).
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

use std::net::SocketAddr;

use e2e::{Client, workspace};
use host::{Host, Options};
use http::StatusCode;
use tempfile::TempDir;
use testing::MASTER_KEY;

/// Serves the application of the repository with these variables, as long as the test runs.
async fn serve(state: &TempDir, variables: &[(&str, &str)]) -> Client {
    let manifest = workspace::root().join("spin.toml");
    workspace::build_components(&manifest);
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut options = Options::new(manifest, state.path(), listen);
    options.cache_dir = workspace::root().join("target/conformance-cache");
    options.variables =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let prepared = Host::prepare(options).unwrap();
    let ready =
        tokio::task::spawn_blocking(move || prepared.compile(|_| {})).await.unwrap().unwrap();
    let client = Client::new(ready.local_addr());
    tokio::spawn(ready.serve(std::future::pending()));
    client
}

/// Asserts that nothing below these paths is done, and that no answer says why.
async fn refuses(client: &Client, paths: &[&str], value: &str) {
    for path in paths {
        for answer in [client.get(path).await, client.post(path, &serde_json::json!({})).await] {
            assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{path} {answer:?}");
            assert_eq!(answer.headers["content-type"], "application/problem+json", "{path}");
            assert_eq!(answer.body["code"], "internal_error", "{path} {answer:?}");
            let text = answer.body.to_string();
            assert!(!text.contains(value) && !text.contains("master_key"), "{text}");
        }
    }
}

#[tokio::test]
async fn components_serve_nothing_under_a_key_that_is_none() {
    let state = tempfile::tempdir().unwrap();
    let all = [
        "/api/auth/providers",
        "/api/auth/signup",
        "/api/me",
        "/api/config",
        "/api/models",
        "/api/keys",
        "/api/mcp-servers",
        "/api/settings",
        "/api/system/models",
        "/api/files",
        "/api/buckets",
    ];
    for key in ["c2hvcnQ=", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="] {
        refuses(&serve(&state, &[("master_key", key)]).await, &all, key).await;
    }
}

#[tokio::test]
async fn a_malformed_key_service_closes_what_needs_it_and_nothing_else() {
    let state = tempfile::tempdir().unwrap();
    for kms in ["hunter2", r#"[{"type":"vault_transit","name":"hc","token":"hunter2"}]"#] {
        let client = serve(&state, &[("master_key", MASTER_KEY), ("kms", kms)]).await;
        let paths = ["/api/config", "/api/models", "/api/keys", "/api/mcp-servers"];
        refuses(&client, &paths, "hunter2").await;
        assert_eq!(client.get("/api/auth/providers").await.status, StatusCode::OK);
    }
}
