//! `completions`: print what a shell needs to know to complete our command line.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::{self, Cli};
use crate::error::Error;
use crate::output;

/// Prints the script for the shell that was named.
///
/// # Errors
/// If standard output cannot be written.
#[inline(never)]
pub fn run(args: &cli::Completions) -> Result<(), Error> {
    Ok(output::write_stdout(script(args.shell).trim_end())?)
}

/// The script for a shell.
pub fn script(shell: Shell) -> String {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, &name, &mut script);
    let script = String::from_utf8_lossy(&script);
    match shell {
        // It sets one label and looks for another where the name has a hyphen, and so completes nothing behind a verb
        // (https://github.com/clap-rs/clap/issues/6421).
        Shell::Bash => script.replace(&name.replace('-', "__subcmd__"), &name.replace('-', "__")),
        _ => script.into_owned(),
    }
}
