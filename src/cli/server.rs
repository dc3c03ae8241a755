//! The command line: the verbs that listen. No logic, like `cli`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{Cache, Credentials, HELP, Network, Verbosity, WIDTH};

/// Run a command beside its own token endpoint: no account needed
///
/// Starts a token endpoint on a free port of 127.0.0.1 with a made-up client id and secret, and runs a command, or your
/// shell, that finds them in CELLS_BASE_URL, CELLS_CLIENT_ID and CELLS_CLIENT_SECRET, with a cache of its own in
/// CELLS_CACHE_DIR. All other credential, URL and proxy variables are taken away, and the first cells-token on PATH is
/// this very program. Nothing leaves the machine, and nothing is left behind.
///
/// The exit code is the command's, as a shell would have it; 125 if the sandbox itself fails, 126 or 127 if the command
/// cannot be run or is not found. The tokens are JWTs whose issuer is cells-token-sandbox; no API accepts them.
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
    pub verbosity: Verbosity,
}

/// Answer a fleet in the API's place, with few requests to it
///
/// Listens where the Get Token API would, at the same paths, and passes a caller's own client credentials on to the
/// token URL: once for however many callers, and again only when the token is about to expire. What the service says
/// comes back as it is. Tokens are kept in memory and in the cache of cells-token get; --no-cache turns the latter off.
///
/// The paths are /v4.0/cells/connect/token, /v3.0/cells/connect/token, /connect/token and /oauth2/token; a caller's id
/// and secret come in the form or by HTTP Basic, and no other parameter than grant_type is passed on. Where the service
/// gives none that could be passed on, the answer is 502, 503 or 504 with an error object (RFC 6749 section 5.2). After five
/// refusals within a minute a client id's secrets that were never accepted get 429 with Retry-After. A request with an
/// Origin header gets 403, one with credentials in its URL 400.
///
/// Of a request, 8 KiB of head and 8 KiB of body are read, for 5 seconds each. There is room for 1024 connections; after
/// that the one that is idle for longest is closed.
///
/// SIGTERM and SIGINT end it once what is in flight has been answered, after 10 seconds at the latest. GET /healthz
/// answers 200 while it lives. Each request is a line on standard error, without secrets, with status 499 if its caller
/// left before the answer; -q turns them off.
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
    pub verbosity: Verbosity,
}
