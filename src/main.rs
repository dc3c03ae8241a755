//! Parses the command line, runs the command, and reports its error. The only file that turns an error into an exit
//! code.

mod blocking;
mod cache;
mod child;
mod cli;
mod command;
mod config;
mod credentials;
mod env;
mod error;
mod http;
mod input;
mod lock_file;
mod oauth;
mod output;
mod private_file;
mod problem;
mod profile;
mod report;
mod secret;
#[cfg(feature = "server")]
mod server;
mod server_text;
mod signal;
mod time;
mod token_source;
mod usage;

use std::mem::ManuallyDrop;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _};

use crate::cli::Cli;
use crate::error::{Error, Exit};
use crate::report::{Reporter, Verbosity};

fn main() -> ExitCode {
    disable_core_dumps();
    signal::survive_file_size_limit();
    let result = match parse() {
        Ok(cli) => command::run(cli),
        Err(error) => help_or_usage_error(error),
    };
    match result {
        Ok(status) => status,
        Err(error) => {
            // Errors are printed at any verbosity.
            Reporter::new(Verbosity::Quiet).error(error.problem());
            error.exit().into()
        }
    }
}

/// Parses the command line like `Cli::try_parse`, but does not spend time on freeing clap's table of options. The table
/// holds no argument values.
fn parse() -> Result<Cli, clap::Error> {
    let mut table = ManuallyDrop::new(Cli::command());
    let mut matches = table.try_get_matches_from_mut(std::env::args_os())?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut table))
}

/// Prints help or the version if that was requested; anything else that clap reports is a usage error.
fn help_or_usage_error(error: clap::Error) -> Result<ExitCode, Error> {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let help = describe_all_commands(error).render().to_string();
            output::write_stdout(help.trim_end())?;
            Ok(Exit::Success.into())
        }
        _ => {
            let error = Error::from(usage::explain(&error));
            // No option before the command takes a value, so the first argument is the command.
            let command = std::env::args_os().nth(1);
            Err(match command {
                Some(command) if command::passes_on_a_status(&command) => error.before_command(),
                _ => error,
            })
        }
    }
}

/// Renders the help again with all commands described. `parse` builds only the description of the command it runs.
fn describe_all_commands(help: clap::Error) -> clap::Error {
    let mut table = Cli::command();
    table.build();
    let again = table.try_get_matches_from(std::env::args_os());
    again.err().unwrap_or(help)
}

/// Keeps the secret out of core dumps and out of reach of other processes of the same user (`ptrace`). A program that
/// this process executes gets the default setting back.
fn disable_core_dumps() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // Best effort.
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}
