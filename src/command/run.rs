//! `run`: replaces this process with a command that has an access token, but not the secret, in its environment.

use std::process::{Command, ExitCode};

use crate::child;
use crate::cli;
use crate::config;
use crate::env::Env;
use crate::error::Error;
use crate::report::Reporter;
use crate::time::Timestamp;
use crate::token_source::{self, Obtained};

/// Runs the command of `args`. Returns only where a program cannot replace itself.
///
/// # Errors
/// Why there is no token, or why the command did not start.
#[inline(never)]
pub fn run(args: &cli::Run, env: &Env, report: Reporter) -> Result<ExitCode, Error> {
    let command = prepare(args, env, report).map_err(Error::before_command)?;
    child::become_command(command)
}

fn prepare(args: &cli::Run, env: &Env, report: Reporter) -> Result<Command, Error> {
    let name = config::env_name(args.env_name.as_deref())?;
    let Obtained { token, secret, .. } =
        token_source::obtain(&args.request, env, Timestamp::now, report)?;
    // clap requires at least one word.
    let mut command = Command::new(args.command.first().cloned().unwrap_or_default());
    command.args(args.command.iter().skip(1));
    for name in Env::secret_variables(|text| secret.matches(text)) {
        command.env_remove(name);
    }
    command.env(name, token.access_token.expose());
    Ok(command)
}
