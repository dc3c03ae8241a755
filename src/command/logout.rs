//! `logout`: deletes profiles, their secrets and their cached tokens.

use std::path::Path;

use anyhow::Context as _;

use crate::cache::{self, Key};
use crate::cli;
use crate::config::Config;
use crate::credentials::{Selection, saved};
use crate::env::{self, Env};
use crate::error::Error;
use crate::problem::Problem;
use crate::profile::{self, Profile, ProfileName, Profiles};
use crate::report::Reporter;
use crate::time::Deadline;

/// Deletes one profile, or all.
///
/// # Errors
/// `Error::Usage` if the profile does not exist; `Error::Keyring` or `Error::Other` if its secret cannot be
/// deleted. The profile then remains, so that the command can be run again.
#[inline(never)]
pub fn run(args: &cli::Logout, env: &Env, report: Reporter) -> Result<(), Error> {
    let dir = profile::required_directory(env).map_err(Error::Usage)?;
    let profiles = Profiles::load(&dir).map_err(Error::Usage)?;
    let names = match args.all {
        true => profiles.iter().map(|(name, _)| name.clone()).collect(),
        false => vec![name(args, env, &profiles).map_err(Error::Usage)?],
    };
    if names.is_empty() {
        report.info("there are no profiles");
    }
    for name in &names {
        delete(&dir, name, env, report)?;
        report.info(&format!(
            "deleted the profile {name}; tokens already issued stay valid until they expire"
        ));
    }
    Ok(())
}

fn name(args: &cli::Logout, env: &Env, profiles: &Profiles) -> Result<ProfileName, Problem> {
    let name = match (&args.profile, env.text(&env::CELLS_PROFILE)?) {
        (Some(name), _) => ProfileName::parse(name, "--profile")?,
        (None, Some(name)) => ProfileName::parse(name, env::CELLS_PROFILE.name)?,
        (None, None) => match profiles.default_profile()? {
            Some((name, _)) => name.clone(),
            None => {
                return Err(Problem::new(
                    "there is no default profile",
                    "give --profile NAME or --all; cells-token status lists the profiles",
                ));
            }
        },
    };
    profiles.named(&name)?;
    Ok(name)
}

fn delete(dir: &Path, name: &ProfileName, env: &Env, report: Reporter) -> Result<(), Error> {
    let removed = Profiles::update(dir, |profiles| {
        let removed = profiles.remove(name);
        if let Some(profile) = &removed {
            saved::delete(dir, name, &profile.secret)?;
        }
        Ok(removed)
    })?;
    // `None` if another process deleted it since.
    if let Some(profile) = removed
        && let Err(error) = forget_token(profile, env, report)
    {
        report.warning(&format!(
            "the cached token of the profile {name} was not deleted: {}",
            error.problem().what
        ));
    }
    Ok(())
}

fn forget_token(profile: Profile, env: &Env, report: Reporter) -> Result<(), Error> {
    // As options, the profile's own settings beat any variable.
    let options = cli::Credentials {
        client_id: Some(profile.client_id),
        ..Default::default()
    };
    let network = cli::Network {
        endpoint: cli::Endpoint {
            base_url: profile.base_url,
            token_url: profile.token_url,
            allow_http: profile.allow_http,
        },
        ..Default::default()
    };
    let selection = Selection::without_profiles(&options, env).map_err(Error::Usage)?;
    let config =
        Config::new(&network, &cli::Cache::default(), &selection, env).map_err(Error::Usage)?;
    if let (Some(settings), Some(id)) = (&config.cache, &selection.client_id)
        && settings.check(report).is_ok()
    {
        let key = Key::new(&config.endpoint, id);
        let deadline = Deadline::after(config.timeout / 2);
        cache::forget(&settings.dir, Some(&key), deadline).context("cannot delete it")?;
    }
    Ok(())
}
