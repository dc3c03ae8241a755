//! The command line: the verbs. No logic: the doc comments here and in `options` are the help, the completions and the
//! man pages. A comment's first paragraph is what `-h` shows, all of it what `--help` and the man page do.
//!
//! Values stay text here, because a variable can give the same value: `config` reads both.

#![allow(
    rustdoc::bare_urls,
    reason = "doc comments are the help, where a URL stands bare"
)]

mod options;
#[cfg(feature = "server")]
mod server;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

pub use options::{
    Cache, Credentials, Endpoint, Format, Network, Output, Request, StatusFormat, Verbosity,
};
#[cfg(feature = "server")]
pub use server::{Sandbox, Serve};

/// What it is in one line, how it is used, and then every option.
const HELP: &str = "\
{about-with-newline}
{before-help}{usage-heading} {usage}

{all-args}{after-help}";

/// The commonest width; wider lines are hard to read.
const WIDTH: usize = 80;

/// Get an access token for Aspose.Cells Cloud: one request, however many ask
///
/// Gets an OAuth 2.0 access token from the Get Token API of Aspose.Cells Cloud with the client id and secret of an
/// application, keeps it for as long as it lives, and prints it. Standard output carries the result alone, and only on
/// success; all else goes to standard error.
#[derive(Debug, Parser)]
#[command(
    name = "cells-token",
    version,
    disable_help_subcommand = true,
    arg_required_else_help = false,
    max_term_width = WIDTH,
    help_template = HELP,
    before_help = "\
Examples:
  TOKEN=$(cells-token get) && export TOKEN
  cells-token get -o header | curl -H @- \"$URL\"
  cells-token sandbox -- cells-token get           # without an account",
    after_help = "An application's id and secret: https://dashboard.aspose.cloud",
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    Get(Get),
    Run(Run),
    Status(Status),
    Forget(Forget),
    #[cfg(feature = "server")]
    Sandbox(Sandbox),
    #[cfg(feature = "server")]
    Serve(Serve),
    Completions(Completions),
}

/// Print an access token
///
/// Prints a token that lives long enough: the cached one, or else a new one. The client id and secret come from the
/// options, the variables, or a prompt on the terminal, in this order.
#[derive(Debug, Args)]
#[command(
    max_term_width = WIDTH,
    help_template = HELP,
    before_help = "\
Examples:
  cells-token get                                  # asks for what is not set
  export CELLS_CLIENT_ID=... CELLS_CLIENT_SECRET=...
  TOKEN=$(cells-token get) && export TOKEN
  cells-token get -o header | curl -H @- \"$URL\""
)]
pub struct Get {
    /// Which token.
    #[command(flatten)]
    pub request: Request,
    /// What is printed.
    #[command(flatten)]
    pub output: Output,
    /// How much is said.
    #[command(flatten)]
    pub verbosity: Verbosity,
}

/// Run a command with an access token in its environment
///
/// Becomes the command: its signals and its exit code are its own. The client secret is not passed on: every variable
/// that holds it is removed. Fails with 125 before the command, 126 if it cannot be run, 127 if it is not found.
#[derive(Debug, Args)]
#[command(
    max_term_width = WIDTH,
    help_template = HELP,
    before_help = "\
Examples:
  cells-token run -- ./report.sh                   # reads $CELLS_ACCESS_TOKEN
  cells-token run --min-ttl 30m -- make report"
)]
pub struct Run {
    /// What to run, and its arguments
    #[arg(last = true, required = true, value_name = "CMD", value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
    /// Which token.
    #[command(flatten)]
    pub request: Request,
    /// The variable that holds the token [default: CELLS_ACCESS_TOKEN]
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    pub env_name: Option<String>,
    /// How much is said.
    #[command(flatten)]
    pub verbosity: Verbosity,
}

/// Show what would be used and what is cached; makes no request
///
/// Shows the client id and where it comes from, where the secret would come from, the sources that were passed over and
/// why, the token URL, and the state and the claims of the cached token; never the secret or the token.
#[derive(Debug, Args)]
#[command(
    max_term_width = WIDTH,
    help_template = HELP,
    before_help = "\
Examples:
  cells-token status
  cells-token status -o json"
)]
pub struct Status {
    /// Who would ask.
    #[command(flatten)]
    pub credentials: Credentials,
    /// Where, and how long.
    #[command(flatten)]
    pub network: Network,
    /// What is kept.
    #[command(flatten)]
    pub cache: Cache,
    /// The format
    #[arg(short, long, value_name = "FORMAT", help_heading = "Output")]
    pub output: Option<StatusFormat>,
    /// How much is said.
    #[command(flatten)]
    pub verbosity: Verbosity,
}

/// Delete the cached token
///
/// Deletes the cached token of a client id and token URL, and says until when it would have stayed valid: it is not
/// revoked.
#[derive(Debug, Args)]
#[command(
    max_term_width = WIDTH,
    help_template = HELP,
    before_help = "\
Examples:
  cells-token forget
  cells-token forget --all"
)]
pub struct Forget {
    /// Forget every token, of all client ids and token URLs
    #[arg(long, conflicts_with_all = ["client_id", "base_url", "token_url"])]
    pub all: bool,
    /// Whose token is forgotten [variable: CELLS_CLIENT_ID]
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    pub client_id: Option<String>,
    /// Where the token came from.
    #[command(flatten)]
    pub endpoint: Endpoint,
    /// Where the cache is [variable: CELLS_CACHE_DIR]
    #[arg(long, value_name = "FOLDER", help_heading = "Cache", value_hint = clap::ValueHint::DirPath)]
    pub cache_dir: Option<PathBuf>,
    /// Wait half as long for requests under way [variable: CELLS_TIMEOUT]
    ///
    /// [default: 90s]
    #[arg(long, value_name = "DURATION", hide_short_help = true)]
    pub timeout: Option<String>,
    /// How much is said.
    #[command(flatten)]
    pub verbosity: Verbosity,
}

/// Print a completion script for a shell
///
/// Prints the script to standard output. Where it goes: bash, $XDG_DATA_HOME/bash-completion/completions/cells-token;
/// zsh, a file _cells-token in a folder of $fpath; fish, ~/.config/fish/completions/cells-token.fish; PowerShell and
/// elvish, their start-up file.
#[derive(Debug, Args)]
#[command(
    max_term_width = WIDTH,
    help_template = HELP,
    before_help = "\
Examples:
  source <(cells-token completions bash)
  cells-token completions zsh > ~/.zfunc/_cells-token
  cells-token completions fish > ~/.config/fish/completions/cells-token.fish"
)]
pub struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}
