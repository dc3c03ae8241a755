//! `login`: checks credentials and saves them as a profile.

use std::path::{self, Path, PathBuf};

use anyhow::Context as _;
use clap::ValueEnum as _;

use crate::cache::Cache;
use crate::cli::{self, Store};
use crate::config::Config;
use crate::credentials::{self, SecretPlace, SecretSource, Selection, saved};
use crate::env::{self, Env};
use crate::error::Error;
use crate::oauth::ClientCredentials;
use crate::problem::Problem;
use crate::profile::{self, Profile, ProfileName, Profiles, SecretLocation};
use crate::report::Reporter;
use crate::secret::ClientSecret;
use crate::time::{Deadline, Timestamp};
use crate::token_source::{Reuse, TokenSource};

/// Name of the profile unless one is given.
const DEFAULT_NAME: &str = "default";

/// What `Config` names as the source of an endpoint that nothing has set.
const DEFAULT_ENDPOINT: &str = "default";

/// Saves the credentials that options, variables and prompts give.
///
/// # Errors
/// `Error::Keyring` if the keyring is needed and cannot be used; otherwise if there are no credentials, the server
/// refuses them, or the profile cannot be written. Nothing is saved in any of these cases.
#[inline(never)]
pub fn run(args: &cli::Login, env: &Env, report: Reporter) -> Result<(), Error> {
    let name = name(args, env).map_err(Error::Usage)?;
    let dir = profile::required_directory(env).map_err(Error::Usage)?;
    let existing = Profiles::load(&dir).map_err(Error::Usage)?;
    if existing.iter().any(|(other, _)| *other == name) {
        report.warning(&format!("the profile {name} exists and will be replaced"));
    }
    let selection = Selection::without_profiles(&args.credentials, env).map_err(Error::Usage)?;
    let config = Config::new(&args.network, &cli::Cache::default(), &selection, env)
        .map_err(Error::Usage)?;
    selection.explain(report);
    config.explain(report);
    let store = store(args.store, env).map_err(Error::Usage)?;
    let location = location(store, &selection.secret)?;
    saved::check(&name, &location)?;

    let id = credentials::client_id(&selection, env)?;
    let profile = Profile {
        client_id: id.0.clone(),
        secret: location,
        base_url: None,
        token_url: match config.endpoint_source {
            DEFAULT_ENDPOINT => None,
            _ => Some(config.endpoint.as_str().to_owned()),
        },
        allow_http: !config.endpoint.is_https() && !config.endpoint.is_loopback(),
        ca_cert: config.trust.ca_cert.as_deref().map(absolute).transpose()?,
        proxy: args.network.proxy.clone(),
    };
    let secret = match args.no_check && !profile.secret.is_ours() {
        true => None,
        false => Some(credentials::client_secret(
            &selection,
            args.credentials.client_secret.as_ref(),
            env,
            Deadline::after(config.timeout),
        )?),
    };
    if let (false, Some(secret)) = (args.no_check, &secret) {
        let secret = secret.clone();
        check(ClientCredentials { id, secret }, &config, report)?;
    }
    let client_id = profile.client_id.clone();
    let place = place(&dir, &name, &profile.secret);
    save(&dir, &name, profile, secret.as_ref(), args.make_default)?;
    report.info(&format!(
        "saved the profile {name} for the client id {client_id}; its secret is {place}"
    ));
    Ok(())
}

fn name(args: &cli::Login, env: &Env) -> Result<ProfileName, Problem> {
    let variable = env::CELLS_PROFILE.name;
    match (&args.profile, env.text(&env::CELLS_PROFILE)?) {
        (Some(name), _) => ProfileName::parse(name, "--profile"),
        (None, Some(name)) => ProfileName::parse(name, variable),
        (None, None) => ProfileName::parse(DEFAULT_NAME, ""),
    }
}

fn store(option: Option<Store>, env: &Env) -> Result<Option<Store>, Problem> {
    let name = env::CELLS_STORE.name;
    match (option, env.text(&env::CELLS_STORE)?) {
        (Some(store), _) => Ok(Some(store)),
        (None, Some(text)) => Store::from_str(text, false).map(Some).map_err(|_| {
            Problem::new(
                format!("{name} is neither keyring nor file"),
                format!("set {name} to keyring or file"),
            )
        }),
        (None, None) => Ok(None),
    }
}

/// Without `--store`, a secret that comes from a file or command stays there.
fn location(store: Option<Store>, source: &SecretSource) -> Result<SecretLocation, Error> {
    Ok(match (store, &source.place) {
        (Some(Store::File), _) => SecretLocation::Stored,
        (None, SecretPlace::File(path)) if source.place.is_rereadable() => {
            SecretLocation::File(absolute(path)?)
        }
        (None, SecretPlace::Command(command)) => match command.to_str() {
            Some(command) => SecretLocation::Command(command.to_owned()),
            None => {
                return Err(Error::Usage(Problem::new(
                    format!("{source} is not UTF-8 and cannot be saved"),
                    "give a command in UTF-8",
                )));
            }
        },
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

fn save(
    dir: &Path,
    name: &ProfileName,
    profile: Profile,
    secret: Option<&ClientSecret>,
    make_default: bool,
) -> Result<(), Error> {
    let location = profile.secret.clone();
    let replaced = Profiles::update(dir, |profiles| {
        let replaced = profiles
            .insert(name.clone(), profile, make_default)
            .map_err(Error::Usage)?;
        if let Some(secret) = secret {
            saved::save(dir, name, &location, secret)?;
        }
        Ok(replaced)
    })?;
    match replaced {
        Some(Profile { secret: old, .. }) if old != location => saved::delete(dir, name, &old),
        _ => Ok(()),
    }
}

fn place(dir: &Path, name: &ProfileName, location: &SecretLocation) -> String {
    match location {
        SecretLocation::Stored => format!(
            "in {}, which is not encrypted",
            profile::stored_secret(dir, name).display()
        ),
        location => location.to_string(),
    }
}
