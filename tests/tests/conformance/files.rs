//! Mounted files: read-only, and nothing beside them.

use e2e::conformance::{Application, Running};
use e2e::workspace;
use serde_json::{Value, json};

/// The guest's own assets, copied beside the manifest, because `files` may not lead out of its directory.
fn application(body: &str) -> Application {
    let application = Application::of("files", body);
    let assets = application.directory().join("assets");
    std::fs::create_dir_all(assets.join("deep")).unwrap();
    let origin = workspace::root().join("tests/guests/files/assets");
    for file in ["hello.txt", "excluded.txt", "deep/inner.txt"] {
        std::fs::copy(origin.join(file), assets.join(file)).unwrap();
    }
    std::fs::write(application.directory().join("secret.txt"), "not mounted").unwrap();
    // Copies of files are kept in the cache by the component's name, so two of these must not share one.
    let cache = application.directory().join("cache");
    application.options(|options| options.cache_dir = cache)
}

async fn call(application: &Running, operation: &str, path: &str) -> Value {
    application.client().get(&format!("/files/{operation}?path={path}")).await.body
}

const MOUNTED: &str = r#"files = [{ source = "assets", destination = "/assets" }]"#;

#[tokio::test]
async fn a_mounted_directory_can_be_read() {
    let application = application(MOUNTED).start().await;
    let read = call(&application, "read", "/assets/hello.txt").await;
    assert_eq!(read, json!({ "ok": "A file of the conformance guests.\n" }));
    let read = call(&application, "read", "/assets/deep/inner.txt").await;
    assert_eq!(read, json!({ "ok": "Deeper.\n" }));
    let list = call(&application, "list", "/assets").await;
    assert_eq!(list, json!({ "ok": ["deep", "excluded.txt", "hello.txt"] }));
}

#[tokio::test]
async fn patterns_and_exclusions_choose_files() {
    let body = "files = [\"assets/**/*.txt\"]\nexclude_files = [\"assets/excluded.txt\"]";
    let application = application(body).start().await;
    assert_eq!(call(&application, "list", "/assets").await, json!({ "ok": ["deep", "hello.txt"] }));
    let excluded = call(&application, "read", "/assets/excluded.txt").await;
    assert_eq!(excluded["error"], "NotFound", "{excluded}");
}

#[tokio::test]
async fn nothing_can_be_written() {
    let application = application(MOUNTED).start().await;
    for (operation, path) in [
        ("write", "/assets/hello.txt"),
        ("write", "/assets/new.txt"),
        ("append", "/assets/hello.txt"),
        ("truncate", "/assets/hello.txt"),
        ("create-dir", "/assets/new"),
        ("remove", "/assets/hello.txt"),
        ("rename", "/assets/hello.txt"),
        ("write", "/new.txt"),
    ] {
        let outcome = call(&application, operation, path).await;
        assert!(outcome["error"].is_string(), "{operation} {path}: {outcome}");
    }
    let assets = application.directory().join("assets");
    let hello = std::fs::read_to_string(assets.join("hello.txt")).unwrap();
    assert_eq!(hello, "A file of the conformance guests.\n");
    assert_eq!(std::fs::read_dir(&assets).unwrap().count(), 3);
}

#[tokio::test]
async fn there_is_no_way_out_of_the_mount() {
    let application = application(MOUNTED);
    let (inside, outside) =
        (application.directory().join("assets"), application.directory().join("secret.txt"));
    std::os::unix::fs::symlink(&outside, inside.join("absolute")).unwrap();
    std::os::unix::fs::symlink("../secret.txt", inside.join("relative")).unwrap();
    std::os::unix::fs::symlink("/", inside.join("root")).unwrap();
    let host_path = outside.display().to_string();
    let application = application.start().await;
    for path in [
        "/assets/../secret.txt",
        "/assets/deep/../../secret.txt",
        "/secret.txt",
        "../secret.txt",
        "/assets/absolute",
        "/assets/relative",
        "/assets/root/etc/passwd",
        "/etc/passwd",
        "/proc/self/environ",
        &host_path,
    ] {
        let outcome = call(&application, "read", path).await;
        assert!(outcome["error"].is_string(), "{path}: {outcome}");
    }
    let outcome = call(&application, "list", "/assets/..").await;
    assert!(outcome["error"].is_string(), "{outcome}");
}

#[tokio::test]
async fn a_component_without_files_sees_none() {
    let application = application("").start().await;
    for (operation, path) in [("list", "/"), ("list", "."), ("read", "/assets/hello.txt")] {
        let outcome = call(&application, operation, path).await;
        assert!(outcome["error"].is_string(), "{operation} {path}: {outcome}");
    }
}
