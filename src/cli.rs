//! The commands, as clap reads them. No logic.
//!
//! The doc comments here and in `options` become the help, the completions and the man pages: `-h` shows a comment's
//! first paragraph, `--help` and the man page show all of it.
//!
//! Values stay strings here because a variable can supply the same value; `config` parses both.

#![allow(
    rustdoc::bare_urls,
    reason = "doc comments become help text, where < and > would show"
)]

mod login;
mod options;
#[cfg(feature = "server")]
mod server;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

pub use login::{Login, Logout};
pub use options::{
    Cache, Credentials, Endpoint, Format, Network, Output, Profile, Request, StatusFormat,
    Verbosity,
};
#[cfg(feature = "server")]
pub use server::{Sandbox, Serve};

/// Layout of every help text: summary, examples, usage, options.
const HELP: &str = "\
{about-with-newline}
{before-help}{usage-heading} {usage}

{all-args}{after-help}";

/// Maximum width of help texts, in columns.
const WIDTH: usize = 80;

/// Get and cache access tokens for Aspose.Cells Cloud
///
/// Requests an OAuth 2.0 access token from the Get Token API of Aspose.Cells Cloud, prints it, and caches it until
/// shortly before it expires. Parallel processes share one request. Standard output carries only the result, and only on
/// success; everything else goes to standard error.
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
  cells-token login                                # saves credentials once
  TOKEN=$(cells-token get) && export TOKEN",
    after_help = "Get a client ID and secret: https://dashboard.aspose.cloud",
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

/// The command to run.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    Get(Get),
    Run(Run),
    Login(Login),
    Logout(Logout),
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
/// Prints the cached token if it stays valid for long enough, and otherwise requests a new one. The client ID and secret
/// come from options, environment variables, a profile saved by login, or a prompt on the terminal.
#[derive(Debug, Args)]
#[command(
    help_template = HELP,
    before_help = "\
Examples:
  cells-token get                                  # prompts if needed
  export CELLS_CLIENT_ID=... CELLS_CLIENT_SECRET=...
  TOKEN=$(cells-token get) && export TOKEN
  cells-token get -o header | curl -H @- \"$URL\""
)]
pub struct Get {
    #[command(flatten)]
    pub request: Request,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub verbosity: Verbosity,
}

/// Run a command with an access token in its environment
///
/// Replaces itself with the command, so that signals and the exit code are the command's; on Windows it waits for the
/// command. Every variable that holds the client secret is removed from the command's environment.
///
/// Exits with 125 if cells-token itself fails, 126 if the command cannot be run and 127 if it is not found.
#[derive(Debug, Args)]
#[command(
    help_template = HELP,
    before_help = "\
Examples:
  cells-token run -- ./report.sh                   # reads $CELLS_ACCESS_TOKEN
  cells-token run --min-ttl 30m -- make report"
)]
pub struct Run {
    /// Command to run, with its arguments
    #[arg(last = true, required = true, value_name = "CMD", value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
    #[command(flatten)]
    pub request: Request,
    /// Variable for the token [default: CELLS_ACCESS_TOKEN]
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    pub env_name: Option<String>,
    #[command(flatten)]
    pub verbosity: Verbosity,
}

/// Show the settings in effect and the cached token, offline
///
/// Shows the client ID and its source, the source of the secret, the sources passed over and why, the profiles, the token
/// URL, and the state and claims of the cached token. Never shows the secret or the token, and sends no request.
#[derive(Debug, Args)]
#[command(
    help_template = HELP,
    before_help = "\
Examples:
  cells-token status
  cells-token status -o json"
)]
pub struct Status {
    #[command(flatten)]
    pub credentials: Credentials,
    #[command(flatten)]
    pub profile: Profile,
    #[command(flatten)]
    pub network: Network,
    #[command(flatten)]
    pub cache: Cache,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", help_heading = "Output")]
    pub output: Option<StatusFormat>,
    #[command(flatten)]
    pub verbosity: Verbosity,
}

/// Delete cached tokens
///
/// Deletes the cached token of a client ID and token URL, and prints when it would have expired. The token is not
/// revoked: it stays valid until then.
#[derive(Debug, Args)]
#[command(
    help_template = HELP,
    before_help = "\
Examples:
  cells-token forget
  cells-token forget --all"
)]
pub struct Forget {
    /// Delete the tokens of all client IDs and token URLs
    #[arg(long, conflicts_with_all = ["client_id", "profile", "base_url", "token_url"])]
    pub all: bool,
    /// Client ID of the token to delete [env: CELLS_CLIENT_ID]
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    pub client_id: Option<String>,
    #[command(flatten)]
    pub profile: Profile,
    #[command(flatten)]
    pub endpoint: Endpoint,
    /// Cache directory [env: CELLS_CACHE_DIR]
    #[arg(long, value_name = "DIR", help_heading = "Cache", value_hint = clap::ValueHint::DirPath)]
    pub cache_dir: Option<PathBuf>,
    /// Time limit for the whole run [env: CELLS_TIMEOUT] [default: 90s]
    ///
    /// Up to half of it is spent waiting for processes that are fetching a token.
    #[arg(long, value_name = "DURATION", hide_short_help = true)]
    pub timeout: Option<String>,
    #[command(flatten)]
    pub verbosity: Verbosity,
}

/// Print a shell completion script
///
/// Install the script where the shell looks for it: bash, $XDG_DATA_HOME/bash-completion/completions/cells-token; zsh,
/// a file _cells-token in a directory of $fpath; fish, ~/.config/fish/completions/cells-token.fish; PowerShell and
/// elvish, the profile or rc file.
#[derive(Debug, Args)]
#[command(
    help_template = HELP,
    before_help = "\
Examples:
  source <(cells-token completions bash)
  cells-token completions zsh > ~/.zfunc/_cells-token
  cells-token completions fish > ~/.config/fish/completions/cells-token.fish"
)]
pub struct Completions {
    /// Shell to complete for
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// The files that are generated from this module describe all features.
#[cfg(feature = "server")]
#[cfg(test)]
mod tests;
