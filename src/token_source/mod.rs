//! Gets an access token: looks in the cache, waits for the lock, looks again, fetches, and stores the result.

mod fetch;
mod obtain;

use std::ops::ControlFlow::{self, Break, Continue};
use std::path;
use std::thread;

use crate::cache::{Cache, Failure, Route};
use crate::config::Config;
use crate::error::Error;
use crate::lock_file::{Guard, LockFile, POLL_INTERVAL};
use crate::oauth::{
    Freshness, MinTtl, Response, Token, TokenError, TokenErrorKind, TokenRequest, explain_refusal,
};
use crate::output::Origin;
use crate::report::Reporter;
use crate::time::{Clock, Deadline, Timestamp};

pub use obtain::{Obtained, obtain};

/// The part of the timeout to wait for another process, which may hang, before fetching without the lock.
const LOCK_SHARE: u32 = 2;

/// A token, and where it comes from.
pub struct SourcedToken {
    /// The token.
    pub token: Token,
    /// The server, or the cache.
    pub origin: Origin,
    /// The server's response; `None` if the token comes from the cache.
    #[cfg_attr(
        not(feature = "server"),
        expect(dead_code, reason = "only `serve` passes the response on")
    )]
    pub response: Option<Response>,
}

impl SourcedToken {
    fn from_cache(token: Token) -> Self {
        Self {
            token,
            origin: Origin::Cache,
            response: None,
        }
    }
}

/// Whether a cached token may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// Any that is fresh.
    Allowed,
    /// Only one obtained after this run began (`--refresh`).
    Refresh,
}

/// Gets one token.
pub struct TokenSource<'a> {
    /// Where to get it, and how.
    pub config: &'a Config,
    /// What to send. A request with further parameters must not use the cache, whose key they are not part of.
    pub request: TokenRequest,
    /// Whether a cached token may be used.
    pub reuse: Reuse,
    /// The calendar clock.
    pub clock: Clock,
    /// Where to report.
    pub report: Reporter,
    /// When this run began, after any prompt: later results of other processes are shared with it.
    pub started_at: Timestamp,
    /// When it must end.
    pub deadline: Deadline,
}

type Outcome = Result<SourcedToken, Error>;

