//! Token requests to the upstream: one per identity however many callers wait, and none without a waiting caller.
//! What the upstream answers is remembered in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::{task, time};

use super::cached_token::CachedToken;
use super::guard::Guard;
use super::identity::{Identities, Identity, IdentityMap, MAX_SMALL_BYTES};
use super::outcome::Outcome;
use crate::cache::Cache;
use crate::config::Config;
use crate::error::Error;
use crate::oauth::{ClientCredentials, Freshness, MinTtl, TokenErrorKind, TokenRequest};
use crate::report::Reporter;
use crate::time::{Clock, Deadline};
use crate::token_source::{Reuse, SourcedToken, TokenSource};

/// Upstream requests at once, each of which occupies a thread.
pub const MAX_UPSTREAM_REQUESTS: usize = 32;
/// Upstream requests with unproven secrets at once.
const MAX_UNPROVEN: usize = 4;
/// How long callers wait for a new token while the old one is still accepted and may be used instead.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(2);
/// A request that has not ended so long after its deadline is given up.
const GRACE: Duration = Duration::from_millis(250);

/// Memory for tokens, and for rate limits, which hold the answer to repeat.
const MAX_TOKEN_BYTES: usize = 64 * 1024 * 1024;
const MAX_LIMIT_BYTES: usize = 8 * 1024 * 1024;

/// The requests of one identity: locked by the one under way, it holds when the last one ended and its outcome.
type Requests = Arc<Mutex<Option<(Instant, Outcome)>>>;

/// The token service behind the proxy.
pub struct Upstream {
    config: Config,
    clock: Clock,
    report: Reporter,
    identities: Identities,
    pub(super) tokens: IdentityMap<Arc<CachedToken>>,
    requests: IdentityMap<Requests>,
    /// Credentials that the upstream accepted, and whether it still did the last time. Those that it never accepted are
    /// not here: guesses must not displace proofs.
    proofs: IdentityMap<bool>,
    guard: Guard,
    slots: Arc<Semaphore>,
    unproven_slots: Arc<Semaphore>,
    /// Token requests sent, not counting retries.
    pub(super) sent: AtomicU64,
}

/// Permission to send a request: when it began, for [`Guard::release`], if its secret is unproven, and slots that are held
/// until its thread ends.
type Permit = (Option<Instant>, [Option<OwnedSemaphorePermit>; 2]);

