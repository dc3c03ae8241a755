//! The command line: the options that verbs share, in the groups of the help. No logic, like `cli`.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum, ValueHint};

use crate::secret::ClientSecret;

/// Which token, for the verbs that need one.
#[derive(Debug, Default, Args)]
pub struct Request {
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
}

/// Whose token it is.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Credentials")]
pub struct Credentials {
    /// The client id [variable: CELLS_CLIENT_ID]
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    pub client_id: Option<String>,

    /// The client secret [variable: CELLS_CLIENT_SECRET]
    ///
    /// Others on this machine can see it among the arguments of the process, so rather use the variable, a file or the
    /// prompt.
    #[arg(
        long,
        value_name = "SECRET",
        allow_hyphen_values = true,
        hide_short_help = true
    )]
    pub client_secret: Option<ClientSecret>,

    /// A file with the secret; - is standard input
    ///
    /// [variable: CELLS_CLIENT_SECRET_FILE]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub client_secret_file: Option<PathBuf>,

    /// Never prompt for what is missing [variables: CELLS_NO_INPUT, CI]
    #[arg(long, hide_short_help = true)]
    pub no_input: bool,
}

/// Where the token comes from.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Endpoint and network")]
pub struct Endpoint {
    /// Where the API is [variable: CELLS_BASE_URL]
    ///
    /// [default: https://api.aspose.cloud]
    #[allow(
        rustdoc::bare_urls,
        reason = "it is read as help, where < and > would show"
    )]
    #[arg(long, value_name = "URL", hide_short_help = true, value_hint = ValueHint::Url)]
    pub base_url: Option<String>,

    /// The token endpoint itself [variable: CELLS_TOKEN_URL]
    ///
    /// [default: the base URL and /v4.0/cells/connect/token]
    #[arg(long, value_name = "URL", hide_short_help = true, value_hint = ValueHint::Url)]
    pub token_url: Option<String>,

    /// Permit http:// to other machines [variable: CELLS_ALLOW_HTTP]
    ///
    /// Without it, plain http is for localhost, 127.0.0.0/8 and ::1 alone: everybody on the way could read the secret.
    #[arg(long, hide_short_help = true)]
    pub allow_http: bool,
}

/// How it is reached, and how long that may take.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Endpoint and network")]
pub struct Network {
    /// Where.
    #[command(flatten)]
    pub endpoint: Endpoint,

    /// Certificates to trust besides the system's, in a PEM file [variable: CELLS_CA_CERT]
    #[arg(
        long,
        value_name = "FILE",
        visible_alias = "cacert",
        hide_short_help = true,
        value_hint = ValueHint::FilePath
    )]
    pub ca_cert: Option<PathBuf>,

    /// The proxy to use, for loopback too [variables: HTTPS_PROXY, http_proxy, ALL_PROXY, NO_PROXY]
    ///
    /// Such as http://host:3128, https://host or socks5://host:1080, with user:password@ before the host if it asks for
    /// them. Whatever NO_PROXY says.
    #[arg(long, value_name = "URL", hide_short_help = true, value_hint = ValueHint::Url)]
    pub proxy: Option<String>,

    /// The limit on everything together [variable: CELLS_TIMEOUT]
    ///
    /// Such as 500ms, 30s or 1h30m; a bare number is seconds. One attempt may take a third of it, connecting half of
    /// that. [default: 90s]
    #[arg(long, value_name = "DURATION", hide_short_help = true)]
    pub timeout: Option<String>,

    /// How often to try again what may pass by itself [variable: CELLS_RETRIES]
    ///
    /// [default: 3]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub retries: Option<String>,
}

/// What is kept between runs.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Cache")]
pub struct Cache {
    /// How long the token must live at least [variable: CELLS_MIN_TTL]
    ///
    /// [default: 5m, or a tenth of its lifetime if that is less]
    #[arg(long, value_name = "DURATION", hide_short_help = true)]
    pub min_ttl: Option<String>,

    /// Neither read nor write the cache [variable: CELLS_NO_CACHE]
    #[arg(long, hide_short_help = true)]
    pub no_cache: bool,

    /// Where the cache is [variable: CELLS_CACHE_DIR]
    ///
    /// [default: cells-token in the user's cache folder]
    #[arg(long, value_name = "FOLDER", hide_short_help = true, value_hint = ValueHint::DirPath)]
    pub cache_dir: Option<PathBuf>,
}

/// What is printed.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// The format
    #[arg(short, long, value_name = "FORMAT")]
    pub output: Option<Format>,

    /// The variable that -o env sets
    ///
    /// None that cells-token reads itself. [default: CELLS_ACCESS_TOKEN]
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub env_name: Option<String>,
}

/// What stands on standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// The token alone (the default)
    #[default]
    Raw,
    /// What the server said, with obtained_at, expires_at and from_cache
    Json,
    /// Authorization: Bearer TOKEN, for curl -H @-
    Header,
    /// NAME=TOKEN, for dotenv files, $GITHUB_ENV, docker --env-file
    Env,
}

/// What `status` prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum StatusFormat {
    /// Lines for a person (the default)
    #[default]
    Text,
    /// One JSON object
    Json,
}

/// How much is said on standard error.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output", disable_help_flag = true)]
pub struct Verbosity {
    /// Tell on standard error what is done, and why
    #[arg(short, long)]
    pub verbose: bool,

    /// Say nothing on standard error but errors
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
