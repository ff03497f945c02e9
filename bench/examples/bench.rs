//! The benchmark as a program. An example, because a second binary would leave `cargo run` to choose between two.

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    bench::main().await
}
