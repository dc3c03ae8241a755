//! `get`: print an access token.

use crate::cli;
use crate::config::Config;
use crate::credentials::Plan;
use crate::env::Env;
use crate::error::Error;
use crate::output;
use crate::time::Timestamp;
use crate::token_source::{self, Reuse};
use crate::ui::Ui;

/// Gets a token and prints it.
///
/// # Errors
/// Whatever stands in the way.
pub fn run(args: &cli::Get, env: &Env, ui: Ui) -> Result<(), Error> {
    let plan = Plan::new(&args.credentials, env).map_err(Error::Usage)?;
    let config = Config::new(&args.network, &args.cache, &plan, env).map_err(Error::Usage)?;
    plan.tell(ui);
    config.tell(ui);
    let reuse = match args.refresh {
        true => Reuse::Refresh,
        false => Reuse::Allowed,
    };
    let flag = args.credentials.client_secret.as_ref();
    let (token, origin) =
        token_source::token(&plan, &config, reuse, (flag, env), Timestamp::now, ui)?;
    let format = args.output.output.unwrap_or_default();
    let line = output::render(&token, origin, format, Timestamp::now());
    Ok(output::write_stdout(&line)?)
}
