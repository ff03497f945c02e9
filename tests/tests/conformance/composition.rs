//! Components made of several: middleware in front of one, libraries inside one.

use e2e::conformance::{Application, Running, wire};
use serde_json::Value;

async fn signed(middleware: &str) -> Running {
    Application::of("echo", "")
        .component("middleware", "middleware", "")
        .routed(&format!(
            "route = \"/signed/...\"\ncomponent = \"echo\"\ndependencies.middleware = {middleware}"
        ))
        .start()
        .await
}

fn count(request: &Value, name: &str) -> usize {
    let headers = request["headers"].as_array().unwrap();
    headers.iter().filter(|header| header[0] == name).count()
}

#[tokio::test]
async fn middleware_sees_requests_and_responses_of_its_route_alone() {
    let application = signed(r#"[{ component = "middleware" }]"#).await;
    let address = application.address();
    let through = wire::ask(address, wire::get(address, "/signed/request")).await;
    assert_eq!(through.headers["x-middleware-response"], "passed");
    assert_eq!(count(&through.json(), "x-middleware-request"), 1);
    let past = wire::ask(address, wire::get(address, "/echo/request")).await;
    assert!(!past.headers.contains_key("x-middleware-response"));
    assert_eq!(count(&past.json(), "x-middleware-request"), 0);
}

#[tokio::test]
async fn middleware_stands_in_a_row() {
    let twice = r#"[{ component = "middleware" }, { component = "middleware" }]"#;
    let application = signed(twice).await;
    let address = application.address();
    let through = wire::ask(address, wire::get(address, "/signed/request")).await;
    assert_eq!(count(&through.json(), "x-middleware-request"), 2);
    assert_eq!(through.headers.get_all("x-middleware-response").iter().count(), 2);
}

#[tokio::test]
async fn middleware_may_answer_itself() {
    let application = signed(r#"[{ component = "middleware" }]"#).await;
    let address = application.address();
    let mut request = wire::get(address, "/signed/request");
    request.headers_mut().insert("x-middleware-stop", "yes".parse().unwrap());
    let stopped = wire::ask(address, request).await;
    assert_eq!(stopped.status, 418);
    assert_eq!(stopped.text(), "stopped by the middleware");
}

#[tokio::test]
async fn bodies_stream_through_middleware() {
    let application = signed(r#"[{ component = "middleware" }]"#).await;
    let address = application.address();
    let (sender, body) = wire::channel();
    let mut connection = e2e::conformance::Connection::open(address).await;
    let response = connection.answer(wire::post(address, "/signed/copy", body)).await;
    let mut body = response.into_body();
    for piece in ["one", "two"] {
        sender.send(piece.into()).await.unwrap();
        assert_eq!(wire::next(&mut body).await.unwrap().unwrap(), piece);
    }
    drop(sender);
    assert!(wire::next(&mut body).await.is_none());
}

fn dependent(dependency: &str, body: &str) -> Application {
    Application::of(
        "dependency",
        &format!(
            "{body}\n[component.dependency.dependencies]\n\"conformance:greeting/greet@1.0.0\" = {dependency}"
        ),
    )
    .component("greeter", "greeter", "")
}

#[tokio::test]
async fn a_library_component_is_linked_into_the_one_that_imports_it() {
    let application = dependent(r#"{ component = "greeter" }"#, "").start().await;
    let answer = application.client().get("/dependency/greet?name=Ada").await;
    assert_eq!(answer.body, "Hello, Ada.");
}

#[tokio::test]
async fn a_library_has_nothing_of_its_user_s_unless_it_inherits_it() {
    let granted = r#"sqlite_databases = ["default"]"#;
    let alone = dependent(r#"{ component = "greeter" }"#, granted).start().await;
    let answer = alone.client().get("/dependency/database?name=default").await;
    assert!(answer.status == 500 || answer.body == "access-denied", "{answer:?}");
    for inherit in ["true", r#"["sqlite_databases"]"#] {
        let dependency =
            format!(r#"{{ component = "greeter", inherit_configuration = {inherit} }}"#);
        let heir = dependent(&dependency, granted).start().await;
        let answer = heir.client().get("/dependency/database?name=default").await;
        assert_eq!(answer.body, "ok", "{inherit}: {answer:?}");
        let answer = heir.client().get("/dependency/database?name=other").await;
        assert_eq!(answer.body, "access-denied", "{inherit}: {answer:?}");
    }
    let dependency = r#"{ component = "greeter", inherit_configuration = ["variables"] }"#;
    let other = dependent(dependency, granted).start().await;
    let answer = other.client().get("/dependency/database?name=default").await;
    assert!(answer.status == 500 || answer.body == "access-denied", "{answer:?}");
}

#[tokio::test]
async fn an_import_that_no_dependency_fills_is_refused_at_the_start() {
    let refusal = Application::of("dependency", "").refusal().await;
    assert!(refusal.contains("conformance:greeting/greet"), "{refusal}");
    assert!(refusal.contains("dependency"), "{refusal}");
}

#[tokio::test]
async fn a_dependency_that_nothing_imports_is_refused_at_the_start() {
    let refusal = Application::of(
        "echo",
        "[component.echo.dependencies]\n\"conformance:greeting/greet\" = { component = \"greeter\" }",
    )
    .component("greeter", "greeter", "")
    .refusal()
    .await;
    assert!(refusal.contains("conformance:greeting/greet"), "{refusal}");
}
