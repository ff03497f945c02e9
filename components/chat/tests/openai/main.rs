//! The interface of OpenAI's, with a provider over a real socket.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod answers;
mod calls;
mod conversations;
mod costs;
mod faults;
mod limits;
mod provider;
mod refusals;
mod response_faults;
mod response_refusals;
mod responses;
mod streams;
mod tokens;
#[path = "../runs/world.rs"]
#[expect(dead_code, reason = "it is shared with the tests of runs, which use more of it")]
mod world;
