//! Commands that `run` and `sandbox` start: why one did not start, and its exit status in the codes of env(1) and shells.

#[cfg(feature = "server")]
mod supervised;

use std::ffi::OsStr;
use std::io;
#[cfg(all(unix, feature = "server"))]
use std::os::unix::process::ExitStatusExt;
#[cfg(any(not(unix), feature = "server"))]
use std::process::ExitStatus;
use std::process::{Command, ExitCode};

#[cfg(all(not(unix), feature = "server"))]
use anyhow::Context as _;
#[cfg(feature = "server")]
pub use supervised::run;

use crate::error::{Error, Exit};
use crate::problem::Problem;

/// Why `program` did not start.
pub fn not_started(program: &OsStr, error: &io::Error) -> Error {
    let name = program.display();
    let (exit, what, hint) = match error.kind() {
        io::ErrorKind::NotFound => (
            Exit::NotFound,
            format!("the command {name} was not found"),
            "check its name and PATH",
        ),
        _ => (
            Exit::CannotRun,
            format!("the command {name} cannot be executed: {error}"),
            "check its permissions; a script must begin with #!",
        ),
    };
    Error::Local(exit, Problem::new(what, hint))
}

/// The exit code for a command's exit status.
#[cfg(any(not(unix), feature = "server"))]
pub fn code(status: ExitStatus) -> u8 {
    let code = status.code();
    // As shells do.
    #[cfg(unix)]
    let code = code.or_else(|| Some(128 + ExitStatusExt::signal(&status)?));
    // Windows exit codes have 32 bits; one that does not fit must not become 0.
    code.and_then(|code| code.try_into().ok())
        .unwrap_or(u8::MAX)
}

/// Replaces this process with `command`, which inherits its signals and terminal.
///
/// # Errors
/// If the command is not found or cannot be executed.
#[cfg(unix)]
pub fn become_command(mut command: Command) -> Result<ExitCode, Error> {
    let error = std::os::unix::process::CommandExt::exec(&mut command);
    Err(not_started(command.get_program(), &error))
}

/// Runs `command` to its end, where a process cannot replace itself. The console sends Ctrl-C to both processes; this
/// one must not end first, or the shell would show its prompt while the command is still running.
///
/// # Errors
/// If the command is not found or cannot be executed.
#[cfg(all(not(unix), feature = "server"))]
pub fn become_command(command: Command) -> Result<ExitCode, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot wait for a command")
        .map_err(|error| Error::from(error).before_command())?;
    let status = runtime.block_on(run(command.into()))?;
    Ok(code(status).into())
}

/// Runs `command` to its end, where a process cannot replace itself. Ctrl-C ends both processes.
///
/// # Errors
/// If the command is not found or cannot be executed.
#[cfg(all(not(unix), not(feature = "server")))]
pub fn become_command(mut command: Command) -> Result<ExitCode, Error> {
    match command.status() {
        Ok(status) => Ok(code(status).into()),
        Err(error) => Err(not_started(command.get_program(), &error)),
    }
}
