//! `login`: checks credentials and saves them as a profile.

use std::path::{self, Path, PathBuf};

use anyhow::Context as _;

use crate::cache::Cache;
use crate::cli;
use crate::config::{self, Config};
use crate::credentials::{self, SecretPlace, SecretSource, Selection, saved};
use crate::env::{self, Env};
use crate::error::Error;
use crate::oauth::ClientCredentials;
use crate::problem::Problem;
use crate::profile::{Profile, ProfileName, Profiles, SecretLocation};
use crate::report::Reporter;
use crate::time::{Deadline, Timestamp};
use crate::token_source::{Reuse, TokenSource};

/// Name of the profile unless one is given.
const DEFAULT_NAME: &str = "default";

/// What `Config` names as the source of an endpoint that nothing has set.
const DEFAULT_ENDPOINT: &str = "default";

/// Saves the credentials that options, variables and prompts give.
///
/// # Errors
/// If there are no credentials, the server refuses them, the keyring is needed and cannot be used, or the profile cannot
/// be written. Nothing is saved in any of these cases.
#[inline(never)]
pub fn run(args: &cli::Login, env: &Env, report: Reporter) -> Result<(), Error> {
    let name = match config::profile_name(&args.profile, env)? {
        Some(name) => name,
        None => ProfileName::parse(DEFAULT_NAME, "--profile")?,
    };
    let profiles = Profiles::load_for_update(env)?;
    if profiles.iter().any(|(other, _)| *other == name) {
        report.warning(&format!("the profile {name} exists and will be replaced"));
    }
    let selection = Selection::without_profiles(&args.credentials, env)?;
    let config = Config::new(&args.network, &cli::Cache::default(), &selection, env)?;
    selection.explain(report);
    config.explain(report);
    let place = (&args.store, "--store", &env::CELLS_STORE);
    let location = match config::given(place, env, store)? {
        Some(location) => location,
        None => default_location(&selection.secret)?,
    };
    saved::check(&name, &location)?;

    let id = credentials::client_id(&selection, env)?;
    let profile = Profile {
        client_id: id.0.clone(),
        secret: location.clone(),
        base_url: None,
        token_url: match config.endpoint_source {
            DEFAULT_ENDPOINT => None,
            _ => Some(config.endpoint.as_str().to_owned()),
        },
        allow_http: !config.endpoint.is_https() && !config.endpoint.is_loopback(),
        ca_cert: config.trust.ca_cert.as_deref().map(absolute).transpose()?,
        proxy: args.network.proxy.clone(),
    };
    let option = args.credentials.client_secret.as_ref();
    let deadline = Deadline::after(config.timeout);
    let secret = (!args.no_check || location.is_ours())
        .then(|| credentials::client_secret(&selection, option, env, deadline))
        .transpose()?;
    if !args.no_check
        && let Some(secret) = secret.clone()
    {
        check(ClientCredentials { id, secret }, &config, report)?;
    }
    let saved = format!(
        "saved the profile {name} for the client id {}; its secret is {location}",
        profile.client_id
    );
    let replaced = profiles.update(|profiles, guard| {
        let replaced = profiles.insert(name.clone(), profile, args.make_default)?;
        if let Some(secret) = &secret {
            saved::save(profiles, &name, &location, secret, guard)?;
        }
        Ok(replaced)
    })?;
    if let Some(Profile { secret: old, .. }) = replaced
        && old != location
    {
        saved::delete(&profiles, &name, &old)?;
    }
    report.info(&saved);
    Ok(())
}

fn store(text: &str, source: &str) -> Result<SecretLocation, Problem> {
    match text {
        "keyring" => Ok(SecretLocation::Keyring),
        "file" => Ok(SecretLocation::Stored),
        _ => Err(Problem::new(
            format!("{source} is neither keyring nor file"),
            format!("set {source} to keyring or file"),
        )),
    }
}

/// Where the secret stays if `--store` is not given: a user's file or command is saved as such.
fn default_location(source: &SecretSource) -> Result<SecretLocation, Error> {
    Ok(match &source.place {
        SecretPlace::File(path) if source.place.is_rereadable() => {
            SecretLocation::File(absolute(path)?)
        }
        SecretPlace::Command(command) => {
            let command = command.to_str().ok_or_else(|| {
                Problem::new(
                    format!("{source} is not UTF-8 and cannot be saved"),
                    "give a command in UTF-8",
                )
            })?;
            SecretLocation::Command(command.to_owned())
        }
        _ => SecretLocation::Keyring,
    })
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    let path = path::absolute(path).context("cannot determine the working directory")?;
    Ok(path)
}

/// Requests a new token and caches it. A cached token would only prove that the credentials used to be valid.
fn check(credentials: ClientCredentials, config: &Config, report: Reporter) -> Result<(), Error> {
    let cache = config
        .cache
        .as_ref()
        .and_then(|settings| Cache::open(settings, &config.endpoint, &credentials.id, report).ok());
    let source = TokenSource {
        config,
        request: credentials.into(),
        reuse: Reuse::Refresh,
        clock: Timestamp::now,
        report,
        started_at: Timestamp::now(),
        deadline: Deadline::after(config.timeout),
    };
    source.token(cache.as_ref()).map(drop)
}
