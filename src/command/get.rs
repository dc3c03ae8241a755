//! `get`: print an access token.

use crate::cli;
use crate::config;
use crate::env::Env;
use crate::error::Error;
use crate::output;
use crate::time::Timestamp;
use crate::token_source;
use crate::ui::Ui;

/// Gets a token and prints it.
///
/// # Errors
/// Whatever stands in the way.
pub fn run(args: &cli::Get, env: &Env, ui: Ui) -> Result<(), Error> {
    let form = config::form(&args.output).map_err(Error::Usage)?;
    let answer = token_source::token(&args.request, env, Timestamp::now, ui)?;
    let line = output::render(&answer.token, answer.origin, form, Timestamp::now());
    Ok(output::write_stdout(&line)?)
}
