//! The commands that save and delete profiles. No logic.

use clap::Args;

use super::{Credentials, HELP, Network, Verbosity};

/// Check credentials and save them as a profile
///
/// Prompts for what is missing, requests a token to check the credentials, caches it and saves the profile. Refused
/// credentials are not saved. The client secret goes to the operating system's keyring; with --client-secret-command or
/// --client-secret-file, only the command or the path is saved.
///
/// The profiles are in profiles.json, which never holds a secret. You may edit it; cells-token(1) describes its format.
#[derive(Debug, Args)]
#[command(
    help_template = HELP,
    before_help = "\
Examples:
  cells-token login                                # prompts for ID and secret
  cells-token login --profile work --client-secret-command 'pass show work'
  cells-token sandbox -- cells-token login         # no account needed"
)]
pub struct Login {
    /// Save the secret in the keyring or a file [env: CELLS_STORE]
    ///
    /// [default: keyring]
    ///
    /// The file is in the configuration directory. Only you can read it, but it is not encrypted.
    #[arg(long, value_name = "PLACE", value_parser = ["keyring", "file"], hide_possible_values = true)]
    pub store: Option<String>,

    /// Make this the default profile
    ///
    /// The first profile becomes the default without it.
    #[arg(long)]
    pub make_default: bool,

    /// Save without checking the credentials
    #[arg(long, hide_short_help = true)]
    pub no_check: bool,

    /// Profile to save [env: CELLS_PROFILE]
    ///
    /// [default: default]
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,

    #[command(flatten)]
    pub credentials: Credentials,
    #[command(flatten)]
    pub network: Network,
    #[command(flatten)]
    pub verbosity: Verbosity,
}

/// Delete a profile and its secret
///
/// Deletes a profile, its secret in the keyring or in the configuration directory, and its cached token. Tokens already
/// issued are not revoked: they stay valid until they expire.
#[derive(Debug, Args)]
#[command(
    help_template = HELP,
    before_help = "\
Examples:
  cells-token logout
  cells-token logout --profile work"
)]
pub struct Logout {
    /// Profile to delete [env: CELLS_PROFILE] [default: the default profile]
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,

    /// Delete all profiles
    #[arg(long, conflicts_with = "profile")]
    pub all: bool,

    #[command(flatten)]
    pub verbosity: Verbosity,
}
