#![doc = include_str!("../README.md")]

mod admin;
mod application;
mod arguments;
mod audit_log;
mod build;
mod doctor;
mod error;
mod keys;
mod location;
mod logging;
mod master_key;
mod migrate;
mod state_dir;
mod sweep;
mod terminal;
mod toolchain;
mod up;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Arguments, Command};
use crate::error::CliError;

/// Runs the command line with these arguments, the program's name first.
///
/// The status is 0 when the command did what it was asked, 1 when it did not, 2 when the arguments make no sense.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nothing can be done about a terminal that takes no text.
            drop(error.print());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    logging::start(arguments.log_format);
    match execute(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::say(format_args!("error: {}", error.sentence()));
            ExitCode::FAILURE
        }
    }
}

fn execute(arguments: Arguments) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(CliError::Runtime)?;
    runtime.block_on(async {
        match arguments.command {
            None => up::up(arguments.up).await,
            Some(Command::Up(up)) => up::up(up).await,
            Some(Command::Build(build)) => build::build(&build.from),
            Some(Command::Migrate(migrate)) => migrate::migrate(migrate).await,
            Some(Command::Admin(admin)) => admin::admin(admin).await,
            Some(Command::Audit(audit)) => audit_log::audit(audit).await,
            Some(Command::Sweep(sweep)) => sweep::sweep(sweep).await,
            Some(Command::Keys(keys)) => keys::keys(keys).await,
            Some(Command::Doctor(doctor)) => doctor::doctor(doctor).await,
        }
    })
}
