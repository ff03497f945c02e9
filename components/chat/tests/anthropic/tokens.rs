use axum::http::StatusCode;

use crate::costs::{ask_64_times_at_once, leave_in_the_middle, spend_what_is_left};
use crate::messages::{MESSAGES, question, refusal};

fn limited(code: &str) -> (StatusCode, String, String) {
    (StatusCode::TOO_MANY_REQUESTS, "rate_limit_error".to_owned(), code.to_owned())
}

#[tokio::test]
async fn who_has_not_enough_tokens_left_is_told_when_there_are_more() {
    let refused = spend_what_is_left(MESSAGES, &question("Primary")).await;
    assert_eq!(refusal(&refused), limited("quota_exceeded"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_at_once_no_more_pass_than_have_room() {
    for refused in ask_64_times_at_once(MESSAGES, &question("Primary")).await {
        let refused = refusal(&refused);
        assert!([limited("too_many_runs"), limited("quota_exceeded")].contains(&refused));
    }
}

#[tokio::test]
async fn a_client_that_goes_ends_the_answer_and_pays_for_what_was_said() {
    leave_in_the_middle(MESSAGES, &question("Primary")).await;
}
