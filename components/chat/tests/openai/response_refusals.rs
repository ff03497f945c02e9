use axum::http::StatusCode;
use serde_json::{Value, json};
use testing::ProviderReply;

use crate::calls::{delete, get, post, with};
use crate::provider::strangers;
use crate::responses::{RESPONSES, ask};
use crate::world::World;

async fn world() -> World {
    World::saying(ProviderReply::text("Fine.")).await
}

#[tokio::test]
async fn without_a_credential_or_the_right_nothing_is_asked() {
    let world = world().await;
    let [nobody, key, viewer] = strangers(&world).await;
    let path = format!("{RESPONSES}/resp_01h455vb4pex5vsknk084sn02q");
    for (client, status) in [&nobody, &key, &viewer] {
        for refused in [
            post(client, RESPONSES, &ask("x")).await,
            delete(client, &path).await,
            post(client, &format!("{path}/cancel"), &json!({})).await,
        ] {
            assert_eq!(refused.status, *status);
            refused.code();
        }
    }
    for (client, _) in [&nobody, &key] {
        assert!(!get(client, &path).await.status.is_success());
        assert!(!get(client, &format!("{path}/input_items")).await.status.is_success());
    }
    assert!(world.provider.requests().is_empty());
}

#[tokio::test]
async fn what_is_not_there_or_anothers_is_not_found() {
    let world = world().await;
    let kept = post(&world.ada, RESPONSES, &ask("x")).await.json();
    let id = kept["id"].as_str().unwrap();
    let conversation = world.conversation().await;
    let run = world.stream(&conversation, &json!({"content": "x", "tools": "none"})).await;
    let run = run[0].data["run"]["id"].as_str().unwrap().replacen("run_", "resp_", 1);
    let asked = world.provider.requests().len();
    let theirs = format!("{RESPONSES}/{id}");
    for (client, path) in [
        (&world.eve, theirs.clone()),
        (&world.ada, format!("{RESPONSES}/resp_01h455vb4pex5vsknk084sn02q")),
        (&world.ada, format!("{RESPONSES}/{}", id.replacen("resp_", "run_", 1))),
        (&world.ada, format!("{RESPONSES}/x")),
        // A run that was begun in another way is no response.
        (&world.ada, format!("{RESPONSES}/{run}")),
    ] {
        for refused in [
            get(client, &path).await,
            get(client, &format!("{path}?stream=true")).await,
            get(client, &format!("{path}/input_items")).await,
            delete(client, &path).await,
            post(client, &format!("{path}/cancel"), &json!({})).await,
        ] {
            let code = refused.code();
            assert_eq!((refused.status, &*code), (StatusCode::NOT_FOUND, "not_found"), "{path}");
        }
    }
    for (client, name, value) in [
        (&world.eve, "previous_response_id", json!(id)),
        (&world.ada, "previous_response_id", json!("resp_01h455vb4pex5vsknk084sn02q")),
        (&world.eve, "conversation", json!(conversation)),
        (&world.ada, "conversation", json!({"id": "conv_01h455vb4pex5vsknk084sn02q"})),
        (&world.ada, "model", json!("unheard-of")),
    ] {
        for store in [true, false] {
            let body = with(&with(&ask("x"), name, value.clone()), "store", json!(store));
            let refused = post(client, RESPONSES, &body).await;
            assert_eq!(refused.status, StatusCode::NOT_FOUND, "{body}");
            refused.code();
        }
    }
    assert_eq!(get(&world.ada, &theirs).await.json(), kept);
    assert_eq!(world.provider.requests().len(), asked);
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_and_named() {
    let world = world().await;
    let both = json!({"id": world.conversation().await});
    for (name, value, param) in [
        ("input", json!([]), "input"),
        ("input", json!(""), "input"),
        ("input", json!(7), "input"),
        ("input", json!(vec![json!({"role": "user", "content": "x"}); 257]), "input"),
        ("input", json!([{"type": "web_search_call"}]), "input/0"),
        (
            "input",
            json!([{"role": "user", "content": [{"type": "input_image", "image_url": "https://evil.example/"}]}]),
            "input/0/content/0",
        ),
        ("tools", json!([{"type": "function", "name": "a b"}]), "tools/0/name"),
        ("tools", json!(vec![json!({"type": "function", "name": "f"}); 129]), "tools"),
        ("tool_choice", json!("some"), "tool_choice"),
        ("tool_choice", json!({"type": "file_search"}), "tool_choice"),
        ("text", json!({"format": {"type": "xml"}}), "text/format"),
        ("text", json!({"format": 7}), "text/format"),
        ("temperature", json!(9), "temperature"),
        ("max_output_tokens", json!(0), "max_output_tokens"),
        ("background", json!(true), "background"),
        ("include", json!(["message.output_text.logprobs"]), "include"),
        ("metadata", json!({"x": "y".repeat(513)}), "metadata"),
    ] {
        let refused = post(&world.ada, RESPONSES, &with(&ask("x"), name, value.clone())).await;
        let error = refused.json()["error"].clone();
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{name} {value} {error}");
        assert_eq!(error["param"], param, "{name} {value}");
    }
    for (name, value) in [
        ("base_url", json!("https://evil.example/v1")),
        ("prompt", json!({"id": "x"})),
        ("model", Value::Null),
        ("stream", json!("yes")),
        ("instructions", json!(7)),
        ("metadata", json!({"x": 7})),
    ] {
        let refused = post(&world.ada, RESPONSES, &with(&ask("x"), name, value)).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{name}");
        refused.code();
    }
    let unkept = with(&with(&ask("x"), "conversation", both.clone()), "store", json!(false));
    let refused = post(&world.ada, RESPONSES, &unkept).await;
    assert_eq!(refused.json()["error"]["param"], "store", "{}", refused.text);
    assert!(world.provider.requests().is_empty());
    assert_eq!(world.count("SELECT count(*) AS n FROM run").await, 0);
    assert_eq!(world.count("SELECT count(*) AS n FROM usage_reservation").await, 0);
}
