//! `get`: print an access token.

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
/// Whatever stands in the way.
pub fn run(args: &cli::Get, env: &Env, report: Reporter) -> Result<(), Error> {
    let form = config::form(&args.output).map_err(Error::Usage)?;
    let answer = token_source::token(&args.request, env, Timestamp::now, report)?;
    let line = output::render(&answer.token, answer.origin, form, Timestamp::now());
    output::write_stdout(&line)?;
    if let Some(id) = answer.entered {
        tell_the_next_time(&id, report);
    }
    Ok(())
}

/// How to be asked nothing the next time. The secret's place is left open: whoever entered it may have a better one
/// than a line that is kept.
fn tell_the_next_time(id: &ClientId, report: Reporter) {
    report.info("to be asked nothing the next time:");
    report.indented(&set(env::CELLS_CLIENT_ID.name, &id.0));
    report.indented(&set(env::CELLS_CLIENT_SECRET.name, "<the client secret>"));
}

/// The line that sets a variable, for a POSIX shell.
#[cfg(not(windows))]
fn set(name: &str, value: &str) -> String {
    format!("export {name}='{}'", value.replace('\'', r"'\''"))
}

/// The line that sets a variable, for PowerShell.
#[cfg(windows)]
fn set(name: &str, value: &str) -> String {
    format!("$env:{name} = '{}'", value.replace('\'', "''"))
}
