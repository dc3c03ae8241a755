//! The client secret from a shell command (`--client-secret-command`), such as a password manager's.

use std::ffi::OsStr;
use std::io;
use std::process::{Command, ExitStatus, Stdio};

use zeroize::Zeroizing;

use super::SecretSource;
use super::file::{self, SIZE_LIMIT};
use super::terminal::Terminal;
use crate::env;
use crate::input::{self, Bytes};
use crate::problem::Problem;
use crate::secret::ClientSecret;

#[cfg(not(windows))]
const SHELL: [&str; 2] = ["sh", "-c"];
#[cfg(windows)]
const SHELL: [&str; 2] = ["cmd", "/C"];

/// Runs `command` in a shell, on the terminal if there is one; the first line of its output is the secret.
///
/// # Errors
/// If it fails, or prints no usable text.
pub fn run(command: &OsStr, source: &SecretSource) -> Result<ClientSecret, Problem> {
    let failed = |why: String| {
        Problem::new(
            format!("{source} {why}"),
            "run it in a shell to see why; its first line of output must be the client secret",
        )
    };
    let (output, status) = output(command).map_err(|error| failed(format!("failed: {error}")))?;
    match status.code() {
        Some(0) => {}
        Some(code) => return Err(failed(format!("exited with status {code}"))),
        None => return Err(failed(format!("was ended by a {status}"))),
    }
    let text = file::decode(&output).map_err(|why| failed(format!("printed no secret: {why}")))?;
    let text = Zeroizing::new(text);
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(ClientSecret::new(line.to_owned())),
        _ => Err(failed("printed nothing".to_owned())),
    }
}

fn output(command: &OsStr) -> io::Result<(Bytes, ExitStatus)> {
    let [shell, option] = SHELL;
    let mut child = Command::new(shell);
    child.arg(option).arg(command).stdout(Stdio::piped());
    for variable in env::SECRET_VARIABLES {
        child.env_remove(variable.name);
    }
    let terminal = Terminal::open();
    child.stdin(terminal.map_or_else(Stdio::null, |terminal| terminal.into_input().into()));
    let mut child = child.spawn()?;
    let output = match child.stdout.take() {
        // The pipe is closed when this returns, so that a command that goes on printing ends.
        Some(stdout) => input::read_to_end(stdout, SIZE_LIMIT),
        None => Ok(Bytes::default()),
    };
    if output.is_err() {
        let _ = child.kill();
    }
    let status = child.wait()?;
    Ok((output?, status))
}
