//! Clients in browsers, whose refresh token is in a cookie.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use support::{PASSWORD, Setup, setup, sign_up, signup};
use testing::{Answer, Client, ISSUER};

const OWN: [(&str, &str); 3] =
    [("x-selvage-client", "browser"), ("origin", ISSUER), ("sec-fetch-site", "same-origin")];
const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Strict";

async fn send(
    client: &Client,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<Value>,
) -> Answer {
    let mut request = client.request(Method::POST, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = match body {
        None => axum::body::Body::empty(),
        Some(body) => {
            request = request.header("content-type", "application/json");
            body.to_string().into()
        }
    };
    client.send(request.body(body).unwrap()).await
}

/// The cookie that an answer sets, as it is sent back.
fn cookie(answer: &Answer) -> String {
    let mut cookies = answer.headers.get_all("set-cookie").iter();
    let (cookie, more) = (cookies.next().unwrap().to_str().unwrap(), cookies.next());
    assert!(more.is_none());
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert!(pair.starts_with("__Host-"), "{pair}");
    let (age, attributes) = attributes.split_once("; ").unwrap();
    assert_eq!((age, attributes), ("Max-Age=604800", ATTRIBUTES));
    pair.to_owned()
}

async fn signed_up(setup: &Setup) -> (Answer, String) {
    let answer =
        send(&setup.client, "/api/auth/signup", &OWN, Some(signup("ada@example.com"))).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
    let cookie = cookie(&answer);
    (answer, cookie)
}

async fn refresh(setup: &Setup, headers: &[(&str, &str)], cookie: &str) -> Answer {
    let headers: Vec<_> = headers.iter().copied().chain([("cookie", cookie)]).collect();
    send(&setup.client, "/api/auth/refresh", &headers, None).await
}

#[tokio::test]
async fn other_sites_get_nothing() {
    let setup = setup().await;
    let (_, cookie) = signed_up(&setup).await;
    let login = json!({"login": "ada@example.com", "password": PASSWORD});
    let client = ("x-selvage-client", "browser");
    for headers in [
        &[client][..],
        &[client, ("origin", ISSUER)],
        &[client, ("sec-fetch-site", "same-origin")],
        &[client, ("origin", "http://evil.example"), ("sec-fetch-site", "same-origin")],
        &[client, ("origin", "null"), ("sec-fetch-site", "same-origin")],
        &[
            client,
            ("origin", "http://localhost:3000.evil.example"),
            ("sec-fetch-site", "same-origin"),
        ],
        &[client, ("origin", "https://localhost:3000"), ("sec-fetch-site", "same-origin")],
        &[client, ("origin", "http://localhost"), ("sec-fetch-site", "same-origin")],
        &[client, ("origin", ISSUER), ("origin", ISSUER), ("sec-fetch-site", "same-origin")],
        &[client, ("origin", ISSUER), ("sec-fetch-site", "same-site")],
        &[client, ("origin", ISSUER), ("sec-fetch-site", "cross-site")],
        &[client, ("origin", ISSUER), ("sec-fetch-site", "none")],
    ] {
        let answer = send(&setup.client, "/api/auth/login", headers, Some(login.clone())).await;
        let seen = (answer.status, answer.code());
        assert_eq!(seen, (StatusCode::FORBIDDEN, "cross_site_request"), "{headers:?}");
        assert!(!answer.headers.contains_key("set-cookie"));
        assert_eq!(refresh(&setup, headers, &cookie).await.status, StatusCode::FORBIDDEN);
    }
    // Without the header the cookie is none of ours.
    assert_eq!(refresh(&setup, &OWN[1..], &cookie).await.status, StatusCode::BAD_REQUEST);
    for value in ["Browser", "program", ""] {
        let headers = [("x-selvage-client", value), OWN[1], OWN[2]];
        assert_eq!(refresh(&setup, &headers, &cookie).await.status, StatusCode::BAD_REQUEST);
    }
    // It was not spent meanwhile.
    assert_eq!(refresh(&setup, &OWN, &cookie).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_browser_never_sees_its_refresh_token_and_gets_on_with_the_cookie() {
    let setup = setup().await;
    let (answer, first) = signed_up(&setup).await;
    assert_eq!(answer.body.get("refresh_token"), None);
    let answer = refresh(&setup, &OWN, &first).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body.get("refresh_token"), None);
    let second = cookie(&answer);
    assert_ne!(first, second);
    let login = json!({"login": "ada@example.com", "password": PASSWORD});
    let answer = send(&setup.client, "/api/auth/login", &OWN, Some(login)).await;
    assert_eq!((answer.status, answer.body.get("refresh_token")), (StatusCode::OK, None));
    let third = cookie(&answer);
    let among_others = format!("theme=dark; {third}; a=b");
    assert_eq!(refresh(&setup, &OWN, &among_others).await.status, StatusCode::OK);
    let client = setup.client.with_token(answer.body["access_token"].as_str().unwrap());
    let account = json!({"account_id": answer.body["account"]["id"]});
    let switched = send(&client, "/api/auth/switch", &OWN, Some(account)).await;
    assert_eq!((switched.status, switched.body.get("refresh_token")), (StatusCode::OK, None));
    cookie(&switched);
}

#[tokio::test]
async fn two_refresh_tokens_are_one_too_many() {
    let setup = setup().await;
    let (_, cookie) = signed_up(&setup).await;
    let token = cookie.split_once('=').unwrap().1;
    let body = Some(json!({"refresh_token": token}));
    for headers in [&OWN[..], &[]] {
        let headers: Vec<_> =
            headers.iter().copied().chain([("cookie", cookie.as_str())]).collect();
        let answer = send(&setup.client, "/api/auth/refresh", &headers, body.clone()).await;
        let seen = (answer.status, answer.code());
        assert_eq!(seen, (StatusCode::BAD_REQUEST, "ambiguous_credentials"));
    }
    let twice = format!("{cookie}; {cookie}");
    assert_eq!(refresh(&setup, &OWN, &twice).await.code(), "ambiguous_credentials");
    assert_eq!(refresh(&setup, &OWN, "a=b").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(refresh(&setup, &OWN, &cookie).await.status, StatusCode::OK);
}

#[tokio::test]
async fn signing_out_takes_the_cookie_back_with_the_same_attributes() {
    let setup = setup().await;
    let (answer, cookie) = signed_up(&setup).await;
    let client = setup.client.with_token(answer.body["access_token"].as_str().unwrap());
    let name = cookie.split_once('=').unwrap().0;
    let foreign = [OWN[0], ("origin", "http://evil.example"), OWN[2]];
    let refused = send(&client, "/api/auth/logout", &foreign, None).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let answer = send(&client, "/api/auth/logout", &OWN, None).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    let taken = answer.headers["set-cookie"].to_str().unwrap();
    assert_eq!(taken, format!("{name}=; Max-Age=0; {ATTRIBUTES}"));
    assert_eq!(refresh(&setup, &OWN, &cookie).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn programs_get_no_cookie() {
    let setup = setup().await;
    let (client, answer) = sign_up(&setup, "ada@example.com").await;
    assert!(answer.body["refresh_token"].is_string());
    assert!(!answer.headers.contains_key("set-cookie"));
    let answer = send(&client, "/api/auth/logout", &[], None).await;
    assert!(!answer.headers.contains_key("set-cookie"));
}
