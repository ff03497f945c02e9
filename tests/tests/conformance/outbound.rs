//! Outbound wasi:http: what a guest may reach, and how failures are told.

use bytes::Bytes;
use e2e::conformance::{Application, Connection, Running, Upstream, wire};
use http::Response;
use serde_json::{Value, json};
use testing::HttpServer;

/// An application whose guest may call `hosts`, on a machine whose loopback is open to it.
async fn application(hosts: &Value) -> Running {
    Application::of("outbound", &format!("allowed_outbound_hosts = {hosts}"))
        .allow_origin("http://127.0.0.1:*")
        .start()
        .await
}

async fn fetch(application: &Running, url: &str) -> Value {
    application.client().get(&format!("/outbound/fetch?url={url}")).await.body
}

#[tokio::test]
async fn an_allowed_host_answers() {
    let upstream = Upstream::start().await;
    let application = application(&json!([upstream.url("")])).await;
    let answer = fetch(&application, &upstream.url("/teapot")).await;
    assert_eq!(answer["status"], 418, "{answer}");
    assert_eq!(answer["body"], "short and stout");
    let headers = answer["headers"].as_array().unwrap();
    assert!(headers.contains(&json!(["x-kind", "teapot"])), "{answer}");
    let seen = upstream.seen();
    assert_eq!(seen[0].target, "/teapot");
    assert_eq!(seen[0].headers["host"], upstream.address().to_string());
}

