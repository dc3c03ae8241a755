//! The command line. No logic: its doc comments are the help, the completions and the man pages.
//!
//! Values stay text here, because a variable can give the same value: `config` reads both.

#![allow(
    rustdoc::bare_urls,
    reason = "doc comments are the help, where a URL stands bare"
)]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::secret::ClientSecret;

/// Get an access token for Aspose.Cells Cloud
#[derive(Debug, Parser)]
#[command(
    name = "cells-token",
    version,
    about,
    disable_help_subcommand = true,
    arg_required_else_help = false
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
    /// Print an access token
    Get(Get),
    /// Show what would be used and what is cached; makes no request
    Status(Status),
    /// Delete the cached token
    Forget(Forget),
}

/// `get`
#[derive(Debug, Args)]
pub struct Get {
    /// Who asks.
    #[command(flatten)]
    pub credentials: Credentials,
    /// Where, and how long.
    #[command(flatten)]
    pub network: Network,
    /// What is kept.
    #[command(flatten)]
    pub cache: Cache,
    /// Fetch a new token even if a good one is cached
    #[arg(long, help_heading = "Cache")]
    pub refresh: bool,
    /// What is printed.
    #[command(flatten)]
    pub output: Output,
    /// How much is said.
    #[command(flatten)]
    pub voice: Voice,
}

/// `status`
#[derive(Debug, Args)]
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
    /// What is printed
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        default_value = "text",
        help_heading = "Output"
    )]
    pub output: StatusFormat,
    /// How much is said.
    #[command(flatten)]
    pub voice: Voice,
}

/// `forget`
#[derive(Debug, Args)]
pub struct Forget {
    /// Forget every token, of all client ids and token URLs
    #[arg(long, conflicts_with_all = ["client_id", "base_url", "token_url"])]
    pub all: bool,
    /// The client id whose token is forgotten [variable: CELLS_CLIENT_ID]
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    pub client_id: Option<String>,
    /// Where the token came from.
    #[command(flatten)]
    pub endpoint: Endpoint,
    /// Where the cache is [variable: CELLS_CACHE_DIR]
    #[arg(long, value_name = "FOLDER", help_heading = "Cache")]
    pub cache_dir: Option<PathBuf>,
    /// How long to wait for other processes to end their requests: half of this [variable:
    /// CELLS_TIMEOUT] [default: 90s]
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,
    /// How much is said.
    #[command(flatten)]
    pub voice: Voice,
}

/// Whose token it is.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Credentials")]
pub struct Credentials {
    /// The client id [variable: CELLS_CLIENT_ID]
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    pub client_id: Option<String>,

    /// The client secret; others on this machine can see it among the arguments of the process, so
    /// rather use the variable or a file [variable: CELLS_CLIENT_SECRET]
    #[arg(long, value_name = "SECRET", allow_hyphen_values = true)]
    pub client_secret: Option<ClientSecret>,

    /// A file that holds the client secret; - is standard input [variable: CELLS_CLIENT_SECRET_FILE]
    #[arg(long, value_name = "PATH")]
    pub client_secret_file: Option<PathBuf>,

    /// Never prompt for what is missing [variable: CELLS_NO_INPUT, or CI]
    #[arg(long)]
    pub no_input: bool,
}

/// Where the token comes from.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Endpoint and network")]
pub struct Endpoint {
    /// Where the API is [variable: CELLS_BASE_URL] [default: https://api.aspose.cloud]
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,

    /// The token endpoint itself [variable: CELLS_TOKEN_URL] [default: the base URL and
    /// /v4.0/cells/connect/token]
    #[arg(long, value_name = "URL")]
    pub token_url: Option<String>,

    /// Permit http:// to hosts other than localhost, 127.0.0.0/8 and ::1 [variable: CELLS_ALLOW_HTTP]
    #[arg(long)]
    pub allow_http: bool,
}

/// How it is reached, and how long that may take.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Endpoint and network")]
pub struct Network {
    /// Where.
    #[command(flatten)]
    pub endpoint: Endpoint,

    /// A PEM file of certificates to trust besides the system's [variable: CELLS_CA_CERT]
    #[arg(long, value_name = "FILE", visible_alias = "cacert")]
    pub ca_cert: Option<PathBuf>,

    /// The proxy to use, loopback included: http://, https:// or socks5://, with user:password@ if need
    /// be [variables: HTTPS_PROXY, http_proxy, ALL_PROXY; NO_PROXY]
    #[arg(long, value_name = "URL")]
    pub proxy: Option<String>,

    /// The limit on everything together, such as 500ms, 30s, 1h30m; a bare number is seconds. One
    /// attempt may take a third of it, connecting half of that [variable: CELLS_TIMEOUT] [default: 90s]
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,

    /// How often to try again what may pass by itself [variable: CELLS_RETRIES] [default: 3]
    #[arg(long, value_name = "N")]
    pub retries: Option<String>,
}

/// What is kept between runs.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Cache")]
pub struct Cache {
    /// How long the token must live at least [variable: CELLS_MIN_TTL] [default: 5m, or a tenth of
    /// its lifetime if that is less]
    #[arg(long, value_name = "DURATION")]
    pub min_ttl: Option<String>,

    /// Neither read nor write the cache [variable: CELLS_NO_CACHE]
    #[arg(long)]
    pub no_cache: bool,

    /// Where the cache is [variable: CELLS_CACHE_DIR] [default: cells-token in the user's cache folder]
    #[arg(long, value_name = "FOLDER")]
    pub cache_dir: Option<PathBuf>,
}

/// What is printed.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// What is printed [default: raw]
    #[arg(short, long, value_name = "FORMAT")]
    pub output: Option<Format>,
}

/// What stands on standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// The token
    #[default]
    Raw,
    /// What the server said, with obtained_at, expires_at and from_cache
    Json,
}

/// What `status` prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum StatusFormat {
    /// Lines for a person
    #[default]
    Text,
    /// One JSON object
    Json,
}

/// How much is said on standard error.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct Voice {
    /// Tell on standard error which source won, what was tried, and how long it took
    #[arg(short, long)]
    pub verbose: bool,

    /// Say nothing on standard error but errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
}

impl From<String> for ClientSecret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}
