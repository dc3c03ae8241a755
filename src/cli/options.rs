//! Options shared by several commands, grouped as in the help. No logic.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum, ValueHint};

use crate::secret::ClientSecret;

/// What `get` and `run` need to obtain a token.
#[derive(Debug, Default, Args)]
pub struct Request {
    #[command(flatten)]
    pub credentials: Credentials,
    #[command(flatten)]
    pub profile: Profile,
    #[command(flatten)]
    pub network: Network,
    #[command(flatten)]
    pub cache: Cache,
    /// Ignore the cached token and request a new one
    #[arg(long, help_heading = "Cache")]
    pub refresh: bool,
}

/// Where the client ID and secret come from.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Credentials")]
pub struct Credentials {
    /// Client ID [env: CELLS_CLIENT_ID]
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    pub client_id: Option<String>,

    /// Client secret [env: CELLS_CLIENT_SECRET]
    ///
    /// Other users of this machine can see it in the process list: prefer the variable, a file or the prompt.
    #[arg(
        long,
        value_name = "SECRET",
        allow_hyphen_values = true,
        hide_short_help = true
    )]
    pub client_secret: Option<ClientSecret>,

    /// Read the secret from a file (- for stdin)
    ///
    /// [env: CELLS_CLIENT_SECRET_FILE]
    #[arg(
        long,
        value_name = "PATH",
        hide_short_help = true,
        value_hint = ValueHint::FilePath
    )]
    pub client_secret_file: Option<PathBuf>,

    /// Shell command that prints the client secret
    ///
    /// The first line of its output is the secret: --client-secret-command 'pass show aspose'. It runs only if a new
    /// token is needed. [env: CELLS_CLIENT_SECRET_COMMAND]
    #[arg(long, value_name = "CMD", hide_short_help = true, value_hint = ValueHint::CommandString)]
    pub client_secret_command: Option<OsString>,

    /// Never prompt [env: CELLS_NO_INPUT, CI]
    #[arg(long, hide_short_help = true)]
    pub no_input: bool,
}

/// Which profile gives the credentials.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Credentials")]
pub struct Profile {
    /// Use a profile saved by login [env: CELLS_PROFILE]
    ///
    /// Its endpoint, CA and proxy apply with its credentials. If neither this option nor other credentials are given, the
    /// default profile is used.
    #[arg(id = "profile", long = "profile", value_name = "NAME")]
    pub name: Option<String>,
}

/// Where to request the token.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Endpoint and network")]
pub struct Endpoint {
    /// API base URL [env: CELLS_BASE_URL] [default: https://api.aspose.cloud]
    #[allow(
        rustdoc::bare_urls,
        reason = "doc comments become help text, where < and > would show"
    )]
    #[arg(long, value_name = "URL", hide_short_help = true, value_hint = ValueHint::Url)]
    pub base_url: Option<String>,

    /// Token endpoint URL, instead of a base URL [env: CELLS_TOKEN_URL]
    ///
    /// [default: the base URL followed by /v4.0/cells/connect/token]
    #[arg(
        long,
        value_name = "URL",
        conflicts_with = "base_url",
        hide_short_help = true,
        value_hint = ValueHint::Url
    )]
    pub token_url: Option<String>,

    /// Allow http:// beyond loopback [env: CELLS_ALLOW_HTTP]
    ///
    /// Without TLS, anyone on the network path can read the client secret. Loopback is localhost, 127.0.0.0/8 and ::1.
    #[arg(long, hide_short_help = true)]
    pub allow_http: bool,
}

/// How to reach the endpoint, and the limits on time and retries.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Endpoint and network")]
pub struct Network {
    #[command(flatten)]
    pub endpoint: Endpoint,

    /// PEM file of CAs to trust besides the system's [env: CELLS_CA_CERT]
    ///
    /// [alias: --cacert]
    #[arg(
        long,
        value_name = "FILE",
        alias = "cacert",
        hide_short_help = true,
        value_hint = ValueHint::FilePath
    )]
    pub ca_cert: Option<PathBuf>,

    /// Proxy URL [env: HTTPS_PROXY, http_proxy, ALL_PROXY, NO_PROXY]
    ///
    /// For example http://user:password@host:3128, https://host or socks5://host:1080. The option also applies to
    /// loopback and to hosts that NO_PROXY lists.
    #[arg(long, value_name = "URL", hide_short_help = true, value_hint = ValueHint::Url)]
    pub proxy: Option<String>,

    /// Time limit for the whole run [env: CELLS_TIMEOUT] [default: 90s]
    ///
    /// For example 500ms, 30s or 1h30m; a bare number is seconds. One attempt may take a third of it, and connecting
    /// half of that.
    #[arg(long, value_name = "DURATION", hide_short_help = true)]
    pub timeout: Option<String>,

    /// Retries after a transient failure [env: CELLS_RETRIES] [default: 3]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub retries: Option<String>,
}

/// The token cache.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Cache")]
pub struct Cache {
    /// Minimum remaining lifetime of the token [env: CELLS_MIN_TTL]
    ///
    /// [default: 5m, or a tenth of the token's lifetime if that is less]
    #[arg(long, value_name = "DURATION", hide_short_help = true)]
    pub min_ttl: Option<String>,

    /// Don't read or write the cache [env: CELLS_NO_CACHE]
    #[arg(long, hide_short_help = true)]
    pub no_cache: bool,

    /// Cache directory [env: CELLS_CACHE_DIR]
    ///
    /// [default: cells-token in the user's cache directory]
    #[arg(long, value_name = "DIR", hide_short_help = true, value_hint = ValueHint::DirPath)]
    pub cache_dir: Option<PathBuf>,
}

/// What `get` prints.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// Output format
    #[arg(short, long, value_name = "FORMAT")]
    pub output: Option<Format>,

    /// Variable name for -o env [default: CELLS_ACCESS_TOKEN]
    ///
    /// Must not be a variable that cells-token reads itself.
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub env_name: Option<String>,
}

/// Output format of `get`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// The token (default)
    #[default]
    Raw,
    /// The response plus obtained_at, expires_at, from_cache
    Json,
    /// An Authorization header, for curl -H @-
    Header,
    /// NAME=TOKEN, for dotenv files and docker --env-file
    Env,
}

/// Output format of `status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum StatusFormat {
    /// Plain text (default)
    #[default]
    Text,
    /// A JSON object
    Json,
}

/// What goes to standard error.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output", disable_help_flag = true)]
pub struct Verbosity {
    /// Explain each step on stderr
    #[arg(short, long)]
    pub verbose: bool,

    /// Print errors only
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Print help
    #[arg(
        id = "help",
        short,
        long,
        action = ArgAction::Help,
        help = "Print help (see more with '--help')",
        long_help = "Print help (see a summary with '-h')"
    )]
    _help: Option<bool>,
}

impl From<String> for ClientSecret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}
