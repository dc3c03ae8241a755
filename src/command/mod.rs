//! One file a verb. A verb never imports a verb.
//!
//! Every verb but `get` is kept out of the function that calls it (`inline(never)`): inside, its code would lie between
//! that of `get` and be mapped with it, a tenth of a megabyte of memory at each start.

pub mod completions;
mod forget;
mod get;
mod run;
#[cfg(feature = "server")]
mod sandbox;
#[cfg(feature = "server")]
mod serve;
mod status;

use std::ffi::OsStr;
use std::process::ExitCode;

use crate::cli::{Cli, Command};
use crate::config;
use crate::env::Env;
use crate::error::{Error, Exit};
use crate::report::Reporter;

/// Does what the command line says, and returns the status to end with: nought, or that of the
/// command which a verb ran.
///
/// # Errors
/// Whatever ended it; the caller reports it.
pub fn run(cli: Cli) -> Result<ExitCode, Error> {
    let env = Env::snapshot();
    let report = |verbosity| Reporter::new(config::verbosity(verbosity));
    match cli.command {
        Command::Get(args) => get::run(&args, &env, report(&args.verbosity))?,
        Command::Run(args) => return run::run(&args, &env, report(&args.verbosity)),
        Command::Status(args) => status::run(&args, &env, report(&args.verbosity))?,
        Command::Forget(args) => forget::run(&args, &env, report(&args.verbosity))?,
        Command::Completions(args) => completions::run(&args)?,
        #[cfg(feature = "server")]
        Command::Sandbox(args) => return sandbox::run(&args, report(&args.verbosity)),
        #[cfg(feature = "server")]
        Command::Serve(args) => serve::run(&args, &env, report(&args.verbosity))?,
    }
    Ok(Exit::Done.into())
}

/// Whether the exit code of this verb is its command's, so that its own failures must be told apart.
pub fn passes_on_a_status(verb: &OsStr) -> bool {
    verb == "run" || (cfg!(feature = "server") && verb == "sandbox")
}