impl TokenSource<'_> {
    /// Gets the token from the cache, or else from the server.
    ///
    /// # Errors
    /// `Exit::Usage` if the CA certificates cannot be read; else why the server issued no token.
    pub fn token(&self, cache: Option<&Cache>) -> Outcome {
        let outcome = match cache {
            Some(cache) => self.cached_or_new(cache),
            None => self.fetch(),
        };
        outcome.map_err(|error| match error {
            Error::Token(error) => explain_refusal(&self.request.credentials, error).into(),
            error => error,
        })
    }

    fn cached_or_new(&self, cache: &Cache) -> Outcome {
        let cached = match self.cached(cache) {
            Some((token, Freshness::Fresh)) => return Ok(SourcedToken::from_cache(token)),
            cached => cached.map(|(token, _)| token),
        };
        match self.fetch_once(cache) {
            Err(Error::Token(error)) => self.fall_back(cached, error),
            outcome => outcome,
        }
    }

    /// Fetches the token under the lock, unless another process stores a result for this one meanwhile.
    fn fetch_once(&self, cache: &Cache) -> Outcome {
        let Some(lock) = cache.lock_file() else {
            return self.fetch_and_store(cache, &Guard::without_lock());
        };
        let mut expired_limit = None;
        loop {
            let (limit, now) = (self.rate_limit(cache), (self.clock)());
            if let Some(until) = limit.filter(|_| limit > expired_limit) {
                if until.since(now) >= self.deadline.remaining() {
                    return Err(self.rate_limited(until).into());
                }
                let note = format!("the service limits the request rate until {until}; waiting");
                // On the monotonic clock, and without the lock: it concerns neither `--refresh` nor other secrets.
                let end = Deadline::after(until.since(now));
                let has_ended = || end.remaining().is_zero().then_some(());
                if let Break(outcome) =
                    self.wait(cache, "the end of the rate limit", &note, has_ended)
                {
                    return outcome;
                }
                expired_limit = limit;
            }
            let guard = match self.wait_for_lock(cache, &lock) {
                Continue(guard) => guard,
                Break(outcome) => return outcome,
            };
            if let Some(outcome) = self.shared_outcome(cache) {
                return outcome;
            }
            if self.rate_limit(cache) <= expired_limit {
                return self.fetch_and_store(cache, &guard);
            }
        }
    }

    fn wait_for_lock<'a>(
        &self,
        cache: &Cache,
        lock: &'a LockFile,
    ) -> ControlFlow<Outcome, Guard<'a>> {
        let patience = Deadline::after(self.deadline.remaining() / LOCK_SHARE);
        let note = "another process is fetching; waiting for its token";
        self.wait(cache, "another process to fetch the token", note, || {
            let reason = match lock.try_lock() {
                Ok(Some(guard)) => return Some(guard),
                Ok(None) if !patience.remaining().is_zero() => return None,
                Ok(None) => "waited long enough for another process".to_owned(),
                Err(error) => format!("the file system does not support locks ({error})"),
            };
            self.report
                .verbose(|| format!("{reason}; fetching without the lock"));
            Some(Guard::without_lock())
        })
    }

    /// Waits until `condition` returns something, or another process stores a result for this one. `what` is shown on
    /// a terminal, `note` with `-v`.
    fn wait<T>(
        &self,
        cache: &Cache,
        what: &str,
        note: &str,
        mut condition: impl FnMut() -> Option<T>,
    ) -> ControlFlow<Outcome, T> {
        let mut progress = self.report.progress(what);
        let mut seen = None;
        loop {
            if let Some(value) = condition() {
                return Continue(value);
            }
            let stamps = Some(cache.stamps());
            if stamps != seen {
                if seen.is_none() {
                    self.report.verbose(|| note.to_owned());
                }
                seen = stamps;
                if let Some(outcome) = self.shared_outcome(cache) {
                    return Break(outcome);
                }
            }
            progress.tick();
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// What another process has stored since this one began: a token, or the service's answer to the same request.
    fn shared_outcome(&self, cache: &Cache) -> Option<Outcome> {
        if let Some((token, Freshness::Fresh)) = self.cached(cache) {
            return Some(Ok(SourcedToken::from_cache(token)));
        }
        let failures = cache.failures(&self.request.credentials.secret, (self.clock)());
        // The clock is read again: a failure may have been stored since.
        let (route, now) = (self.route(), (self.clock)());
        let failure = failures
            .into_iter()
            .find(|failure| failure.is_shared_with(&route, self.started_at, now))?;
        self.report
            .verbose(|| "another process got this answer just now".to_owned());
        Some(Err(failure.into_error().into()))
    }

    fn fetch_and_store(&self, cache: &Cache, guard: &Guard) -> Outcome {
        let outcome = self.fetch();
        let (secret, now) = (&self.request.credentials.secret, (self.clock)());
        match &outcome {
            Ok(found) => cache.put(guard, &found.token, secret, now),
            Err(Error::Token(error)) if error.kind != TokenErrorKind::Unreachable => {
                let failure = Failure::new(self.route(), error.clone(), now);
                cache.put_failure(guard, &failure, secret);
            }
            Err(_) => {}
        }
        outcome
    }

    /// Falls back to a cached token that is about to expire if the service is unavailable and `--min-ttl` is not set.
    fn fall_back(&self, cached: Option<Token>, error: TokenError) -> Outcome {
        let may_fall_back = self.config.min_ttl == MinTtl::Default
            && self.reuse == Reuse::Allowed
            && error.is_transient();
        let lives = |token: &Token| {
            let remaining = token.remaining((self.clock)());
            !remaining.unwrap_or_default().is_zero()
        };
        match cached.filter(|token| may_fall_back && lives(token)) {
            Some(token) => {
                let what = &error.problem.what;
                self.report.warning(&format!(
                    "{what}; the cached token is still valid and is used"
                ));
                Ok(SourcedToken::from_cache(token))
            }
            None => Err(error.into()),
        }
    }

    /// The cached token of this secret, if `reuse` permits one so old.
    fn cached(&self, cache: &Cache) -> Option<(Token, Freshness)> {
        let now = (self.clock)();
        let entry = cache.entry(now)?;
        if !entry
            .sealed
            .is_sealed_with(&self.request.credentials.secret)
        {
            self.report.verbose(|| {
                "the cached token was obtained with another secret, or has been changed".to_owned()
            });
            return None;
        }
        let token = entry.token;
        let is_new = self.started_at < token.obtained_at && token.obtained_at <= now;
        if self.reuse == Reuse::Refresh && !is_new {
            return None;
        }
        let freshness = token.freshness(self.config.min_ttl, now);
        self.report.verbose(|| match (freshness, token.expires_at) {
            (Freshness::Fresh, Some(until)) => {
                format!("the cached token is fresh; it expires at {until}")
            }
            _ => "the cached token expires too soon".to_owned(),
        });
        Some((token, freshness))
    }

    /// The end of the service's rate limit for this secret, as an earlier process remembered it.
    fn rate_limit(&self, cache: &Cache) -> Option<Timestamp> {
        if self.reuse == Reuse::Refresh {
            return None;
        }
        let now = (self.clock)();
        let failures = cache.failures(&self.request.credentials.secret, now);
        failures
            .iter()
            .filter_map(|failure| failure.limit(now))
            .max()
    }

    fn rate_limited(&self, until: Timestamp) -> TokenError {
        let error = TokenError::new(
            TokenErrorKind::Unavailable,
            format!("{} still limits the request rate", self.config.endpoint),
            format!("try again after {until}, or use --refresh to send a request anyway"),
        );
        error.with_rate_limit(until)
    }

    fn route(&self) -> Route {
        let absolute = |path: &path::PathBuf| path::absolute(path).unwrap_or_else(|_| path.clone());
        let Config { proxy, trust, .. } = self.config;
        Route {
            proxy: proxy.as_ref().map(ToString::to_string),
            ca_cert: trust
                .ca_cert
                .as_ref()
                .map(|path| absolute(path).display().to_string()),
        }
    }
}
