//! One file per command. Commands don't import each other.
//!
//! Every command except `get` is `inline(never)`: inlined into `run`, its code would sit between the code of `get` and
//! be mapped into memory with it, about 0.1 MB at each start.

pub mod completions;
mod forget;
mod get;
mod login;
mod logout;
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

/// Runs the command and returns the exit status: 0, or that of the program run by `run` or `sandbox`.
///
/// # Errors
/// The error to report.
pub fn run(cli: Cli) -> Result<ExitCode, Error> {
    let env = Env::snapshot();
    let report = |verbosity| Reporter::new(config::verbosity(verbosity));
    match cli.command {
        Command::Get(args) => get::run(&args, &env, report(&args.verbosity))?,
        Command::Run(args) => return run::run(&args, &env, report(&args.verbosity)),
        Command::Login(args) => login::run(&args, &env, report(&args.verbosity))?,
        Command::Logout(args) => logout::run(&args, &env, report(&args.verbosity))?,
        Command::Status(args) => status::run(&args, &env, report(&args.verbosity))?,
        Command::Forget(args) => forget::run(&args, &env, report(&args.verbosity))?,
        Command::Completions(args) => completions::run(&args)?,
        #[cfg(feature = "server")]
        Command::Sandbox(args) => return sandbox::run(&args, report(&args.verbosity)),
        #[cfg(feature = "server")]
        Command::Serve(args) => serve::run(&args, &env, report(&args.verbosity))?,
    }
    Ok(Exit::Success.into())
}

/// Whether this command exits with the status of another program, so that its own failures need other exit codes.
pub fn passes_on_a_status(name: &OsStr) -> bool {
    name == "run" || (cfg!(feature = "server") && name == "sandbox")
}
