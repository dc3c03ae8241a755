//! The heart: look in the cache, wait for who is fetching already, look again, fetch, store.

mod fetch;
mod for_verb;
mod limit;

use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

use crate::cache::{Cache, Entry, Failure, Fingerprint, Guard, LockFile, Route};
use crate::config::Config;
use crate::error::Error;
use crate::oauth::{
    Freshness, MinTtl, Response, Token, TokenErrorKind, TokenRequest, explain_refusal,
};
use crate::output::Origin;
use crate::report::Reporter;
use crate::time::{Clock, Deadline, Timestamp};

pub use for_verb::{Answer, token};

/// Who has waited for this part of the timeout fetches without the lock.
const WAITING_SHARE: u32 = 2;

/// How often those who wait look again.
const POLL: Duration = Duration::from_millis(10);

/// A token, and where it came from.
pub struct Found {
    /// The token.
    pub token: Token,
    /// Whether it came from the cache.
    pub origin: Origin,
    /// The answer that brought it, unless it came from the cache.
    #[cfg_attr(
        not(feature = "server"),
        expect(dead_code, reason = "only who passes it on wants the bytes")
    )]
    pub response: Option<Response>,
}

impl Found {
    fn in_cache(token: Token) -> Self {
        Self {
            token,
            origin: Origin::Cache,
            response: None,
        }
    }
}

/// Whether a cached token will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// If it is good.
    Allowed,
    /// Only one that was obtained after this run began.
    Refresh,
}

/// Whose token is wanted, from where, and until when.
pub struct TokenSource<'a> {
    /// Where, and how.
    pub config: &'a Config,
    /// The request to send. One with further parameters must not use the cache, whose key they are not part of.
    pub request: TokenRequest,
    /// Whether a cached one will do.
    pub reuse: Reuse,
    /// Tells the time.
    pub clock: Clock,
    /// Tells the story.
    pub report: Reporter,
    /// A `--refresh` accepts what was obtained after this.
    pub began: Timestamp,
    /// After the end of any prompt; from here on it waits with the others.
    pub ready: Timestamp,
    /// Of everything together.
    pub deadline: Deadline,
}

impl TokenSource<'_> {
    /// Gets the token, out of the cache if it has a good one.
    ///
    /// # Errors
    /// `Error::Usage` if the certificates named are none; else what the server gave instead.
    pub fn token(&self, cache: Option<&Cache>) -> Result<Found, Error> {
        let result = match cache {
            Some(cache) => self.cached_or_new(cache),
            None => self.fetch(),
        };
        result.map_err(|error| match error {
            Error::Token(error) => explain_refusal(&self.request.credentials, error).into(),
            error => error,
        })
    }

    fn cached_or_new(&self, cache: &Cache) -> Result<Found, Error> {
        let old = match self.look(cache) {
            Some((token, Freshness::Fresh)) => return Ok(Found::in_cache(token)),
            Some((token, Freshness::ExpiresSoon)) => Some(token),
            _ => None,
        };
        let error = match self.single_flight(cache) {
            Err(Error::Token(error)) => error,
            result => return result,
        };
        let may_yield = self.config.min_ttl == MinTtl::Default
            && self.reuse == Reuse::Allowed
            && error.is_away();
        match old.filter(|token| {
            may_yield
                && !token
                    .remaining((self.clock)())
                    .unwrap_or_default()
                    .is_zero()
        }) {
            Some(token) => {
                self.report.warning(&format!(
                    "{}; the cached token still lives and is used",
                    error.problem.what
                ));
                Ok(Found::in_cache(token))
            }
            None => Err(error.into()),
        }
    }

    /// One process fetches; the others wait for what comes of it, but not for ever.
    fn single_flight(&self, cache: &Cache) -> Result<Found, Error> {
        if cache.must_not_create_yet() {
            let result = self.fetch();
            if result.is_ok() {
                self.store(cache, &Guard::overdue(), &result);
            }
            return result;
        }
        let Some(lock) = cache.lock_file() else {
            return self.fetch();
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
        let mut waiting = self.report.progress("another process that gets the token");
        loop {
            match lock.try_lock() {
                Ok(Some(guard)) => return self.fetch_and_store(cache, &guard),
                Ok(None) if patience.remaining().is_zero() => {
                    self.report.verbose(|| {
                        "waited long enough for another process; fetching beside it".to_owned()
                    });
                    return self.fetch_and_store(cache, &Guard::overdue());
                }
                Ok(None) => {}
                Err(error) => {
                    self.report
                        .verbose(|| format!("cache: no locks here ({error}); fetching without"));
                    return self.fetch_and_store(cache, &Guard::overdue());
                }
            }
            let stamps = Some(cache.stamps());
            if stamps != seen {
                if seen.is_none() {
                    self.report.verbose(|| {
                        "another process is fetching; waiting for its token".to_owned()
                    });
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
            return ControlFlow::Break(Ok(Found::in_cache(token)));
        }
        let secret = &self.request.credentials.secret;
        let failures = cache.failures((self.clock)());
        // Read once more: a failure may have come in while the file was opened.
        let (now, route) = ((self.clock)(), self.route());
        let is_shared = |failure: &&Failure| {
            failure.came_between(self.ready, now) && failure.concerns(secret, &route)
        };
        if let Some(failure) = failures.iter().find(is_shared) {
            self.report
                .verbose(|| "another process was given this answer just now".to_owned());
            let error = failure.error.clone();
            let error = match failure.limited_until {
                Some(until) => error.limited(until),
                None => error,
            };
            return ControlFlow::Break(Err(error.into()));
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
        self.store(cache, guard, &result);
        Some(result)
    }

    /// Keeps a token, or an answer of the service that was none.
    fn store(&self, cache: &Cache, guard: &Guard, result: &Result<Found, Error>) {
        let now = (self.clock)();
        let secret = &self.request.credentials.secret;
        match (result, Fingerprint::of(secret)) {
            (Ok(Found { token, .. }), Some(fingerprint))
                if !token.remaining(now).unwrap_or_default().is_zero() =>
            {
                let token = token.clone();
                cache.put(guard, &Entry { token, fingerprint });
            }
            (Err(Error::Token(error)), Some(fingerprint))
                if error.kind != TokenErrorKind::Unreachable =>
            {
                let failure = Failure::new(fingerprint, self.route(), error.clone(), now);
                cache.put_failure(guard, failure, secret, now);
            }
            _ => {}
        }
    }

    /// The cached token of this very secret, and what it is good for.
    fn look(&self, cache: &Cache) -> Option<(Token, Freshness)> {
        let now = (self.clock)();
        let Entry { token, fingerprint } = cache.entry(now)?;
        if !fingerprint.matches(&self.request.credentials.secret) {
            self.report
                .verbose(|| "the cached token was got with another secret".to_owned());
            return None;
        }
        let is_new = self.began < token.obtained_at && token.obtained_at <= now;
        if self.reuse == Reuse::Refresh && !is_new {
            return None;
        }
        let freshness = token.freshness(self.config.min_ttl, now);
        self.report.verbose(|| match (freshness, token.expires_at) {
            (Freshness::Fresh, Some(until)) => {
                format!("the cached token is good; it lives until {until}")
            }
            _ => "the cached token does not live long enough".to_owned(),
        });
        Some((token, freshness))
    }

    fn route(&self) -> Route {
        let proxy = self.config.proxy.as_ref();
        Route::new(proxy, self.config.trust.ca_cert.as_deref())
    }
}
