//! `forget`: deletes cached tokens.

use anyhow::Context as _;

use crate::cache::{self, Forgotten, Key};
use crate::cli;
use crate::config::Config;
use crate::credentials::Selection;
use crate::env::Env;
use crate::error::{Error, Exit};
use crate::problem::Problem;
use crate::report::Reporter;
use crate::time::{Deadline, Timestamp};

/// Deletes the cached token of one identity, or all of them.
///
/// # Errors
/// If it is unknown which token to delete, or a file cannot be deleted.
#[inline(never)]
pub fn run(args: &cli::Forget, env: &Env, report: Reporter) -> Result<(), Error> {
    let identity = cli::Credentials {
        client_id: args.client_id.clone(),
        ..Default::default()
    };
    let network = cli::Network {
        endpoint: args.endpoint.clone(),
        timeout: args.timeout.clone(),
        ..Default::default()
    };
    let cache = cli::Cache {
        cache_dir: args.cache_dir.clone(),
        ..Default::default()
    };
    let selection = Selection::new(&identity, args.profile.name.as_deref(), env)?;
    let config = Config::new(&network, &cache, &selection, env)?;
    let Some(settings) = &config.cache else {
        report.info("the cache is off; nothing to forget");
        return Ok(());
    };
    if settings.check(report).is_err() {
        return Ok(());
    }
    let key = match (args.all, &selection.client_id) {
        (true, _) => None,
        (false, Some(id)) => Some(Key::new(&config.endpoint, id)),
        (false, None) => {
            let problem = Problem::new(
                "no client id is given, so it is unknown which token to delete",
                "set CELLS_CLIENT_ID or --client-id, or use --all to delete every token",
            );
            return Err(Error::Local(Exit::NoCredentials, problem));
        }
    };
    let dir = settings.dir.display();
    let deadline = Deadline::after(config.timeout / 2);
    let forgotten = cache::forget(&settings.dir, key.as_ref(), deadline)
        .with_context(|| format!("cannot delete the cached tokens in {dir}"))?;
    if forgotten.is_empty() {
        report.info(&format!("nothing to forget in {dir}"));
    }
    for Forgotten {
        client_id,
        token_url,
        expires_at,
    } in forgotten
    {
        // The query may hold something private.
        let token_url = token_url.split('?').next().unwrap_or_default();
        let validity = match expires_at > Timestamp::now() {
            true => format!("it is not revoked and stays valid until {expires_at}"),
            false => format!("it expired at {expires_at}"),
        };
        report.info(&format!(
            "deleted the cached token of {client_id} from {token_url}; {validity}"
        ));
    }
    Ok(())
}
