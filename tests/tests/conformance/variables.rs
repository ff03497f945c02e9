//! spin:variables: where values come from, who sees them, and what is missing.

use std::collections::BTreeSet;

use e2e::conformance::{Application, Running};
use serde_json::{Value, json};

async fn get(application: &Running, name: &str) -> Value {
    application.client().get(&format!("/variables/get?name={name}")).await.body
}

#[tokio::test]
async fn a_variable_has_its_default_until_it_is_set() {
    let manifest = || {
        Application::of("variables", r#"variables = { colour = "{{ colour }}" }"#)
            .table("[variables]\ncolour = { default = \"blue\" }")
    };
    let application = manifest().start().await;
    assert_eq!(get(&application, "colour").await, json!({ "value": "blue" }));
    let application = manifest().variable("colour", "red").start().await;
    assert_eq!(get(&application, "colour").await, json!({ "value": "red" }));
}

#[tokio::test]
async fn templates_are_filled_in() {
    let application = Application::of(
        "variables",
        r#"variables = { plain = "no template", mixed = "<{{ first }}|{{second}}>", twice = "{{ first }}{{ first }}" }"#,
    )
    .table("[variables]\nfirst = { default = \"1\" }\nsecond = { default = \"\" }")
    .start()
    .await;
    assert_eq!(get(&application, "plain").await, json!({ "value": "no template" }));
    assert_eq!(get(&application, "mixed").await, json!({ "value": "<1|>" }));
    assert_eq!(get(&application, "twice").await, json!({ "value": "11" }));
}

#[tokio::test]
async fn a_component_gets_only_the_variables_it_was_given() {
    let application = Application::of("variables", r#"variables = { mine = "{{ shared }}" }"#)
        .table("[variables]\nshared = { default = \"a\" }\nother = { default = \"b\" }")
        .component("second", "variables", r#"variables = { theirs = "{{ other }}" }"#)
        .routed("route = \"/second/...\"\ncomponent = \"second\"")
        .start()
        .await;
    assert_eq!(get(&application, "mine").await, json!({ "value": "a" }));
    for name in ["shared", "other", "theirs"] {
        assert_eq!(get(&application, name).await["error"], "undefined", "{name}");
    }
    for name in ["", "Upper", "a-b", "1st", "_a", "a__b"] {
        assert_eq!(get(&application, name).await["error"], "invalid-name", "{name:?}");
    }
}

#[tokio::test]
async fn missing_required_variables_are_named_together_before_the_start() {
    let refusal = Application::of("variables", "")
        .table(
            "[variables]\nfirst_one = { required = true }\nsecond_one = { required = true, secret = true }\nthird = { default = \"x\" }",
        )
        .refusal()
        .await;
    assert!(refusal.contains("first_one") && refusal.contains("second_one"), "{refusal}");
    assert!(refusal.contains("SPIN_VARIABLE_"), "it says what to do: {refusal}");
    assert!(!refusal.contains("third"), "{refusal}");
}

#[tokio::test]
async fn a_template_with_an_unknown_variable_is_refused_before_the_start() {
    let refusal = Application::of("variables", r#"variables = { a = "{{ nowhere }}" }"#).refusal();
    let refusal = refusal.await;
    assert!(refusal.contains("nowhere"), "{refusal}");
}

#[tokio::test]
async fn a_static_provider_gives_values() {
    let application = Application::of("variables", r#"variables = { colour = "{{ colour }}" }"#)
        .table("[variables]\ncolour = { required = true }")
        .runtime_config(
            "[[variables_provider]]\ntype = \"static\"\nvalues = { colour = \"green\" }",
        )
        .start()
        .await;
    assert_eq!(get(&application, "colour").await, json!({ "value": "green" }));
}

#[tokio::test]
async fn a_secret_reaches_its_component_and_no_message() {
    let manifest = |body: &str| {
        Application::of("variables", body)
            .table("[variables]\ntoken = { required = true, secret = true }")
            .variable("token", "hush-hush")
    };
    let application = manifest(r#"variables = { token = "{{ token }}" }"#).start().await;
    assert_eq!(get(&application, "token").await, json!({ "value": "hush-hush" }));
    let refusal =
        manifest(r#"allowed_outbound_hosts = ["not a host {{ token }}"]"#).refusal().await;
    assert!(!refusal.contains("hush-hush"), "{refusal}");
}

#[tokio::test]
async fn the_environment_is_the_manifest_s_and_nothing_else() {
    let application =
        Application::of("variables", r#"environment = { GREETING = "hello", EMPTY = "" }"#)
            .start()
            .await;
    let answer = application.client().get("/variables/environment").await;
    assert_eq!(answer.body, json!({ "EMPTY": "", "GREETING": "hello" }));
}

/// SECURITY R90: compiled code is shared by all instances, and no state of a generator may be in it.
#[tokio::test]
async fn what_a_thousand_fresh_instances_first_draw_differs() {
    let settings = "[component.variables.tool.selvage]\nreuse_count = 1";
    let application = Application::of("variables", settings).start().await;
    let client = application.client();
    let mut drawn = BTreeSet::new();
    for _ in 0..1_000 {
        let answer = client.get("/variables/entropy").await;
        assert_eq!(answer.body["before"], 0, "the instance is fresh: {answer:?}");
        let bytes = answer.body["bytes"].as_array().unwrap();
        assert_eq!(bytes.len(), 32);
        // Halves, because a generator that was copied could differ in what is mixed in later.
        for half in bytes.chunks(16) {
            assert!(drawn.insert(json!(half).to_string()), "{answer:?}");
        }
    }
}
