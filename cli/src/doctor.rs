//! `selvage doctor`: what works, what does not, and what to do about it. It changes nothing.

mod checks;
mod freshness;

use crate::arguments::Doctor;
use crate::error::CliError;
use crate::terminal;

/// Looks at everything that `up` needs and writes one line for each finding.
///
/// # Errors
/// [`CliError::Doctor`] when at least one line is a problem.
pub async fn doctor(arguments: Doctor) -> Result<(), CliError> {
    let mut report = Report::default();
    checks::toolchain(&mut report, &arguments);
    if let Some(application) = checks::application(&mut report, &arguments) {
        checks::components(&mut report, &application);
        checks::state_dir(&mut report, &arguments);
        let key = checks::master_key(&mut report, &application, &arguments);
        checks::database(&mut report, &application, key.as_ref()).await;
    }
    checks::port(&mut report, &arguments);
    let Report { checks, problems } = report;
    if problems == 0 { Ok(()) } else { Err(CliError::Doctor { problems, checks }) }
}

/// Writes findings as they come and counts them.
#[derive(Debug, Default)]
struct Report {
    checks: usize,
    problems: usize,
}

impl Report {
    fn ok(&mut self, subject: &str, finding: &str) {
        self.checks += 1;
        terminal::result(format_args!("ok       {subject:<12} {finding}"));
    }

    /// `finding` says what is wrong and, after `; fix: `, what to do.
    fn problem(&mut self, subject: &str, finding: &str) {
        self.checks += 1;
        self.problems += 1;
        terminal::result(format_args!("problem  {subject:<12} {finding}"));
    }
}
