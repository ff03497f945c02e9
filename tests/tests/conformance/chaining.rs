//! Service chaining: components that call each other in the process.

use e2e::conformance::{Application, Running, Upstream};
use serde_json::{Value, json};

async fn fetch(application: &Running, query: &str) -> Value {
    application.client().get(&format!("/outbound/fetch?{query}")).await.body
}

/// The last value of a header in what guest-echo says of its request.
fn header<'a>(request: &'a Value, name: &str) -> Option<&'a str> {
    let headers = request["headers"].as_array()?;
    headers.iter().rev().find(|header| header[0] == name)?[1].as_str()
}

async fn application(hosts: &Value) -> Running {
    Application::of("outbound", &format!("allowed_outbound_hosts = {hosts}"))
        .with("echo", "")
        .component("hidden", "echo", "")
        .routed("route = { private = true }\ncomponent = \"hidden\"")
        .start()
        .await
}

#[tokio::test]
async fn a_component_calls_another_that_it_was_granted() {
    let application = application(&json!(["http://echo.spin.internal"])).await;
    let answer = fetch(&application, "url=http://echo.spin.internal/request").await;
    assert_eq!(answer["status"], 200, "{answer}");
    let request: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(request["path"], "/request");
    assert_eq!(header(&request, "spin-path-info"), Some("/request"));
    assert_eq!(header(&request, "spin-client-addr"), Some("0.0.0.0:0"));
}

#[tokio::test]
async fn a_private_component_is_reached_by_chaining_alone() {
    let application = application(&json!(["http://hidden.spin.internal"])).await;
    let answer = fetch(&application, "url=http://hidden.spin.internal/request").await;
    assert_eq!(answer["status"], 200, "{answer}");
    for path in ["/hidden", "/hidden/request"] {
        assert_eq!(application.client().get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_component_that_was_not_granted_is_denied() {
    let application = application(&json!(["http://echo.spin.internal"])).await;
    let answer = fetch(&application, "url=http://hidden.spin.internal/request").await;
    assert_eq!(answer["error"], "http-request-denied", "{answer}");
}

#[tokio::test]
async fn a_wildcard_for_hosts_on_the_network_opens_no_component() {
    for hosts in [json!(["https://*:*"]), json!(["http://*.example.com"])] {
        let application = application(&hosts).await;
        let answer = fetch(&application, "url=http://hidden.spin.internal/request").await;
        assert_eq!(answer["error"], "http-request-denied", "{hosts}: {answer}");
    }
}

#[tokio::test]
async fn chaining_never_leaves_the_process() {
    // A name in the network that looks like a component's is one for the network, and the network is closed.
    let upstream = Upstream::start().await;
    let application = application(&json!(["*://*:*"])).await;
    let port = upstream.address().port();
    let url = format!("url=http://unknown.spin.internal:{port}/");
    let answer = fetch(&application, &url).await;
    assert!(answer["error"].is_string(), "{answer}");
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn a_caller_cannot_pretend_to_be_a_client() {
    let application = application(&json!(["http://echo.spin.internal"])).await;
    let query = "url=http://echo.spin.internal/request&header=spin-client-addr:6.6.6.6:1";
    let answer = fetch(&application, query).await;
    let request: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    let values: Vec<_> = request["headers"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|header| header[0] == "spin-client-addr")
        .map(|header| header[1].clone())
        .collect();
    assert_eq!(values, ["0.0.0.0:0"]);
}

#[tokio::test]
async fn a_component_calls_its_own_application_through_the_routes() {
    let application = application(&json!(["http://self"])).await;
    let answer = fetch(&application, "url=http://self.alt/echo/request").await;
    assert_eq!(answer["status"], 200, "{answer}");
    let answer = fetch(&application, "url=http://self.alt/nowhere").await;
    assert_eq!(answer["status"], 404, "{answer}");
}
