//! What arrives at those who deliver mails.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use std::sync::{Arc, Mutex};

use ambient::{Clock, Entropy, UnixMillis};
use bytes::Bytes;
use egress::{Target, UrlPolicy};
use http::{Request, Response};
use mailer::{Delivery, Mail, MailError, Mailer, Secret, Sender};
use testing::HttpServer;

type Received = Arc<Mutex<Vec<Request<Bytes>>>>;

/// A server that keeps what it gets and answers with this status.
async fn server(status: u16) -> (HttpServer, Received) {
    let received = Received::default();
    let kept = Arc::clone(&received);
    let server = HttpServer::start(move |request| {
        kept.lock().unwrap().push(request.clone());
        Some(Response::builder().status(status).body("{}".into()).unwrap())
    })
    .await;
    (server, received)
}

fn target(server: &HttpServer, path: &str) -> Target {
    let policy: UrlPolicy = server.origin().parse().unwrap();
    policy.check(&format!("{}{path}", server.origin())).unwrap()
}

fn sender(server: &HttpServer, path: &str) -> Sender {
    Sender {
        target: target(server, path),
        from: "Selvage <no-reply@example.com>".to_owned(),
        key: Secret::new("k3y".to_owned()),
    }
}

async fn send(delivery: Delivery) -> Result<(), MailError> {
    let (clock, _) = Clock::manual(UnixMillis(1_700_000_000_000));
    let mail = Mail {
        to: "ada@example.com".to_owned(),
        subject: "Hello".to_owned(),
        text: "Follow https://x.example/a?token=t".to_owned(),
        link: Some("https://x.example/a?token=t".to_owned()),
    };
    Mailer::new(delivery, clock, Entropy::sequence(1)).unwrap().send(&mail).await
}

/// The one request that arrived: its head in lines, without what HTTP adds, and its body.
fn only(received: &Received) -> String {
    let received = received.lock().unwrap();
    let [request] = received.as_slice() else { panic!("{} requests", received.len()) };
    let mut lines = vec![format!("{} {}", request.method(), request.uri().path())];
    let mut headers: Vec<_> = request
        .headers()
        .iter()
        .filter(|(name, _)| !["host", "content-length"].contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    headers.sort();
    lines.append(&mut headers);
    lines.push(String::from_utf8(request.body().to_vec()).unwrap());
    lines.join("\n")
}

#[tokio::test]
async fn without_a_mailer_and_when_refused_there_is_an_error() {
    assert!(matches!(send(Delivery::Off).await, Err(MailError::Off)));
    let (server, _) = server(422).await;
    let outcome = send(Delivery::Resend(sender(&server, "/emails"))).await;
    assert!(matches!(outcome, Err(MailError::Refused(status)) if status == 422));
    let delivery = Delivery::Postmark(sender(&server, "/email"));
    assert!(!format!("{delivery:?}").contains("k3y"));
    drop(server);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert!(matches!(send(delivery).await, Err(MailError::Egress(_))));
}

#[tokio::test]
async fn resend_gets_what_it_expects() {
    let (server, received) = server(200).await;
    send(Delivery::Resend(sender(&server, "/emails"))).await.unwrap();
    assert_eq!(
        only(&received),
        "POST /emails\naccept: application/json\nauthorization: Bearer k3y\ncontent-type: application/json\nuser-agent: selvage\n\
         {\"from\":\"Selvage <no-reply@example.com>\",\"subject\":\"Hello\",\"text\":\"Follow https://x.example/a?token=t\",\
         \"to\":[\"ada@example.com\"]}"
    );
}

#[tokio::test]
async fn postmark_gets_what_it_expects() {
    let (server, received) = server(200).await;
    send(Delivery::Postmark(sender(&server, "/email"))).await.unwrap();
    assert_eq!(
        only(&received),
        "POST /email\naccept: application/json\ncontent-type: application/json\nx-postmark-server-token: k3y\n\
         {\"From\":\"Selvage <no-reply@example.com>\",\"MessageStream\":\"outbound\",\"Subject\":\"Hello\",\
         \"TextBody\":\"Follow https://x.example/a?token=t\",\"To\":\"ada@example.com\"}"
    );
}

#[tokio::test]
async fn a_webhook_is_signed() {
    let (server, received) = server(204).await;
    let key = Secret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".to_owned());
    send(Delivery::Webhook { target: target(&server, "/hook"), key }).await.unwrap();
    let received = received.lock().unwrap();
    let (headers, body) = (received[0].headers(), received[0].body());
    let id = headers["webhook-id"].to_str().unwrap();
    assert!(id.starts_with("mail_"), "{id}");
    assert_eq!(headers["webhook-timestamp"], "1700000000");
    assert_eq!(
        std::str::from_utf8(body).unwrap(),
        "{\"link\":\"https://x.example/a?token=t\",\"subject\":\"Hello\",\"text\":\"Follow https://x.example/a?token=t\",\
         \"to\":\"ada@example.com\"}"
    );
    let signature = headers["webhook-signature"].to_str().unwrap();
    assert!(signature.starts_with("v1,") && signature.len() == 3 + 44, "{signature}");
}
