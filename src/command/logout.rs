//! `logout`: deletes profiles, their secrets and their cached tokens.

use anyhow::Context as _;

use crate::cache::{self, Key};
use crate::cli;
use crate::config::{self, Config};
use crate::credentials::{Selection, saved};
use crate::env::Env;
use crate::error::Error;
use crate::problem::Problem;
use crate::profile::{ProfileName, Profiles};
use crate::report::Reporter;
use crate::time::Deadline;

/// Deletes one profile, or all.
///
/// # Errors
/// If the profile does not exist, or its secret cannot be deleted. The profile then remains, so that the command can be
/// run again.
#[inline(never)]
pub fn run(args: &cli::Logout, env: &Env, report: Reporter) -> Result<(), Error> {
    let profiles = Profiles::load_for_update(env)?;
    let names = match args.all {
        true => profiles.iter().map(|(name, _)| name.clone()).collect(),
        false => vec![name(args, env, &profiles)?],
    };
    if names.is_empty() {
        report.info("there are no profiles");
    }
    for name in &names {
        if let Err(error) = forget_token(name, env, report) {
            report.warning(&format!(
                "the cached token of the profile {name} was not deleted: {}",
                error.problem().what
            ));
        }
        profiles.update(|profiles, _| match profiles.remove(name) {
            Some(profile) => saved::delete(profiles, name, &profile.secret),
            // Another process has deleted it.
            None => Ok(()),
        })?;
        report.info(&format!(
            "deleted the profile {name}; tokens already issued stay valid until they expire"
        ));
    }
    Ok(())
}

fn name(args: &cli::Logout, env: &Env, profiles: &Profiles) -> Result<ProfileName, Problem> {
    let name = match config::profile_name(&args.profile, env)? {
        Some(name) => name,
        None => match profiles.default_profile()? {
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

/// Deletes the cached token that `get --profile` would use.
fn forget_token(name: &ProfileName, env: &Env, report: Reporter) -> Result<(), Error> {
    let selection = Selection::new(&Default::default(), Some(name.as_str()), env)?;
    let config = Config::new(&Default::default(), &Default::default(), &selection, env)?;
    if let (Some(settings), Some(id)) = (&config.cache, &selection.client_id)
        && settings.check(report).is_ok()
    {
        let key = Key::new(&config.endpoint, id);
        let deadline = Deadline::after(config.timeout / 2);
        cache::forget(&settings.dir, Some(&key), deadline).context("cannot delete it")?;
    }
    Ok(())
}
