//! One file a verb. A verb never imports a verb.

mod forget;
mod get;
mod status;

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
    let ui = |voice| Ui::new(config::verbosity(voice));
    match cli.command {
        Command::Get(args) => get::run(&args, &env, ui(&args.voice)),
        Command::Status(args) => status::run(&args, &env, ui(&args.voice)),
        Command::Forget(args) => forget::run(&args, &env, ui(&args.voice)),
    }
}
