//! What the host refuses to start, and what it recovers from at the start.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use e2e::conformance::{Application, guests};
use e2e::workspace;

/// One sentence: it names what is wrong, and is not the debug output of something.
fn assert_sentence(refusal: &str, words: &[&str]) {
    assert!(!refusal.contains('\n') && !refusal.contains("Error {"), "no sentence: {refusal}");
    for word in words {
        assert!(refusal.contains(word), "{refusal:?} does not say {word:?}");
    }
}

#[tokio::test]
async fn an_interface_that_the_host_lacks_is_named() {
    let manifest = workspace::root().join("tests/guests/unknown/spin.toml");
    guests();
    workspace::build_components(&manifest);
    let refusal = Application::of("unknown", "").refusal().await;
    assert_sentence(&refusal, &["unknown", "conformance:nowhere/oracle"]);
}

#[tokio::test]
async fn a_component_without_a_handler_cannot_have_a_route() {
    let refusal = Application::of("greeter", "").refusal().await;
    assert_sentence(&refusal, &["greeter", "wasi:http/handler"]);
}

#[tokio::test]
async fn a_missing_file_is_named_with_what_to_do() {
    let refusal = Application::new()
        .routed("route = \"/...\"\ncomponent = \"gone\"")
        .table("[component.gone]\nsource = \"gone.wasm\"")
        .refusal()
        .await;
    assert_sentence(&refusal, &["gone", "gone.wasm", "build"]);
}

#[tokio::test]
async fn a_file_that_is_no_component_is_refused() {
    for content in [&b""[..], b"\0asm\x01\0\0\0", b"\0asm\x0d\0\x01\0 and then rubbish", b"text"] {
        let application = Application::new()
            .routed("route = \"/...\"\ncomponent = \"broken\"")
            .table("[component.broken]\nsource = \"broken.wasm\"");
        fs::write(application.directory().join("broken.wasm"), content).unwrap();
        let refusal = application.refusal().await;
        assert!(refusal.contains("broken"), "{refusal}");
    }
}

#[tokio::test]
async fn a_database_or_store_that_nobody_configured_is_named() {
    let refusal = Application::of("sqlite", r#"sqlite_databases = ["ledger"]"#).refusal().await;
    assert_sentence(&refusal, &["ledger", "sqlite"]);
    let refusal = Application::of("keyvalue", r#"key_value_stores = ["ledger"]"#).refusal().await;
    assert_sentence(&refusal, &["ledger", "keyvalue"]);
}

#[tokio::test]
async fn a_malformed_manifest_is_shown_the_place() {
    let refusal = Application::of("echo", "frobnicate = true").refusal().await;
    assert_sentence(&refusal, &["spin.toml:", "frobnicate"]);
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let refusal =
        Application::of("echo", "").options(|options| options.listen = address).refusal().await;
    assert_sentence(&refusal, &[&address.to_string()]);
}

#[tokio::test]
async fn a_cache_that_others_can_write_to_is_refused() {
    let application = Application::of("echo", "");
    let cache = application.directory().join("cache");
    fs::create_dir(&cache).unwrap();
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o777)).unwrap();
    let path = cache.clone();
    let refusal = application.options(|options| options.cache_dir = path).refusal().await;
    assert_sentence(&refusal, &[&cache.display().to_string(), "chmod"]);
}

#[tokio::test]
async fn a_state_directory_that_cannot_be_made_is_named() {
    let application = Application::of("echo", "");
    let file = application.directory().join("file");
    fs::write(&file, "").unwrap();
    let state = file.join("state");
    let path = state.clone();
    let refusal = application.options(|options| options.state_dir = path).refusal().await;
    assert_sentence(&refusal, &[&state.display().to_string()]);
}

fn compiled(cache: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|end| end == "cwasm")).collect()
}

#[tokio::test]
async fn a_damaged_cache_is_made_anew() {
    let mut application = Application::of("echo", "");
    let cache = application.directory().join("cache");
    let path = cache.clone();
    application = application.options(|options| options.cache_dir = path);
    for damage in [
        |_: &mut Vec<u8>| {},
        |code: &mut Vec<u8>| code.truncate(code.len() / 2),
        |code: &mut Vec<u8>| code.clear(),
        |code: &mut Vec<u8>| {
            let middle = code.len() / 2;
            code[middle..middle + 64].fill(0xCC);
        },
    ] {
        if cache.exists() {
            for path in compiled(&cache) {
                let mut code = fs::read(&path).unwrap();
                damage(&mut code);
                // A new file in its place: the old one may still be mapped into this process.
                let damaged = path.with_extension("damaged");
                fs::write(&damaged, code).unwrap();
                fs::rename(&damaged, &path).unwrap();
            }
        }
        let running = application.start().await;
        assert_eq!(running.client().get("/echo/status").await.status, 200);
        assert_eq!(compiled(&cache).len(), 1);
        application = running.stop().await;
    }
}

#[tokio::test]
async fn a_rebuilt_component_is_not_taken_from_the_cache() {
    let application = Application::new()
        .routed("route = \"/...\"\ncomponent = \"changing\"")
        .table("[component.changing]\nsource = \"changing.wasm\"");
    let source = application.directory().join("changing.wasm");
    fs::copy(guests().join("guest_echo.wasm"), &source).unwrap();
    let running = application.start().await;
    assert_eq!(running.client().get("/request").await.body["path"], "/request");
    let application = running.stop().await;
    fs::copy(guests().join("guest_hostile.wasm"), &source).unwrap();
    let running = application.start().await;
    assert_eq!(running.client().get("/well").await.body, "well");
}
