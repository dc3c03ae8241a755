//! The command line: the verbs. No logic: the doc comments here and in `options` are the help, the completions and the
//! man pages. A comment's first paragraph is what `-h` shows, all of it what `--help` and the man page do.
//!
//! Values stay text here, because a variable can give the same value: `config` reads both.

#![allow(
    rustdoc::bare_urls,
    reason = "doc comments are the help, where a URL stands bare"
)]

mod options;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

pub use options::{
    Cache, Credentials, Endpoint, Format, Network, Output, Request, StatusFormat, Voice,
};

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
    pub voice: Voice,
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
    pub voice: Voice,
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
    pub voice: Voice,
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
    pub voice: Voice,
}

/// Run a command beside its own token endpoint: no account needed
///
/// Starts a token endpoint on a free port of 127.0.0.1 with a made-up client id and secret, and runs a command, or your
/// shell, that finds them in CELLS_BASE_URL, CELLS_CLIENT_ID and CELLS_CLIENT_SECRET, with a cache of its own in
/// CELLS_CACHE_DIR. All other credential, URL and proxy variables are taken away, and the first cells-token on PATH is
/// this very program. Nothing leaves the machine, and nothing is left behind.
///
/// The exit code is the command's, as a shell would have it; 125 if the sandbox itself fails, 126 or 127 if the command
/// cannot be run or is not found. The tokens are JWTs whose issuer is cells-token-sandbox; no API accepts them.
#[cfg(feature = "server")]
#[derive(Debug, Args)]
#[command(
    max_term_width = WIDTH,
    help_template = HELP,
    before_help = "\
Examples:
  cells-token sandbox -- cells-token get
  cells-token sandbox --respond 503,429,200 -- cells-token get -v
  cells-token sandbox                              # your shell, until exit"
)]
pub struct Sandbox {
    /// How long the tokens live [default: 1h]
    ///
    /// Such as 30s, 5m or 1h30m; a bare number is seconds.
    #[arg(long, value_name = "DURATION")]
    pub expires_in: Option<String>,

    /// Statuses to answer with in turn: 503,429,200
    ///
    /// The last one stays for ever. 200 is the true answer: a token, or a refusal of wrong credentials. 429 and 503 ask
    /// to try again after a second.
    #[arg(long, value_name = "STATUS,...")]
    pub respond: Option<String>,

    /// What to run, and its arguments [default: your shell]
    #[arg(last = true, value_name = "CMD", value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,

    /// How much is said.
    #[command(flatten)]
    pub voice: Voice,
}

/// Answer a fleet in the API's place, with few requests to it
///
/// Listens where the Get Token API would, at the same paths, and passes a caller's own client credentials on to the
/// token URL: once for however many callers, and again only when the token is about to expire. What the service says
/// comes back as it is. Tokens are kept in memory and in the cache of cells-token get; --no-cache turns the latter off.
///
/// SIGTERM and SIGINT end it once what is in flight has been answered, after 10 seconds at the latest. GET /healthz
/// answers 200 while it lives. Each request is a line on standard error, without secrets; -q turns them off.
#[cfg(feature = "server")]
#[derive(Debug, Args)]
#[command(
    max_term_width = WIDTH,
    help_template = HELP,
    before_help = "\
Examples:
  cells-token serve
  cells-token serve --listen 0.0.0.0:8470 --tls-cert tls.crt --tls-key tls.key
  CELLS_BASE_URL=http://127.0.0.1:8470 cells-token get"
)]
pub struct Serve {
    /// Where callers connect [default: 127.0.0.1:8470]
    ///
    /// An address that other machines reach needs TLS, or --listen-http. On loopback the Host header has to be of
    /// this machine too.
    #[arg(long, value_name = "ADDR:PORT", help_heading = "Callers")]
    pub listen: Option<String>,

    /// The certificate, in a PEM file
    ///
    /// With those between it and the root.
    #[arg(long, value_name = "FILE", help_heading = "Callers", value_hint = ValueHint::FilePath)]
    pub tls_cert: Option<PathBuf>,

    /// Its private key, in a PEM file
    #[arg(long, value_name = "FILE", help_heading = "Callers", value_hint = ValueHint::FilePath)]
    pub tls_key: Option<PathBuf>,

    /// Plain http to other machines
    ///
    /// Only where something else ends TLS.
    #[arg(long, help_heading = "Callers")]
    pub listen_http: bool,

    /// Keys of callers that need no secret, one a line
    ///
    /// Who sends one of them as Authorization: Bearer KEY, and no credentials, gets a token of the client id and
    /// secret that the options and variables below give.
    #[arg(long, value_name = "FILE", help_heading = "Callers", value_hint = ValueHint::FilePath)]
    pub caller_key_file: Option<PathBuf>,

    /// For the callers that have a key.
    #[command(flatten)]
    pub credentials: Credentials,
    /// Where, and how long.
    #[command(flatten)]
    pub network: Network,
    /// What is kept.
    #[command(flatten)]
    pub cache: Cache,
    /// How much is said.
    #[command(flatten)]
    pub voice: Voice,
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
