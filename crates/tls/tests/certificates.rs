//! Both connectors against a server whose certificate nobody can verify.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::Response;
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use testing::HttpServer;

#[tokio::test]
async fn who_cannot_prove_who_it_is_hears_nothing_unless_nobody_asks() {
    let heard = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&heard);
    let server = HttpServer::start_self_signed(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        Some(Response::new(Bytes::new()))
    })
    .await;
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    let client = |connector| Client::builder(TokioExecutor::new()).build(connector);
    let verified: Client<_, Empty<Bytes>> = client(tls::verified(http.clone()).unwrap());
    let unverified: Client<_, Empty<Bytes>> = client(tls::unverified(http).unwrap());
    let uri: http::Uri = server.origin().parse().unwrap();
    let refused = verified.get(uri.clone()).await.unwrap_err();
    assert!(refused.is_connect(), "{refused:?}");
    assert_eq!(heard.load(Ordering::SeqCst), 0);
    assert!(unverified.get(uri).await.unwrap().status().is_success());
    assert_eq!(heard.load(Ordering::SeqCst), 1);
}
