//! What `get` and `run` do: options and variables, credentials, the cache, and then the token source.

use std::time::Duration;

use super::{Reuse, SourcedToken, TokenSource};
use crate::cache::{Cache, SealedJson};
use crate::cli;
use crate::config::Config;
use crate::credentials::{self, Selection};
use crate::env::Env;
use crate::error::Error;
use crate::oauth::{ClientCredentials, Freshness, MinTtl, Token};
use crate::output::Origin;
use crate::report::Reporter;
use crate::secret::ClientSecret;
use crate::time::{Clock, Deadline, Timestamp};

/// A token, and what a command needs to know about its credentials.
pub struct Obtained {
    /// The token.
    pub token: Token,
    /// The server, or the cache.
    pub origin: Origin,
    /// Recognizes the secret that the token was obtained with.
    pub secret: SecretMatcher,
    /// Whether both id and secret came from the prompt.
    pub was_prompted: bool,
}

/// Recognizes the client secret in other places.
pub enum SecretMatcher {
    /// By comparison.
    Secret(ClientSecret),
    /// By the seal of the cached token, which was used without the secret.
    Seal(SealedJson),
}

impl SecretMatcher {
    /// Whether `text` is the secret.
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Secret(secret) => secret.expose() == text,
            Self::Seal(sealed) => sealed.is_sealed_with(&ClientSecret::new(text.to_owned())),
        }
    }
}

/// Obtains the token that `request` and `env` describe. A secret that needs a prompt or a
/// command is read only if no fresh token is cached, and before the lock is taken, so that no process waits for a person.
///
/// # Errors
/// Why there are no credentials, or why the server issued no token.
pub fn obtain(
    request: &cli::Request,
    env: &Env,
    clock: Clock,
    report: Reporter,
) -> Result<Obtained, Error> {
    let cli::Request {
        credentials: flags,
        profile,
        network,
        cache,
        refresh,
    } = request;
    let selection = Selection::new(flags, profile.name.as_deref(), env)?;
    let config = Config::new(network, cache, &selection, env)?;
    selection.explain(report);
    config.explain(report);
    let id = credentials::client_id(&selection, env)?;
    let was_prompted = selection.is_empty();
    let settings = config.cache.as_ref();
    let cache =
        settings.and_then(|settings| Cache::open(settings, &config.endpoint, &id, report).ok());
    if selection.secret.is_interactive()
        && !refresh
        && let Some(cache) = &cache
        && let Some((token, sealed)) = fresh_without_secret(cache, &config, clock(), report)
    {
        return Ok(Obtained {
            token,
            origin: Origin::Cache,
            secret: SecretMatcher::Seal(sealed),
            was_prompted,
        });
    }
    let mut deadline = Deadline::after(config.timeout);
    let option = flags.client_secret.as_ref();
    let secret = credentials::client_secret(&selection, option, env, deadline)?;
    if selection.secret.is_interactive() {
        deadline = Deadline::after(config.timeout);
    }
    let source = TokenSource {
        config: &config,
        request: ClientCredentials { id, secret }.into(),
        reuse: if *refresh {
            Reuse::Refresh
        } else {
            Reuse::Allowed
        },
        clock,
        report,
        started_at: clock(),
        deadline,
    };
    let SourcedToken { token, origin, .. } = source.token(cache.as_ref())?;
    warn_of_short_lifetime(&token, config.min_ttl, clock(), report);
    Ok(Obtained {
        token,
        origin,
        secret: SecretMatcher::Secret(source.request.credentials.secret),
        was_prompted,
    })
}

/// The cached token, if it is fresh. Without the secret its seal cannot be checked.
fn fresh_without_secret(
    cache: &Cache,
    config: &Config,
    now: Timestamp,
    report: Reporter,
) -> Option<(Token, SealedJson)> {
    let entry = cache.entry(now)?;
    let is_fresh = entry.token.freshness(config.min_ttl, now) == Freshness::Fresh;
    report.verbose(|| match is_fresh {
        true => "the cached token is fresh, so the secret is not needed; its seal is not checked"
            .to_owned(),
        false => "the cached token expires too soon, so the secret is needed".to_owned(),
    });
    if is_fresh {
        warn_of_short_lifetime(&entry.token, config.min_ttl, now, report);
    }
    is_fresh.then_some((entry.token, entry.sealed))
}

fn warn_of_short_lifetime(token: &Token, min_ttl: MinTtl, now: Timestamp, report: Reporter) {
    if token.expires_at == Some(token.obtained_at) {
        report.warning(
            "the token has no lifetime left according to the service, so the API may reject it",
        );
    } else if token.falls_short(min_ttl)
        && let Some(remaining) = token.remaining(now)
    {
        let remaining = humantime::format_duration(Duration::from_secs(remaining.as_secs()));
        report.warning(&format!(
            "the token expires in {remaining}, sooner than --min-ttl requires"
        ));
    }
}
