//! The heart: look in the cache, wait for who is fetching already, look again, fetch, store.

mod fetch;
mod limit;

use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

use crate::cache::{Cache, Entry, Failure, Fingerprint, Guard, LockFile, Route};
use crate::cli;
use crate::config::Config;
use crate::credentials::{self, Plan, SecretSource};
use crate::env::Env;
use crate::error::Error;
use crate::oauth::{ClientCredentials, ClientId, Freshness, MinTtl, Token, TokenErrorKind};
use crate::output::Origin;
use crate::secret::ClientSecret;
use crate::time::{Clock, Deadline, Timestamp};
use crate::ui::Ui;

/// Who has waited for this part of the timeout fetches without the lock.
const WAITING_SHARE: u32 = 2;

/// How often those who wait look again.
const POLL: Duration = Duration::from_millis(10);

/// A token, and whether it came from the cache.
pub type Found = (Token, Origin);

/// Whether a cached token will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reuse {
    /// If it is good.
    Allowed,
    /// Only one that was obtained after this run began.
    Refresh,
}

/// What a verb needs that asks for a token.
pub struct Answer {
    /// The token.
    pub token: Token,
    /// Where it came from.
    pub origin: Origin,
    /// The secret, unless the cached token was good without it.
    pub secret: Option<ClientSecret>,
    /// The client id, if a person who had set nothing at all entered it.
    pub entered: Option<ClientId>,
}

/// Gets the token that `request` and `env` describe. Asks for the secret only if no cached token will
/// do without it, and before the lock is taken: a person at a prompt keeps nobody waiting.
///
/// # Errors
/// Whatever the sources of the credentials, or the authorization server, give instead.
pub fn token(request: &cli::Request, env: &Env, clock: Clock, ui: Ui) -> Result<Answer, Error> {
    let cli::Request {
        credentials: flags,
        network,
        cache,
        refresh,
    } = request;
    let plan = Plan::new(flags, env).map_err(Error::Usage)?;
    let config = Config::new(network, cache, &plan, env).map_err(Error::Usage)?;
    plan.tell(ui);
    config.tell(ui);
    let reuse = if *refresh {
        Reuse::Refresh
    } else {
        Reuse::Allowed
    };
    let began = clock();
    let id = credentials::client_id(&plan)?;
    let entered = plan.asks_for_all().then(|| id.clone());
    let cache = config
        .cache
        .as_ref()
        .and_then(|settings| Cache::open(settings, &config.endpoint, &id, ui));
    if plan.secret == SecretSource::Prompt
        && reuse == Reuse::Allowed
        && let Some(token) = cache
            .as_ref()
            .and_then(|cache| cached_without_secret(cache, &config, began, ui))
    {
        warn_of_short_life(&token, config.min_ttl, began, ui);
        return Ok(Answer {
            token,
            origin: Origin::Cache,
            secret: None,
            entered,
        });
    }
    let secret = credentials::client_secret(&plan, flags.client_secret.as_ref(), env)?;
    let credentials = ClientCredentials { id, secret };
    let (ready, deadline) = (clock(), Deadline::after(config.timeout));
    let source = TokenSource {
        config: &config,
        credentials,
        reuse,
        clock,
        ui,
        began,
        ready,
        deadline,
    };
    let (token, origin) = match cache {
        Some(cache) => source.cached_or_new(&cache)?,
        None => (source.fetch()?, Origin::Server),
    };
    warn_of_short_life(&token, config.min_ttl, clock(), ui);
    Ok(Answer {
        token,
        origin,
        secret: Some(source.credentials.secret),
        entered,
    })
}

fn cached_without_secret(cache: &Cache, config: &Config, now: Timestamp, ui: Ui) -> Option<Token> {
    let token = cache.entry(now)?.token;
    let is_good = token.freshness(config.min_ttl, now) == Freshness::Fresh;
    ui.note(|| match is_good {
        true => "a good token is cached; the secret is not needed".to_owned(),
        false => "the cached token does not live long enough; the secret is needed".to_owned(),
    });
    is_good.then_some(token)
}

fn warn_of_short_life(token: &Token, min_ttl: MinTtl, now: Timestamp, ui: Ui) {
    if token.falls_short(min_ttl)
        && let Some(remaining) = token.remaining(now)
    {
        let remaining = humantime::format_duration(Duration::from_secs(remaining.as_secs()));
        ui.warning(&format!(
            "the token lives for {remaining}, which is shorter than --min-ttl asks"
        ));
    }
}

struct TokenSource<'a> {
    config: &'a Config,
    credentials: ClientCredentials,
    reuse: Reuse,
    clock: Clock,
    ui: Ui,
    began: Timestamp,
    /// After the end of any prompt; from here on it waits with the others.
    ready: Timestamp,
    deadline: Deadline,
}

