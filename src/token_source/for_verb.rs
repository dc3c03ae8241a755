//! What a verb asks for that wants one token: options and variables, the prompt, the cache, and then the source.

use std::time::Duration;

use super::{Found, Reuse, TokenSource};
use crate::cache::{Cache, Entry, Fingerprint};
use crate::cli;
use crate::config::Config;
use crate::credentials::{self, Selection};
use crate::env::Env;
use crate::error::Error;
use crate::oauth::{ClientCredentials, ClientId, Freshness, MinTtl, Token};
use crate::output::Origin;
use crate::report::Reporter;
use crate::secret::ClientSecret;
use crate::time::{Clock, Deadline, Timestamp};

/// What a verb needs that asks for a token.
pub struct Answer {
    /// The token.
    pub token: Token,
    /// Where it came from.
    pub origin: Origin,
    /// What is known of the secret that it was got with.
    pub secret: SecretMatcher,
    /// The client id, if a person who had set nothing at all entered it.
    pub entered: Option<ClientId>,
}

/// What is known of a client secret, to find where else it is.
pub enum SecretMatcher {
    /// All.
    Secret(ClientSecret),
    /// What the cache has of it: the token was good without the secret.
    Fingerprint(Fingerprint),
}

impl SecretMatcher {
    /// Whether `text` is the secret.
    pub fn is(&self, text: &str) -> bool {
        match self {
            Self::Secret(secret) => secret.expose() == text,
            Self::Fingerprint(fingerprint) => {
                fingerprint.matches(&ClientSecret::new(text.to_owned()))
            }
        }
    }
}

/// Gets the token that `request` and `env` describe. Asks for the secret only if no cached token will
/// do without it, and before the lock is taken: a person at a prompt keeps nobody waiting.
///
/// # Errors
/// Whatever the sources of the credentials, or the authorization server, give instead.
pub fn token(
    request: &cli::Request,
    env: &Env,
    clock: Clock,
    report: Reporter,
) -> Result<Answer, Error> {
    let cli::Request {
        credentials: flags,
        profile,
        network,
        cache,
        refresh,
    } = request;
    let selection = Selection::new(flags, profile.name.as_deref(), env).map_err(Error::Usage)?;
    let config = Config::new(network, cache, &selection, env).map_err(Error::Usage)?;
    selection.explain(report);
    config.explain(report);
    let reuse = if *refresh {
        Reuse::Refresh
    } else {
        Reuse::Allowed
    };
    let began = clock();
    let id = credentials::client_id(&selection, env)?;
    let entered = selection.is_empty().then(|| id.clone());
    let cache = config
        .cache
        .as_ref()
        .and_then(|settings| Cache::open(settings, &config.endpoint, &id, report));
    if selection.secret.is_interactive()
        && reuse == Reuse::Allowed
        && let Some(Entry { token, fingerprint }) = cache
            .as_ref()
            .and_then(|cache| cached_without_secret(cache, &config, began, report))
    {
        warn_of_short_life(&token, config.min_ttl, began, report);
        return Ok(Answer {
            token,
            origin: Origin::Cache,
            secret: SecretMatcher::Fingerprint(fingerprint),
            entered,
        });
    }
    let mut deadline = Deadline::after(config.timeout);
    let option = flags.client_secret.as_ref();
    let secret = credentials::client_secret(&selection, option, env, deadline)?;
    if selection.secret.is_interactive() {
        deadline = Deadline::after(config.timeout);
    }
    let credentials = ClientCredentials { id, secret };
    let ready = clock();
    let source = TokenSource {
        config: &config,
        request: credentials.into(),
        reuse,
        clock,
        report,
        began,
        ready,
        deadline,
    };
    let Found { token, origin, .. } = source.token(cache.as_ref())?;
    warn_of_short_life(&token, config.min_ttl, clock(), report);
    Ok(Answer {
        token,
        origin,
        secret: SecretMatcher::Secret(source.request.credentials.secret),
        entered,
    })
}

fn cached_without_secret(
    cache: &Cache,
    config: &Config,
    now: Timestamp,
    report: Reporter,
) -> Option<Entry> {
    let entry = cache.entry(now)?;
    let is_good = entry.token.freshness(config.min_ttl, now) == Freshness::Fresh;
    report.verbose(|| match is_good {
        true => "a good token is cached; the secret is not needed".to_owned(),
        false => "the cached token does not live long enough; the secret is needed".to_owned(),
    });
    is_good.then_some(entry)
}

fn warn_of_short_life(token: &Token, min_ttl: MinTtl, now: Timestamp, report: Reporter) {
    if token.expires_at == Some(token.obtained_at) {
        report.warning("the service gave the token no time to live, so it may be refused");
    } else if token.falls_short(min_ttl)
        && let Some(remaining) = token.remaining(now)
    {
        let remaining = humantime::format_duration(Duration::from_secs(remaining.as_secs()));
        report.warning(&format!(
            "the token lives for {remaining}, which is shorter than --min-ttl asks"
        ));
    }
}
