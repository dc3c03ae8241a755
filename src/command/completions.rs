//! `completions`: print what a shell needs to know to complete our command line.

use clap::CommandFactory as _;

use crate::cli::{self, Cli};
use crate::error::Error;
use crate::output;

/// Prints the script for the shell that was named.
///
/// # Errors
/// If standard output cannot be written.
pub fn run(args: &cli::Completions) -> Result<(), Error> {
    Ok(output::write_stdout(script(args.shell).trim_end())?)
}

fn script(shell: clap_complete::Shell) -> String {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
