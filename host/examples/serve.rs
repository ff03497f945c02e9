//! Serves a manifest: `cargo run -p host --example serve -- spin.toml 127.0.0.1:3000 .state [ORIGIN]…`
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it talks to the person who started it"
)]

use std::env;
use std::error::Error;

use host::{Host, Options, Progress};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    let mut arguments = env::args().skip(1);
    let mut next = || arguments.next().ok_or("usage: serve MANIFEST ADDRESS STATE_DIR [ORIGIN]…");
    let mut options = {
        let (manifest, address, state) = (next()?, next()?, next()?);
        Options::new(manifest, state, address.parse()?)
    };
    options.admin_listen = Some(([127, 0, 0, 1], 0).into());
    for origin in arguments {
        options.allow_origins.push(origin.parse()?);
    }
    let ready = Host::prepare(options)?.compile(|progress| match progress {
        Progress::Compiling { component, number, total } => {
            eprintln!("compiling {component} ({number}/{total})");
        }
        Progress::Loaded { component, number, total } => {
            eprintln!("loaded {component} ({number}/{total})");
        }
    })?;
    println!("listening on http://{}", ready.local_addr());
    if let Some(admin) = ready.admin_addr() {
        println!("metrics on http://{admin}/metrics");
    }
    let interrupted = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            eprintln!("Ctrl-C cannot be watched: {error}");
        }
    };
    ready.serve(interrupted).await?;
    Ok(())
}
