//! The `selvage` binary.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// The C library's gives the memory of each larger answer back to the system, and gets it anew for the next. SQLite uses this one, too (feature
/// `override`).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    cli::run(std::env::args_os())
}
