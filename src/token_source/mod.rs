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

/// What the progress line says is waited for.
const OTHER_PROCESS: &str = "another process to fetch the token";
const RATE_LIMIT: &str = "the end of the rate limit";

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

    /// Fetches the token under the lock and after the end of a rate limit, unless another process stores a result for
    /// this one meanwhile.
    fn fetch_once(&self, cache: &Cache) -> Outcome {
        let Some(lock) = cache.lock_file() else {
            return self.fetch_and_store(cache, &Guard::without_lock());
        };
        let (mut guard, mut lock_deadline) = (None, None);
        let (mut seen, mut limit_end) = (None, None);
        let mut obstacle = "";
        let mut progress = self.report.progress(obstacle);
        loop {
            let stamps = Some(cache.stamps());
            if stamps != seen {
                seen = stamps;
                limit_end = match self.look_again(cache) {
                    Continue(limit_end) => limit_end,
                    Break(outcome) => return outcome,
                };
            }
            let is_limited = |end: Deadline| !end.remaining().is_zero();
            let new_obstacle = if limit_end.is_some_and(is_limited) {
                // Without the lock: the limit concerns neither `--refresh` nor other secrets.
                (guard, lock_deadline) = (None, None);
                RATE_LIMIT
            } else if let Some(guard) = &guard {
                return self.fetch_and_store(cache, guard);
            } else {
                let half = || Deadline::after(self.deadline.remaining() / LOCK_SHARE);
                guard = self.try_lock(&lock, *lock_deadline.get_or_insert_with(half));
                if guard.is_some() {
                    continue;
                }
                OTHER_PROCESS
            };
            if obstacle != new_obstacle {
                obstacle = new_obstacle;
                progress = self.report.progress(obstacle);
                if obstacle == OTHER_PROCESS {
                    let note = "another process is fetching; waiting for its token";
                    self.report.verbose(|| note.to_owned());
                }
            }
            progress.tick();
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// Takes the lock; `None` while another process holds it and the time to wait for it is not over.
    fn try_lock<'a>(&self, lock: &'a LockFile, lock_deadline: Deadline) -> Option<Guard<'a>> {
        let reason = match lock.try_lock() {
            Ok(Some(guard)) => return Some(guard),
            Ok(None) if !lock_deadline.remaining().is_zero() => return None,
            Ok(None) => "waited long enough for another process".to_owned(),
            Err(error) => format!("the file system does not support locks ({error})"),
        };
        self.report
            .verbose(|| format!("{reason}; fetching without the lock"));
        Some(Guard::without_lock())
    }

    /// Looks for what another process has stored since this one began: a token, or the service's answer to the same
    /// request. Otherwise returns the end of the service's rate limit for this secret, on the monotonic clock.
    fn look_again(&self, cache: &Cache) -> ControlFlow<Outcome, Option<Deadline>> {
        if let Some((token, Freshness::Fresh)) = self.cached(cache) {
            return Break(Ok(SourcedToken::from_cache(token)));
        }
        let failures = cache.failures(&self.request.credentials.secret, (self.clock)());
        // The clock is read again: a failure may have been stored since.
        let (route, now) = (self.route(), (self.clock)());
        let limit = failures.iter().filter_map(|failure| failure.limit(now));
        let limit = limit.max().filter(|_| self.reuse == Reuse::Allowed);
        let is_shared = |failure: &Failure| failure.is_shared_with(&route, self.started_at, now);
        if let Some(failure) = failures.into_iter().find(is_shared) {
            self.report
                .verbose(|| "another process got this answer just now".to_owned());
            return Break(Err(failure.into_error().into()));
        }
        let Some(until) = limit else {
            return Continue(None);
        };
        if until.since(now) >= self.deadline.remaining() {
            let error = TokenError::new(
                TokenErrorKind::Unavailable,
                format!("{} still limits the request rate", self.config.endpoint),
                format!("try again after {until}, or use --refresh to send a request anyway"),
            );
            return Break(Err(error.with_rate_limit(until).into()));
        }
        self.report
            .verbose(|| format!("the service limits the request rate until {until}; waiting"));
        Continue(Some(Deadline::after(until.since(now))))
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
