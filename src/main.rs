//! `cells-token` gets an access token for Aspose.Cells Cloud. This file parses, runs, reports, and
//! is done; it alone turns an error into an exit code.

mod cache;
mod child;
mod cli;
mod command;
mod config;
mod credentials;
mod env;
mod error;
#[cfg(test)]
#[cfg(feature = "server")]
mod generated;
mod http;
mod lock_file;
mod oauth;
mod output;
mod private_file;
mod problem;
#[allow(
    dead_code,
    reason = "credentials and login start to use it in the next commits"
)]
mod profile;
mod report;
mod secret;
#[cfg(feature = "server")]
mod server;
mod server_text;
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
    keep_memory_private();
    let result = match parse() {
        Ok(cli) => command::run(cli),
        Err(error) => refuse(error),
    };
    match result {
        Ok(status) => status,
        Err(error) => {
            // Errors are said at any verbosity.
            Reporter::new(Verbosity::Quiet).error(&error);
            error.exit().into()
        }
    }
}

/// Reads the command line. `Cli::try_parse` does the same, and then frees piece by piece the table of options, which
/// holds nothing that was given.
fn parse() -> Result<Cli, clap::Error> {
    let mut table = ManuallyDrop::new(Cli::command());
    let mut given = table.try_get_matches_from_mut(std::env::args_os())?;
    Cli::from_arg_matches_mut(&mut given).map_err(|error| error.format(&mut table))
}

/// The same help, out of a table in which every verb has its description: `parse` builds that of the
/// verb called alone.
fn with_all_verbs(help: clap::Error) -> clap::Error {
    let mut table = Cli::command();
    table.build();
    let asked_again = table.try_get_matches_from(std::env::args_os());
    asked_again.err().unwrap_or(help)
}

/// Help and version are what was asked for; the rest of what clap has to say is a usage error.
fn refuse(error: clap::Error) -> Result<ExitCode, Error> {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            output::forgive_broken_pipe(with_all_verbs(error).print())?;
            Ok(Exit::Done.into())
        }
        _ => {
            let error = Error::Usage(usage::explain(&error));
            // Before the verb there is no option that would take a value.
            let verb = std::env::args_os().nth(1);
            Err(match verb {
                Some(verb) if command::passes_on_a_status(&verb) => error.before_command(),
                _ => error,
            })
        }
    }
}

/// Neither a core file nor another process of the same user shall hold the secret. A process that
/// this one becomes or starts decides for itself again.
fn keep_memory_private() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // Best effort: nothing depends on it.
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}
