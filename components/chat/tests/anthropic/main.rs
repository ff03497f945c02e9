//! The interface of Anthropic's, with a provider over a real socket.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod answers;
#[path = "../openai/calls.rs"]
#[expect(dead_code, reason = "it is shared with the tests of OpenAI's interface")]
mod calls;
#[path = "../openai/costs.rs"]
mod costs;
mod faults;
mod messages;
#[path = "../openai/provider.rs"]
mod provider;
mod refusals;
mod streams;
mod tokens;
#[path = "../runs/world.rs"]
#[expect(dead_code, reason = "it is shared with the tests of runs, which use more of it")]
mod world;
