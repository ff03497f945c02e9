//! The benchmark as a program. An example, because a second binary would leave `cargo run` to choose between two.

use mimalloc::MiMalloc;

/// What the host has, the native server has as well.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    bench::main().await
}
