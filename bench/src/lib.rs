#![doc = include_str!("../README.md")]
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

mod flood;
mod load;
mod native;
mod process;
mod relay;
mod report;
mod run;
mod scenario;
mod seed;

use relay::Route;
use scenario::Scenario;

/// Measures the embedded host against a native server.
#[derive(Debug, Parser)]
#[command(name = "bench", args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(flatten)]
    plan: Plan,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the routers of the components natively; what the host is measured against.
    #[command(hide = true)]
    Native(Native),
    /// What a flood of sign-ins leaves of a server that has the limits of a deployment.
    Flood(Flood),
    /// What events of models cost on their way through a server.
    Relay(RelayPlan),
}

/// What is measured, and how long.
#[derive(Debug, Args)]
struct Plan {
    /// Connections that each keep one request in flight.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024))]
    connections: u16,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Measurements of each scenario and server; the median one is shown.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=99))]
    rounds: u16,
    /// Only these scenarios, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Scenario>,
    /// Where figures go as JSON as well.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Flood {
    /// Sign-ins per second, each from an address of its own.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rate: u32,
    /// Seconds that it lasts.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
}

/// What is streamed, and how long.
#[derive(Debug, Args)]
struct RelayPlan {
    /// Answers at the same time.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=400))]
    streams: u16,
    /// Events per second of all answers together. If the machine has no time left at this rate, half of it is measured as well, and so on.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Measurements of each way; the median one is shown.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=99))]
    rounds: u16,
    /// Only these ways, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Route>,
}

#[derive(Debug, Args)]
struct Native {
    #[arg(long)]
    state_dir: PathBuf,
    #[arg(long)]
    listen: SocketAddr,
    /// The origin of the provider whose model everyone has.
    #[arg(long)]
    provider: Option<String>,
}

/// Measures, as the arguments of the process say, and prints what it has seen.
///
/// # Errors
/// What keeps it from measuring: a server that does not start, an answer that is none.
pub async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.command {
        Some(Command::Native(native)) => native::serve(&native).await,
        Some(Command::Flood(flood)) => flood::run(&flood).await,
        Some(Command::Relay(plan)) => relay::run(&plan).await,
        None => run::run(&arguments.plan).await,
    }
}
