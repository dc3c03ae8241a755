//! `get`: prints an access token.

use crate::cli;
use crate::config;
use crate::env::{self, Env};
use crate::error::Error;
use crate::oauth::ClientId;
use crate::output;
use crate::report::Reporter;
use crate::time::Timestamp;
use crate::token_source;

/// Gets a token and prints it.
///
/// # Errors
/// Why no token could be obtained or printed.
pub fn run(args: &cli::Get, env: &Env, report: Reporter) -> Result<(), Error> {
    let (format, env_name) = config::format(&args.output)?;
    let obtained = token_source::obtain(&args.request, env, Timestamp::now, report)?;
    let (token, origin) = (&obtained.token, obtained.origin);
    let line = output::render(token, origin, format, env_name, Timestamp::now());
    output::write_stdout(&line)?;
    if let Some(id) = obtained.prompted_id {
        suggest_variables(&id, report);
    }
    Ok(())
}

/// Shows how to avoid the prompt. The secret is left out: a line in a shell profile may not be the place for it.
fn suggest_variables(id: &ClientId, report: Reporter) {
    report.info("to skip the prompt next time:");
    report.line("  ", &set(env::CELLS_CLIENT_ID.name, &id.0));
    report.line(
        "  ",
        &set(env::CELLS_CLIENT_SECRET.name, "<the client secret>"),
    );
}

/// A command that sets a variable, for a POSIX shell.
#[cfg(not(windows))]
fn set(name: &str, value: &str) -> String {
    format!("export {name}='{}'", value.replace('\'', r"'\''"))
}

/// A command that sets a variable, for PowerShell.
#[cfg(windows)]
fn set(name: &str, value: &str) -> String {
    format!("$env:{name} = '{}'", value.replace('\'', "''"))
}