#[tokio::test]
async fn a_host_that_was_not_allowed_is_denied_and_never_connected_to() {
    let upstream = Upstream::start().await;
    let port = upstream.address().port();
    for hosts in [
        json!([]),
        json!(["http://127.0.0.1:1"]),
        json!([format!("https://127.0.0.1:{port}")]),
        json!([format!("http://127.0.0.2:{port}")]),
        json!([format!("http://localhost:{port}")]),
        json!(["http://*.example.com"]),
    ] {
        let application = application(&hosts).await;
        let answer = fetch(&application, &upstream.url("/")).await;
        assert_eq!(answer["error"], "http-request-denied", "{hosts}: {answer}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn ports_and_wildcards_are_understood_as_spin_does() {
    let upstream = Upstream::start().await;
    let port = upstream.address().port();
    for hosts in [
        json!(["http://127.0.0.1:*"]),
        json!([format!("*://127.0.0.1:{port}")]),
        json!([format!("http://127.0.0.1:{}..{}", port - 1, port + 1)]),
        json!(["*://*:*"]),
    ] {
        let application = application(&hosts).await;
        let answer = fetch(&application, &upstream.url("/")).await;
        assert_eq!(answer["status"], 200, "{hosts}: {answer}");
    }
}

#[tokio::test]
async fn a_template_in_the_allow_list_is_filled_in() {
    let upstream = Upstream::start().await;
    let application = Application::of("outbound", r#"allowed_outbound_hosts = ["{{ upstream }}"]"#)
        .table("[variables]\nupstream = { required = true }")
        .variable("upstream", &upstream.url(""))
        .allow_origin("http://127.0.0.1:*")
        .start()
        .await;
    assert_eq!(fetch(&application, &upstream.url("/")).await["status"], 200);
    assert_eq!(fetch(&application, "http://127.0.0.1:1/").await["error"], "http-request-denied");
}

#[tokio::test]
async fn loopback_is_blocked_although_the_manifest_allows_it() {
    let upstream = Upstream::start().await;
    let port = upstream.address().port();
    let application =
        Application::of("outbound", r#"allowed_outbound_hosts = ["*://*:*"]"#).start().await;
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0.0.0.0"] {
        let answer = fetch(&application, &format!("http://{host}:{port}/")).await;
        assert_eq!(answer["error"], "destination-ip-prohibited", "{host}: {answer}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn private_networks_and_metadata_services_are_blocked() {
    let application =
        Application::of("outbound", r#"allowed_outbound_hosts = ["*://*:*"]"#).start().await;
    for host in [
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "[fd00::1]",
        "[fe80::1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ] {
        let answer = fetch(&application, &format!("http://{host}/")).await;
        assert_eq!(answer["error"], "destination-ip-prohibited", "{host}: {answer}");
    }
}

#[tokio::test]
async fn the_runtime_configuration_opens_networks_by_name() {
    let upstream = Upstream::start().await;
    let application = Application::of("outbound", r#"allowed_outbound_hosts = ["*://*:*"]"#)
        .runtime_config("[outbound_networking]\nallow_networks = [\"127.0.0.1/32\"]")
        .start()
        .await;
    assert_eq!(fetch(&application, &upstream.url("/")).await["status"], 200);
    let other = format!("http://127.0.0.2:{}/", upstream.address().port());
    let answer = fetch(&application, &other).await;
    assert_eq!(answer["error"], "destination-ip-prohibited", "{answer}");
}

#[tokio::test]
async fn an_opened_origin_opens_no_other_port() {
    let (upstream, other) = (Upstream::start().await, Upstream::start().await);
    let application = Application::of("outbound", r#"allowed_outbound_hosts = ["*://*:*"]"#)
        .allow_origin(&upstream.url(""))
        .start()
        .await;
    assert_eq!(fetch(&application, &upstream.url("/")).await["status"], 200);
    let answer = fetch(&application, &other.url("/")).await;
    assert_eq!(answer["error"], "destination-ip-prohibited", "{answer}");
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn certificates_go_unverified_at_the_origins_that_the_operator_names() {
    let server = || HttpServer::start_self_signed(|_| Some(Response::new(Bytes::from("served"))));
    let (named, other) = (server().await, server().await);
    let application = || {
        Application::of("outbound", r#"allowed_outbound_hosts = ["*://*:*"]"#)
            .options(|options| options.unverified_origins.push(named.origin().parse().unwrap()))
    };
    let opened = application().allow_origin("https://127.0.0.1:*").start().await;
    let answer = fetch(&opened, &named.origin()).await;
    assert_eq!((&answer["status"], &answer["body"]), (&json!(200), &json!("served")), "{answer}");
    let answer = fetch(&opened, &other.origin()).await;
    assert_eq!(answer["error"], "tls-certificate-error", "{answer}");
    // It opens no network.
    let answer = fetch(&application().start().await, &named.origin()).await;
    assert_eq!(answer["error"], "destination-ip-prohibited", "{answer}");
}

#[tokio::test]
async fn redirects_are_the_guests_own_affair() {
    let upstream = Upstream::start().await;
    let application = application(&json!([upstream.url("")])).await;
    let answer = fetch(&application, &upstream.url("/redirect")).await;
    assert_eq!(answer["status"], 302, "{answer}");
    assert_eq!(upstream.seen().len(), 1);
}

#[tokio::test]
async fn failures_are_told_by_their_name() {
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let application = application(&json!(["*://*:*"])).await;
    let refused = fetch(&application, &format!("http://{gone}/")).await;
    assert_eq!(refused["error"], "connection-refused", "{refused}");
    // RFC 6761 keeps this name from ever existing.
    let unknown = fetch(&application, "http://nowhere.invalid/").await;
    assert_eq!(unknown["error"], "dns-error", "{unknown}");
}

#[tokio::test]
async fn a_server_that_is_silent_is_given_up_when_the_guest_says_so() {
    let upstream = Upstream::start().await;
    let application = application(&json!([upstream.url("")])).await;
    let path = format!("/outbound/first?first_byte_ms=50&url={}", upstream.url("/never"));
    let answer = application.client().get(&path).await;
    assert_eq!(answer.body["error"], "connection-read-timeout", "{answer:?}");
}

#[tokio::test]
async fn connections_are_used_again() {
    let upstream = Upstream::start().await;
    let application = application(&json!([upstream.url("")])).await;
    for _ in 0..3 {
        let path = format!("/outbound/again?count=5&url={}", upstream.url("/"));
        let answer = application.client().get(&path).await;
        assert_eq!(answer.body["statuses"], json!([200, 200, 200, 200, 200]), "{answer:?}");
    }
    assert_eq!(upstream.seen().len(), 15);
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn a_body_passes_through_the_guest_to_the_upstream_and_back() {
    let upstream = Upstream::start().await;
    let application = application(&json!([upstream.url("")])).await;
    let address = application.address();
    let (sender, body) = wire::channel();
    let target = format!("/outbound/through?url={}", upstream.url("/echo"));
    let mut connection = Connection::open(address).await;
    let response = connection.answer(wire::post(address, &target, body)).await;
    let mut body = response.into_body();
    for piece in ["one", "two", "three"] {
        sender.send(piece.into()).await.unwrap();
        // Each piece comes back before the next is sent: nothing on the way waits for the end.
        assert_eq!(wire::next(&mut body).await.unwrap().unwrap(), piece);
    }
    drop(sender);
    assert!(wire::next(&mut body).await.is_none());
}

#[tokio::test]
async fn a_task_posts_its_body_though_nothing_else_wakes_the_guest() {
    let upstream = Upstream::start().await;
    let application = application(&json!(["http://127.0.0.1:*"])).await;
    for bytes in [1, 100_000, 3_000_000] {
        let url = upstream.url("/beside");
        let path = format!("/outbound/beside?bytes={bytes}&url={url}");
        let answer = application.client().get(&path).await.body;
        assert_eq!(answer, json!({"status": 200}), "{bytes}");
        assert_eq!(upstream.seen().last().unwrap().bytes, bytes);
    }
}

#[tokio::test]
async fn a_guest_that_calls_no_one_has_no_other_way_out() {
    // Neither TCP nor UDP sockets nor name resolution are there, so the guest of WASI 0.2 has only HTTP too.
    let upstream = Upstream::start().await;
    let application = Application::of("p2", "").allow_origin("http://127.0.0.1:*").start().await;
    let answer = application.client().get(&format!("/p2/fetch?{}", upstream.address())).await;
    assert!(answer.body.as_str().unwrap().contains("HttpRequestDenied"), "{answer:?}");
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn a_guest_of_wasi_0_2_calls_and_answers_as_well() {
    let upstream = Upstream::start().await;
    let application = Application::of("p2", r#"allowed_outbound_hosts = ["http://127.0.0.1:*"]"#)
        .allow_origin("http://127.0.0.1:*")
        .start()
        .await;
    let address = application.address();
    let answer = application.client().get(&format!("/p2/fetch?{}", upstream.address())).await;
    assert_eq!(answer.body, "status 200");
    let upper = wire::ask(address, wire::post(address, "/p2/upper", wire::full("shout"))).await;
    assert_eq!(upper.text(), "SHOUT");
}
