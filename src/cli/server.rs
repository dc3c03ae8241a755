//! The commands that listen for requests. No logic.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{Cache, Credentials, HELP, Network, Profile, Verbosity};

/// Run a command against a local token endpoint, no account needed
///
/// Starts a token endpoint on a free port of 127.0.0.1 with made-up credentials, and runs a command, or your shell, with
/// CELLS_BASE_URL, CELLS_CLIENT_ID, CELLS_CLIENT_SECRET and temporary directories for CELLS_CACHE_DIR and CELLS_CONFIG_DIR
/// set. All other credential, URL and proxy variables are removed, and this program comes first on PATH. No request
/// leaves the machine, and the temporary directories are deleted at the end.
///
/// Exits with the command's status, with 125 if the sandbox itself fails, 126 if the command cannot be run and 127 if it
/// is not found. The tokens are JWTs with the issuer cells-token-sandbox; no real API accepts them.
#[derive(Debug, Args)]
#[command(
    help_template = HELP,
    before_help = "\
Examples:
  cells-token sandbox -- cells-token get
  cells-token sandbox --respond 503,429,200 -- cells-token get -v
  cells-token sandbox                              # starts your shell"
)]
pub struct Sandbox {
    /// Lifetime of the tokens [default: 1h]
    ///
    /// For example 30s, 5m or 1h30m; a bare number is seconds.
    #[arg(long, value_name = "DURATION")]
    pub expires_in: Option<String>,

    /// Statuses to answer with, in turn: 503,429,200
    ///
    /// The last one repeats. 200 is the regular answer: a token, or 401 for wrong credentials. 429 and 503 carry
    /// Retry-After: 1.
    #[arg(long, value_name = "STATUS,...")]
    pub respond: Option<String>,

    /// Command to run, with its arguments [default: your shell]
    #[arg(last = true, value_name = "CMD", value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,

    #[command(flatten)]
    pub verbosity: Verbosity,
}

/// Run a caching token proxy for many clients
///
/// Serves the same paths as the Get Token API and forwards each caller's own client credentials to the token URL.
/// However many callers ask, it sends one request per identity, and the next one only when the token is about to expire.
/// The upstream's answer is returned unchanged. Tokens are kept in memory and in the cache that cells-token get uses;
/// --no-cache turns the latter off.
///
/// The paths are /v4.0/cells/connect/token, /v3.0/cells/connect/token, /connect/token and /oauth2/token. Callers send
/// their ID and secret as form parameters or by HTTP Basic, not both. Other parameters, such as scope, are forwarded as
/// sent, and a token is reused only for the same credentials and parameters; those with further parameters are kept in
/// memory only. Without an upstream answer, callers get 502, 503 or 504 with an error object (RFC 6749 section 5.2).
/// After five failures within a minute, secrets of that client ID that were never accepted get 429 with Retry-After.
/// Requests with an Origin header get 403, requests with credentials in the URL 400.
///
/// Limits: 8 KiB of head and 8 KiB of body, each within 5 seconds; 1024 connections, after which others wait until one
/// ends, as idle ones do after 5 seconds; 10,000 identities and 64 MiB of tokens in memory.
///
/// SIGHUP reads --caller-key-file, --tls-cert and --tls-key again; bad files are reported and the old ones stay in use.
/// SIGTERM and SIGINT stop it after the requests in flight are answered, within 10 seconds. GET /healthz answers 200,
/// GET /metrics answers Prometheus text. The access log goes to standard error, one line per request, without secrets;
/// 499 means that the caller left before the answer; -q turns it off.
#[derive(Debug, Args)]
#[command(
    help_template = HELP,
    before_help = "\
Examples:
  cells-token serve
  cells-token serve --listen 0.0.0.0:8470 --tls-cert tls.crt --tls-key tls.key
  CELLS_BASE_URL=http://127.0.0.1:8470 cells-token get"
)]
pub struct Serve {
    /// Address to listen on [default: 127.0.0.1:8470]
    ///
    /// Addresses beyond loopback need --tls-cert and --tls-key, or --listen-http. On loopback, the Host header must be a
    /// loopback name or address.
    #[arg(long, value_name = "ADDR:PORT", help_heading = "Callers")]
    pub listen: Option<String>,

    /// TLS certificate chain (PEM file)
    #[arg(long, value_name = "FILE", help_heading = "Callers", value_hint = ValueHint::FilePath, requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// TLS private key (PEM file)
    #[arg(long, value_name = "FILE", help_heading = "Callers", value_hint = ValueHint::FilePath, requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Allow plain http beyond loopback
    ///
    /// For use behind a load balancer or sidecar that terminates TLS.
    #[arg(long, help_heading = "Callers")]
    pub listen_http: bool,

    /// Keys of callers without credentials, one a line
    ///
    /// A caller that sends Authorization: Bearer KEY and no credentials gets a token for the credentials given by the
    /// options and variables below. Keys have at least 16 characters, and other users must not have access to the file.
    #[arg(long, value_name = "FILE", help_heading = "Callers", value_hint = ValueHint::FilePath)]
    pub caller_key_file: Option<PathBuf>,

    #[command(flatten)]
    pub credentials: Credentials,
    #[command(flatten)]
    pub profile: Profile,
    #[command(flatten)]
    pub network: Network,
    #[command(flatten)]
    pub cache: Cache,
    #[command(flatten)]
    pub verbosity: Verbosity,
}
