//! One file a verb. A verb never imports a verb.

mod get;

use crate::cli::{Cli, Command};
use crate::config;
use crate::env::Env;
use crate::error::Error;
use crate::ui::Ui;

/// Does what the command line says.
///
/// # Errors
/// Whatever ended it; the caller reports it.
pub fn run(cli: Cli) -> Result<(), Error> {
    let env = Env::snapshot();
    match cli.command {
        Command::Get(args) => get::run(&args, &env, Ui::new(config::verbosity(&args.voice))),
    }
}
