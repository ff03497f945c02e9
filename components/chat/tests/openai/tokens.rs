use std::time::Duration;

use axum::http::StatusCode;
use futures::StreamExt as _;
use testing::{ProviderReply, ProviderServer};

use crate::calls::{COMPLETIONS, complete, question, settled, standing};
use crate::costs::{ask_64_times_at_once, begin, leave_in_the_middle, spend_what_is_left};
use crate::world::{World, and_dies};

#[tokio::test]
async fn who_has_not_enough_tokens_left_is_told_when_there_are_more() {
    let refused = spend_what_is_left(COMPLETIONS, &question("Primary")).await;
    assert_eq!(refused.code(), "quota_exceeded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_at_once_no_more_pass_than_have_room() {
    for refused in ask_64_times_at_once(COMPLETIONS, &question("Primary")).await {
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(["too_many_runs", "quota_exceeded"].contains(&&*refused.code()));
    }
}

#[tokio::test]
async fn a_client_that_goes_ends_the_answer_and_pays_for_what_was_said() {
    leave_in_the_middle(COMPLETIONS, &question("Primary")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_completion_whose_host_dies_is_paid_for_as_it_was_estimated() {
    let slow = ProviderReply::counting(10_000).with_pause(Duration::from_millis(5));
    let provider = ProviderServer::scripted([slow, ProviderReply::counting(2)]).await;
    let world = World::with(provider, &[]).await;
    let ada = world.ada_elsewhere();
    let body = and_dies(async move {
        let mut body = begin(&ada, COMPLETIONS, &question("Primary")).await;
        body.next().await.unwrap().unwrap();
        body
    })
    .await;
    let (used, reserved) = standing(&world).await;
    assert_eq!(used, 0);
    assert_ne!(reserved, 0);
    drop(body);
    world.execute("UPDATE usage_reservation SET expires_at = 1").await;
    assert_eq!(standing(&world).await, (0, 0));
    // Whoever asks next finds what was left.
    assert_eq!(complete(&world.ada, &question("Primary")).await.status, StatusCode::OK);
    let dead = "SELECT count(*) AS n FROM usage_entry WHERE is_estimated AND is_last AND step = 1 AND input_tokens = 3 AND output_tokens = 0";
    assert_eq!(world.count(dead).await, 1);
    assert_eq!(settled(&world).await, 3 + 3 + 2);
}