impl Upstream {
    /// Creates one with an empty cache. The credentials in `own` need no proof.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn new(
        config: Config,
        clock: Clock,
        report: Reporter,
        own: Option<&ClientCredentials>,
    ) -> anyhow::Result<Arc<Self>> {
        let (identities, proofs) = (Identities::new()?, IdentityMap::new(MAX_SMALL_BYTES));
        if let Some(own) = own {
            proofs.put(identities.credentials(own), true, 0);
        }
        Ok(Arc::new(Self {
            config,
            clock,
            report,
            identities,
            tokens: IdentityMap::new(MAX_TOKEN_BYTES),
            requests: IdentityMap::new(MAX_LIMIT_BYTES),
            proofs,
            guard: Guard::new(),
            slots: Arc::new(Semaphore::new(MAX_UPSTREAM_REQUESTS)),
            unproven_slots: Arc::new(Semaphore::new(MAX_UNPROVEN)),
            sent: AtomicU64::new(0),
        }))
    }

    /// Returns the outcome of `request`: a token, or why there is none. Waits for `--timeout` at most.
    pub async fn token(self: &Arc<Self>, request: TokenRequest) -> Outcome {
        let identity = self.identities.request(&request);
        if let Some(token) = self.fresh(&identity) {
            return Outcome::Cached(token);
        }
        // It may be used while no new one is available.
        let old = self.tokens.get(&identity).filter(|token| {
            let is_alive = !token.remaining((self.clock)()).is_zero();
            is_alive && self.config.min_ttl == MinTtl::Default
        });
        let deadline = Deadline::after(self.config.timeout);
        let wait = match old {
            Some(_) => deadline.at_most(RENEWAL_TIMEOUT).remaining(),
            None => deadline.remaining() + GRACE,
        };
        // Boxed: most requests end above and need no memory for this.
        let new = Box::pin(self.new_token(identity, request, deadline));
        let outcome = time::timeout(wait, new).await.unwrap_or_else(|_| {
            let why = "the token service did not answer in time";
            Outcome::transient(StatusCode::GATEWAY_TIMEOUT, why, None)
        });
        match (outcome, old) {
            (Outcome::Failed(failure), Some(old)) if failure.is_transient => Outcome::Cached(old),
            (outcome, _) => outcome,
        }
    }

    /// A token in memory that lives long enough.
    fn fresh(&self, identity: &Identity) -> Option<Arc<CachedToken>> {
        let token = self.tokens.get(identity)?;
        let freshness = token.freshness(self.config.min_ttl, (self.clock)());
        (freshness == Freshness::Fresh).then_some(token)
    }

    /// Waits for the request under way for this identity and takes its outcome, or else sends one. Dropped before that,
    /// it sends none; once sent, the outcome is remembered in any case.
    async fn new_token(
        self: &Arc<Self>,
        identity: Identity,
        request: TokenRequest,
        deadline: Deadline,
    ) -> Outcome {
        let began = Instant::now();
        let requests = self
            .requests
            .update(identity, |requests| Arc::clone(requests));
        let mut last = Arc::clone(&requests).lock_owned().await;
        if let Some((ended, outcome)) = &*last {
            if *ended > began {
                return outcome.clone();
            }
            if let Some(until) = outcome.retry_at() {
                let left = until.saturating_duration_since(Instant::now());
                if left >= deadline.remaining() {
                    return outcome.clone();
                }
                time::sleep(left).await;
            }
        }
        // Another request may have ended just before this one began.
        if let Some(token) = self.fresh(&identity) {
            return Outcome::Cached(token);
        }
        let (unproven, slots) = match self.permit(&request.credentials).await {
            Ok(permit) => permit,
            Err(wait) => {
                let why = "too many failed requests for this client id within a minute";
                return Outcome::transient(StatusCode::TOO_MANY_REQUESTS, why, Some(wait));
            }
        };
        let upstream = Arc::clone(self);
        let outcome = task::spawn_blocking(move || {
            let outcome = upstream.send(identity, request, deadline, unproven);
            // A rate limit is kept, any other outcome is only for those who wait for it.
            match outcome.retry_at() {
                Some(_) => upstream.requests.put(identity, requests, outcome.size()),
                None => upstream.requests.remove(&identity),
            }
            *last = Some((Instant::now(), outcome.clone()));
            drop(slots);
            outcome
        });
        outcome.await.unwrap_or_else(|_| {
            let why = "the request to the token service failed";
            Outcome::transient(StatusCode::BAD_GATEWAY, why, None)
        })
    }

    /// Waits until a request with these credentials may be sent.
    ///
    /// # Errors
    /// For how long the guard rejects them.
    async fn permit(self: &Arc<Self>, credentials: &ClientCredentials) -> Result<Permit, Duration> {
        // The semaphores are never closed.
        let slot = async |slots: &Arc<Semaphore>| Arc::clone(slots).acquire_owned().await.ok();
        let is_proven = self.is_proven(credentials).await;
        let unproven_slot = match is_proven {
            true => None,
            false => slot(&self.unproven_slots).await,
        };
        let slots = [unproven_slot, slot(&self.slots).await];
        // Last: made-up client ids that are never sent must not displace those that are counted.
        let client = self.identities.client(&credentials.id);
        let unproven = (!is_proven).then(|| self.guard.begin(client));
        Ok((unproven.transpose()?, slots))
    }

    /// Whether the upstream has accepted these credentials, now or according to the disk cache, and not refused them
    /// since.
    async fn is_proven(self: &Arc<Self>, credentials: &ClientCredentials) -> bool {
        if let Some(is_accepted) = self.proofs.get(&self.identities.credentials(credentials)) {
            return is_accepted;
        }
        let (upstream, credentials) = (Arc::clone(self), credentials.clone());
        let is_on_disk = task::spawn_blocking(move || {
            let entry = upstream
                .disk_cache(&credentials)?
                .entry((upstream.clock)())?;
            Some(entry.sealed.is_sealed_with(&credentials.secret))
        });
        matches!(is_on_disk.await, Ok(Some(true)))
    }

    /// The disk cache that `get` uses.
    fn disk_cache(&self, credentials: &ClientCredentials) -> Option<Cache> {
        let settings = self.config.cache.as_ref()?;
        let cache = Cache::open(
            settings,
            &self.config.endpoint,
            &credentials.id,
            self.report,
        );
        Some(cache.ok()?.create_on_first_success())
    }

    /// Gets a token as `get` does, and remembers the outcome.
    fn send(
        &self,
        identity: Identity,
        request: TokenRequest,
        deadline: Deadline,
        unproven: Option<Instant>,
    ) -> Outcome {
        let credentials = self.identities.credentials(&request.credentials);
        let client = self.identities.client(&request.credentials.id);
        // The key of the disk cache is made of credentials alone.
        let cache = match request.parameters.is_empty() {
            true => self.disk_cache(&request.credentials),
            false => None,
        };
        let source = TokenSource {
            config: &self.config,
            request,
            reuse: Reuse::Allowed,
            clock: self.clock,
            report: self.report,
            started_at: (self.clock)(),
            deadline,
        };
        let result = source.token(cache.as_ref());
        let error = match &result {
            Err(Error::Token(error)) => Some(error),
            _ => None,
        };
        let has_answer = error.is_some_and(|error| error.kind != TokenErrorKind::Unreachable);
        let was_refused = error.is_some_and(|error| error.kind == TokenErrorKind::Refused);
        let was_sent = match (&result, error) {
            (Ok(found), _) => found.response.is_some(),
            // An answer that another process shared comes without its bytes.
            (_, error) => error.is_some_and(|error| error.answer.is_some() || !has_answer),
        };
        self.sent.fetch_add(was_sent.into(), Ordering::Relaxed);
        match unproven {
            Some(attempt) if !has_answer => self.guard.release(client, attempt),
            None if was_refused => {
                self.proofs.put(credentials, false, 0);
                // Counted, whatever the result.
                let _ = self.guard.begin(client);
            }
            _ => {}
        }
        if was_refused {
            self.tokens.remove(&identity);
        }
        let now = (self.clock)();
        let SourcedToken {
            token, response, ..
        } = match result {
            Ok(found) => found,
            Err(error) => return Outcome::failed(&error, now),
        };
        self.proofs.put(credentials, true, 0);
        let answer = response.map(Arc::new);
        let token = Arc::new(CachedToken::new(token, answer.as_deref(), now));
        self.tokens.put(identity, Arc::clone(&token), token.size());
        match answer {
            Some(answer) => Outcome::Fetched(token, answer),
            None => Outcome::Cached(token),
        }
    }
}
