//! `selvage build`: the build commands of a manifest.

use std::collections::BTreeSet;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use manifest::Manifest;

use crate::error::CliError;
use crate::terminal::{self, Progress};
use crate::toolchain;

/// Builds every component of the manifest at `from`.
///
/// # Errors
/// See [`components`].
pub fn build(from: &Path) -> Result<(), CliError> {
    let manifest = Manifest::load(from)?;
    components(&manifest)
}

/// Runs the build commands of all components, equal ones once, and checks that they made what the manifest names.
///
/// Whether something changed is left to the tools: cargo knows the inputs of a component down to its dependencies and the compiler, globs do
/// not, and it answers in a fraction of a second when everything is fresh.
///
/// # Errors
/// A missing target that cannot be added, a command that fails, a component that is not where its `source` says.
pub fn components(manifest: &Manifest) -> Result<(), CliError> {
    let mut seen = BTreeSet::new();
    let mut commands = Vec::new();
    for component in manifest.components.values() {
        let Some(build) = &component.build else { continue };
        let directory = build.workdir.clone().unwrap_or_else(|| manifest.root.clone());
        for command in &build.command {
            if seen.insert((directory.clone(), command.clone())) {
                commands.push(BuildCommand {
                    component: &component.id,
                    command,
                    directory: directory.clone(),
                });
            }
        }
    }
    for command in &commands {
        for target in toolchain::targets(command.command) {
            toolchain::ensure_target(target, &command.directory)?;
        }
    }
    for command in &commands {
        command.run()?;
    }
    for component in manifest.components.values().filter(|component| component.build.is_some()) {
        if !component.source.is_file() {
            let (component, path) = (component.id.clone(), component.source.clone());
            return Err(CliError::NotBuilt { component, path });
        }
    }
    Ok(())
}

/// One command that has to be run.
struct BuildCommand<'a> {
    /// The first component that asks for it.
    component: &'a str,
    command: &'a str,
    directory: PathBuf,
}

impl BuildCommand<'_> {
    fn run(&self) -> Result<(), CliError> {
        let Self { component, command, directory } = self;
        let progress = Progress::start(&format!("building: {command}"));
        // A shell, as `spin build` uses one: commands may join others with `&&`.
        let mut shell = toolchain::command("sh", directory);
        shell.args(["-c", command]).stdin(Stdio::null());
        let status = if progress.is_live() {
            follow(&mut shell, &progress)
        } else {
            // Standard output is for results of this program, so the command writes to standard error only.
            shell.stdout(io::stderr()).stderr(io::stderr()).status()
        };
        let status = status.map_err(|source| CliError::NoProgram { program: "sh", source })?;
        if status.success() {
            return Ok(());
        }
        Err(CliError::BuildFailed {
            component: (*component).to_owned(),
            command: (*command).to_owned(),
            status: status.to_string(),
        })
    }
}

/// Runs a command, shows its last line as progress, and all of its lines when it fails.
fn follow(shell: &mut std::process::Command, progress: &Progress) -> io::Result<ExitStatus> {
    let (reader, writer) = io::pipe()?;
    let mut child = shell.stdout(writer.try_clone()?).stderr(writer).spawn()?;
    // The writing ends that the command keeps would hold the pipe open after the child has ended.
    shell.stdout(Stdio::null()).stderr(Stdio::null());
    let mut lines = Vec::new();
    for line in BufReader::new(reader).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        progress.update(line.trim());
        lines.push(line);
    }
    let status = child.wait()?;
    if !status.success() {
        for line in lines {
            terminal::say(format_args!("{line}"));
        }
    }
    Ok(status)
}
