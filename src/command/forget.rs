//! `forget`: delete cached tokens.

use anyhow::Context as _;

use crate::cache::{self, Forgotten};
use crate::cli;
use crate::config::Config;
use crate::credentials::Selection;
use crate::env::{self, Env};
use crate::error::Error;
use crate::problem::Problem;
use crate::report::Reporter;
use crate::time::{Deadline, Timestamp};

/// Deletes the cached token of one identity, or all of them.
///
/// # Errors
/// `Error::NoCredentials` if it is not known whose token to forget; `Error::Other` if a file cannot
/// be deleted.
#[inline(never)]
pub fn run(args: &cli::Forget, env: &Env, report: Reporter) -> Result<(), Error> {
    let identity = cli::Credentials {
        client_id: args.client_id.clone(),
        ..Default::default()
    };
    let selection =
        Selection::new(&identity, args.profile.name.as_deref(), env).map_err(Error::Usage)?;
    let network = cli::Network {
        endpoint: args.endpoint.clone(),
        timeout: args.timeout.clone(),
        ..Default::default()
    };
    let cache = cli::Cache {
        cache_dir: args.cache_dir.clone(),
        ..Default::default()
    };
    let config = Config::new(&network, &cache, &selection, env).map_err(Error::Usage)?;
    let Some(settings) = &config.cache else {
        report.info("the cache is off, so there is nothing to forget");
        return Ok(());
    };
    if !settings.is_usable(report) {
        return Ok(());
    }
    let patience = Deadline::after(config.timeout / 2);
    let forgotten = if args.all {
        cache::forget_all(&settings.dir, patience)
    } else {
        let client_id = selection.client_id.as_ref().ok_or_else(unknown_client)?;
        cache::forget(&settings.dir, &config.endpoint, client_id, patience).map(Vec::from_iter)
    };
    let forgotten = forgotten
        .with_context(|| format!("cannot forget what is in {}", settings.dir.display()))?;
    for token in &forgotten {
        tell(token, report);
    }
    if forgotten.is_empty() {
        report.info(&format!("nothing to forget in {}", settings.dir.display()));
    }
    Ok(())
}

fn tell(token: &Forgotten, report: Reporter) {
    let Forgotten {
        client_id,
        token_url,
        expires_at,
    } = token;
    // Its query may hold what is not for every eye.
    let token_url = token_url.split('?').next().unwrap_or_default();
    let validity = match *expires_at > Timestamp::now() {
        true => format!("it is not revoked and stays valid until {expires_at}"),
        false => format!("it had expired at {expires_at}"),
    };
    report.info(&format!(
        "forgot the token of {client_id} from {token_url}; {validity}"
    ));
}

fn unknown_client() -> Error {
    Error::NoCredentials(Problem::new(
        "there is no client id, so it is not known whose token to forget",
        format!(
            "set {} or give --client-id, or forget all with --all",
            env::CELLS_CLIENT_ID.name
        ),
    ))
}
