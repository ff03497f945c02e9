//! What people see: results on standard output, everything else on standard error.

use std::fmt;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Writes one line of a result to standard output.
pub fn result(line: fmt::Arguments<'_>) {
    let mut output = io::stdout().lock();
    // A reader that has gone away (`selvage migrate history | head`) is no failure of the command.
    drop(writeln!(output, "{line}").and_then(|()| output.flush()));
}

/// Writes one line to standard error.
pub fn say(line: fmt::Arguments<'_>) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}

/// Whether a person sits at both ends, so that a question makes sense.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a question that only `y` or `yes` affirms.
pub fn ask(question: &str) -> bool {
    let mut output = io::stderr().lock();
    drop(write!(output, "{question} [y/N] ").and_then(|()| output.flush()));
    let mut answer = String::new();
    match io::stdin().lock().read_line(&mut answer) {
        Ok(_) => matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"),
        Err(_) => false,
    }
}

/// Long work: a spinner on a terminal, plain lines otherwise.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Begins work that is described by `message`, e.g. `building the components`.
    pub fn start(message: &str) -> Self {
        if !io::stderr().is_terminal() {
            say(format_args!("{message}"));
            return Self { bar: None };
        }
        let bar = ProgressBar::new_spinner();
        // The template is a constant; should it ever be wrong, the default style shows the same message.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {wide_msg:.dim}") {
            bar.set_style(style);
        }
        bar.set_prefix(message.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar: Some(bar) }
    }

    /// Whether lines replace each other, so that the work's own output has to be kept back.
    pub fn is_live(&self) -> bool {
        self.bar.is_some()
    }

    /// Shows how much of work whose amount is known is done, as a bar. In a log a line for each step would be noise.
    pub fn advance(&self, done: u64, total: u64) {
        let Some(bar) = &self.bar else { return };
        if bar.length() != Some(total)
            && let Ok(style) = ProgressStyle::with_template(
                "{spinner} {prefix} {wide_bar:.dim} {pos}/{len}, {per_sec}, {eta} left",
            )
        {
            bar.set_style(style);
            bar.set_length(total);
        }
        bar.set_position(done);
    }

    /// Says what is being done just now.
    pub fn update(&self, detail: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(detail.to_owned()),
            None => say(format_args!("  {detail}")),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