impl TokenSource<'_> {
    fn cached_or_new(&self, cache: &Cache) -> Result<Found, Error> {
        let old = match self.look(cache) {
            Some((token, Freshness::Fresh)) => return Ok((token, Origin::Cache)),
            Some((token, Freshness::ExpiresSoon)) => Some(token),
            _ => None,
        };
        let error = match self.single_flight(cache) {
            Err(Error::Token(error)) => error,
            result => return result,
        };
        let is_away = matches!(
            error.kind,
            TokenErrorKind::Unreachable | TokenErrorKind::Unavailable
        );
        let may_yield =
            self.config.min_ttl == MinTtl::Default && self.reuse == Reuse::Allowed && is_away;
        match old.filter(|token| {
            may_yield
                && !token
                    .remaining((self.clock)())
                    .unwrap_or_default()
                    .is_zero()
        }) {
            Some(token) => {
                self.ui.warning(&format!(
                    "{}; the cached token still lives and is used",
                    error.problem.what
                ));
                Ok((token, Origin::Cache))
            }
            None => Err(error.into()),
        }
    }

    /// One process fetches; the others wait for what comes of it, but not for ever.
    fn single_flight(&self, cache: &Cache) -> Result<Found, Error> {
        let Some(lock) = cache.lock_file() else {
            return Ok((self.fetch()?, Origin::Server));
        };
        loop {
            if let ControlFlow::Break(result) = self.wait_out_limit(cache) {
                return result;
            }
            if let Some(result) = self.take_turn(cache, &lock) {
                return result;
            }
        }
    }

    /// Waits for the lock and fetches, or gets what another process got meanwhile. `None` if there
    /// is a limit, which is not waited out with the lock in hand.
    fn take_turn(&self, cache: &Cache, lock: &LockFile) -> Option<Result<Found, Error>> {
        let patience = Deadline::after(self.deadline.remaining() / WAITING_SHARE);
        let mut seen = None;
        let mut waiting = self.ui.waiting("another process that gets the token");
        loop {
            match lock.try_lock() {
                Ok(Some(guard)) => return self.fetch_and_store(cache, &guard),
                Ok(None) if patience.remaining().is_zero() => {
                    self.ui.note(|| {
                        "waited long enough for another process; fetching beside it".to_owned()
                    });
                    return self.fetch_and_store(cache, &Guard::overdue());
                }
                Ok(None) => {}
                Err(error) => {
                    self.ui
                        .note(|| format!("cache: no locks here ({error}); fetching without"));
                    return self.fetch_and_store(cache, &Guard::overdue());
                }
            }
            let stamps = Some(cache.stamps());
            if stamps != seen {
                if seen.is_none() {
                    self.ui
                        .note(|| "another process is fetching; waiting for its token".to_owned());
                }
                seen = stamps;
                if let ControlFlow::Break(result) = self.what_others_got(cache) {
                    return Some(result);
                }
            }
            waiting.tick();
            thread::sleep(POLL.min(patience.remaining()));
        }
    }

    /// What another process stored since this one began: a token, or its failure; or a limit that
    /// this one cannot wait out.
    fn what_others_got(&self, cache: &Cache) -> ControlFlow<Result<Found, Error>> {
        if let Some((token, Freshness::Fresh)) = self.look(cache) {
            return ControlFlow::Break(Ok((token, Origin::Cache)));
        }
        let secret = &self.credentials.secret;
        let failures = cache.failures((self.clock)());
        // Read once more: a failure may have come in while the file was opened.
        let (now, route) = ((self.clock)(), self.route());
        let is_shared = |failure: &&Failure| {
            failure.came_between(self.ready, now) && failure.concerns(secret, &route)
        };
        if let Some(failure) = failures.iter().find(is_shared) {
            self.ui
                .note(|| "another process was given this answer just now".to_owned());
            return ControlFlow::Break(Err(failure.error.clone().into()));
        }
        match self.limit(&failures, now) {
            Some(until) if until.since(now) >= self.deadline.remaining() => {
                ControlFlow::Break(Err(self.limited(until).into()))
            }
            _ => ControlFlow::Continue(()),
        }
    }

    /// The one request, and what came of it for all who wait. Only who holds the guard may. `None`
    /// if there is a limit to be waited out first.
    fn fetch_and_store(&self, cache: &Cache, guard: &Guard) -> Option<Result<Found, Error>> {
        if let ControlFlow::Break(result) = self.what_others_got(cache) {
            return Some(result);
        }
        let now = (self.clock)();
        if self.limit(&cache.failures(now), now).is_some() {
            return None;
        }
        let result = self.fetch();
        let now = (self.clock)();
        let secret = &self.credentials.secret;
        match (&result, Fingerprint::of(secret)) {
            (Ok(token), Some(fingerprint))
                if !token.remaining(now).unwrap_or_default().is_zero() =>
            {
                cache.put(
                    guard,
                    &Entry {
                        token: token.clone(),
                        fingerprint,
                    },
                );
            }
            (Err(Error::Token(error)), Some(fingerprint))
                if error.kind != TokenErrorKind::Unreachable =>
            {
                let failure = Failure::new(fingerprint, self.route(), error.clone(), now);
                cache.put_failure(guard, failure, secret, now);
            }
            _ => {}
        }
        Some(result.map(|token| (token, Origin::Server)))
    }

    /// The cached token of this very secret, and what it is good for.
    fn look(&self, cache: &Cache) -> Option<(Token, Freshness)> {
        let now = (self.clock)();
        let Entry { token, fingerprint } = cache.entry(now)?;
        if !fingerprint.matches(&self.credentials.secret) {
            self.ui
                .note(|| "the cached token was got with another secret".to_owned());
            return None;
        }
        let is_new = self.began < token.obtained_at && token.obtained_at <= now;
        if self.reuse == Reuse::Refresh && !is_new {
            return None;
        }
        let freshness = token.freshness(self.config.min_ttl, now);
        self.ui.note(|| match (freshness, token.expires_at) {
            (Freshness::Fresh, Some(until)) => {
                format!("the cached token is good; it lives until {until}")
            }
            _ => "the cached token does not live long enough".to_owned(),
        });
        Some((token, freshness))
    }

    fn route(&self) -> Route {
        let proxy = self.config.proxy.as_ref().map(|(proxy, _)| proxy);
        Route::new(proxy, self.config.trust.ca_cert.as_deref())
    }
}
