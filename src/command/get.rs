//! `get`: prints an access token.

use crate::cli;
use crate::config;
use crate::env::Env;
use crate::error::Error;
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
    if obtained.was_prompted {
        report.info("run cells-token login to skip the prompt next time");
    }
    Ok(())
}
