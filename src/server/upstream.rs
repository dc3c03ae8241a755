//! Token requests to the upstream: one per identity however many callers wait, and none without a waiting caller.
//! What the upstream answers is remembered in the [`TokenCache`].

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::{select, task, time};

use super::cached_token::CachedToken;
use super::guard::{Attempt, Guard};
use super::lock;
use super::outcome::{LocalError, TokenOutcome};
use super::token_cache::{ClientKey, Identity, TokenCache};
use crate::cache::{Cache, MAX_LIMIT};
use crate::config::Config;
use crate::error::Error;
use crate::oauth::{ClientCredentials, Freshness, MinTtl, TokenErrorKind, TokenRequest};
use crate::output::Origin;
use crate::report::Reporter;
use crate::time::{Clock, Deadline};
use crate::token_source::{Reuse, SourcedToken, TokenSource};

/// Upstream requests at once, each of which occupies a thread.
pub const MAX_UPSTREAM_REQUESTS: usize = 32;
/// How long callers wait for a new token while the old one is still accepted and may be used instead.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(2);
/// A request that has not ended so long after its deadline is given up.
const GRACE: Duration = Duration::from_millis(250);

/// The token service behind the proxy.
pub struct Upstream {
    config: Config,
    clock: Clock,
    report: Reporter,
    cache: TokenCache,
    guard: Guard,
    slots: Arc<Semaphore>,
    in_flight: Mutex<HashMap<Identity, InFlight>>,
    /// Token requests sent.
    sent: AtomicU64,
}

/// A request under way, subscribed to by the callers that wait for its outcome.
type InFlight = watch::Sender<Option<TokenOutcome>>;

/// Permission to send a request, held until its thread ends.
struct Permit {
    /// `None` for a proven secret.
    attempt: Option<Attempt>,
    _slot: OwnedSemaphorePermit,
}

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
        let cache = TokenCache::new()?;
        if let Some(own) = own {
            cache.accept(cache.credentials(own));
        }
        Ok(Arc::new(Self {
            config,
            clock,
            report,
            cache,
            guard: Guard::new(),
            slots: Arc::new(Semaphore::new(MAX_UPSTREAM_REQUESTS)),
            in_flight: Mutex::default(),
            sent: AtomicU64::new(0),
        }))
    }

    /// How many identities have a token in memory.
    pub fn cached_identities(&self) -> u64 {
        self.cache.len() as u64
    }

    /// How many token requests were sent, not counting retries.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Returns the outcome of `request`: a token, or why there is none.
    pub async fn token(self: &Arc<Self>, request: TokenRequest) -> TokenOutcome {
        let identity = self.cache.identity(&request);
        if let Some(token) = self.fresh(&identity) {
            return TokenOutcome::Cached(token);
        }
        // Boxed: most requests end above and need no memory for this.
        Box::pin(self.wait_for_result(identity, request)).await
    }

    /// A token in memory that lives long enough.
    fn fresh(&self, identity: &Identity) -> Option<Arc<CachedToken>> {
        let token = self.cache.token(identity)?;
        let freshness = token.freshness(self.config.min_ttl, (self.clock)());
        (freshness == Freshness::Fresh).then_some(token)
    }

    /// A token in memory that may be used while no new one is available.
    fn fallback(&self, identity: &Identity) -> Option<TokenOutcome> {
        let token = self.cache.token(identity)?;
        let may_be_used = self.config.min_ttl == MinTtl::Default && token.is_alive((self.clock)());
        may_be_used.then_some(TokenOutcome::Cached(token))
    }

    async fn wait_for_result(
        self: &Arc<Self>,
        identity: Identity,
        request: TokenRequest,
    ) -> TokenOutcome {
        let mut result = self.join(identity, request);
        let result = result.wait_for(Option::is_some);
        let outcome = match self.fallback(&identity) {
            None => result.await,
            Some(old) => match time::timeout(RENEWAL_TIMEOUT, result).await {
                Ok(outcome) => outcome,
                Err(_) => return old,
            },
        };
        let outcome = outcome.ok().and_then(|outcome| outcome.clone());
        outcome.unwrap_or_else(internal_error)
    }

    /// Joins the in-flight request for this identity, or starts one.
    fn join(
        self: &Arc<Self>,
        identity: Identity,
        request: TokenRequest,
    ) -> watch::Receiver<Option<TokenOutcome>> {
        let mut in_flight = lock(&self.in_flight);
        if let Some(sender) = in_flight.get(&identity) {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(None);
        in_flight.insert(identity, sender.clone());
        tokio::spawn(Arc::clone(self).run(identity, request, sender));
        receiver
    }

    /// Runs one request. Abandoned by all callers it is not sent; once sent, its outcome is remembered in any case.
    async fn run(self: Arc<Self>, identity: Identity, request: TokenRequest, sender: InFlight) {
        let deadline = Deadline::after(self.config.timeout);
        let permit = {
            let mut permit = pin!(self.admit(&identity, &request, deadline));
            loop {
                select! {
                    biased;
                    () = sender.closed() => {
                        // Callers join under the same lock.
                        let mut in_flight = lock(&self.in_flight);
                        if sender.receiver_count() == 0 {
                            in_flight.remove(&identity);
                            return;
                        }
                    }
                    permit = permit.as_mut() => break permit,
                }
            }
        };
        let outcome = match permit {
            Ok(permit) => self.send(identity, request, deadline, permit).await,
            Err(outcome) => outcome,
        };
        lock(&self.in_flight).remove(&identity);
        sender.send_replace(Some(outcome));
    }

    /// Waits until the request may be sent: for the end of a rate limit, for the guard, for a slot.
    ///
    /// # Errors
    /// The outcome, if it need not or must not be sent.
    async fn admit(
        self: &Arc<Self>,
        identity: &Identity,
        request: &TokenRequest,
        deadline: Deadline,
    ) -> Result<Permit, TokenOutcome> {
        // Another request may have ended just before this one was started.
        if let Some(token) = self.fresh(identity) {
            return Err(TokenOutcome::Cached(token));
        }
        if let Some((until, outcome)) = self.cache.limit(identity) {
            let left = until.saturating_duration_since(Instant::now());
            if left >= deadline.remaining() {
                return Err(outcome);
            }
            time::sleep(left).await;
        }
        let permit = async {
            let attempt = match self.is_proven(&request.credentials).await {
                true => None,
                false => {
                    let client = self.cache.client(&request.credentials.id);
                    Some(self.guard.admit(client).await.map_err(too_many_failures)?)
                }
            };
            let slot = Arc::clone(&self.slots).acquire_owned().await;
            // The semaphore is never closed.
            let slot = slot.map_err(|_| busy())?;
            Ok(Permit {
                attempt,
                _slot: slot,
            })
        };
        let permit = time::timeout(deadline.remaining(), permit).await;
        permit.unwrap_or_else(|_| Err(busy()))
    }

    /// Whether the upstream has accepted these credentials, now or according to the disk cache, and not refused them
    /// since.
    async fn is_proven(self: &Arc<Self>, credentials: &ClientCredentials) -> bool {
        if let Some(is_accepted) = self.cache.proof(&self.cache.credentials(credentials)) {
            return is_accepted;
        }
        let (upstream, credentials) = (Arc::clone(self), credentials.clone());
        let is_on_disk = task::spawn_blocking(move || {
            let cache = upstream.disk_cache(&credentials)?;
            let entry = cache.entry((upstream.clock)())?;
            entry
                .sealed
                .is_sealed_with(&credentials.secret)
                .then_some(())
        });
        matches!(is_on_disk.await, Ok(Some(())))
    }

    /// The disk cache that `get` uses.
    fn disk_cache(&self, credentials: &ClientCredentials) -> Option<Cache> {
        let Config {
            cache, endpoint, ..
        } = &self.config;
        let cache = Cache::open(cache.as_ref()?, endpoint, &credentials.id, self.report).ok()?;
        Some(cache.create_on_first_success())
    }

    /// Sends the request on a separate thread, which holds the permit until it ends, and waits for the outcome until the
    /// deadline.
    async fn send(
        self: &Arc<Self>,
        identity: Identity,
        request: TokenRequest,
        deadline: Deadline,
        permit: Permit,
    ) -> TokenOutcome {
        let upstream = Arc::clone(self);
        let outcome = task::spawn_blocking(move || {
            let client = upstream.cache.client(&request.credentials.id);
            let credentials = upstream.cache.credentials(&request.credentials);
            let result = upstream.fetch(request, deadline);
            upstream.count(&result, client, permit.attempt.as_ref());
            match result {
                Ok(found) => upstream.remember(identity, credentials, found),
                Err(error) => upstream.remember_failure(identity, credentials, &error),
            }
        });
        match time::timeout(deadline.remaining() + GRACE, outcome).await {
            Ok(outcome) => outcome.unwrap_or_else(|_| internal_error()),
            Err(_) => TokenOutcome::Local(LocalError::new(
                StatusCode::GATEWAY_TIMEOUT,
                "the token service did not answer in time",
            )),
        }
    }

    /// Gets a token as `get` does.
    fn fetch(&self, request: TokenRequest, deadline: Deadline) -> Result<SourcedToken, Error> {
        // Its key is made of credentials alone.
        let may_use_disk = request.parameters.is_empty();
        let cache = self
            .disk_cache(&request.credentials)
            .filter(|_| may_use_disk);
        let source = TokenSource {
            config: &self.config,
            request,
            reuse: Reuse::Allowed,
            clock: self.clock,
            report: self.report,
            started_at: (self.clock)(),
            deadline,
        };
        source.token(cache.as_ref())
    }

    /// Counts a request that was sent, and a failed attempt: any answer to an unproven secret that is not a token, and
    /// a refusal of a proven one.
    fn count(
        &self,
        result: &Result<SourcedToken, Error>,
        client: ClientKey,
        attempt: Option<&Attempt>,
    ) {
        let error = match result {
            Err(Error::Token(error)) => Some(error),
            _ => None,
        };
        let has_answer = error.is_some_and(|error| error.kind != TokenErrorKind::Unreachable);
        let was_sent = match (result, error) {
            (Ok(found), _) => found.origin == Origin::Server,
            // An answer that another process shared comes without its bytes.
            (_, Some(error)) => error.answer.is_some() || !has_answer,
            (_, None) => false,
        };
        self.sent.fetch_add(was_sent.into(), Ordering::Relaxed);
        match attempt {
            Some(attempt) if !has_answer => self.guard.release(attempt),
            None if error.is_some_and(|error| error.kind == TokenErrorKind::Refused) => {
                self.guard.count(client, Instant::now());
            }
            _ => {}
        }
    }

    fn remember(
        &self,
        identity: Identity,
        credentials: Identity,
        found: SourcedToken,
    ) -> TokenOutcome {
        self.cache.accept(credentials);
        let response = found.response.as_ref();
        let token = match (response, self.cache.token(&identity)) {
            // A token from disk may be the one in memory, which knows the form of its answer.
            (None, Some(token)) if token.is_same(&found.token) => token,
            _ => Arc::new(CachedToken::new(found.token, response, (self.clock)())),
        };
        self.cache.insert(identity, Arc::clone(&token));
        match found.response {
            Some(response) => TokenOutcome::Fetched(token, Arc::new(response)),
            None => TokenOutcome::Cached(token),
        }
    }

    fn remember_failure(
        &self,
        identity: Identity,
        credentials: Identity,
        error: &Error,
    ) -> TokenOutcome {
        let Error::Token(token_error) = error else {
            return TokenOutcome::failure(error, None);
        };
        if token_error.kind == TokenErrorKind::Refused {
            self.cache.refuse(identity, credentials);
        }
        let limited_until = token_error.rate_limited_until().map(|until| {
            let wait = until.since((self.clock)()).min(MAX_LIMIT);
            Instant::now() + wait
        });
        let outcome = TokenOutcome::failure(error, limited_until);
        if let Some(until) = limited_until {
            self.cache.set_limit(identity, until, outcome.clone());
        }
        match self.fallback(&identity) {
            Some(old) if token_error.is_transient() => old,
            _ => outcome,
        }
    }
}

fn internal_error() -> TokenOutcome {
    TokenOutcome::Local(LocalError::new(
        StatusCode::BAD_GATEWAY,
        "the request to the token service failed",
    ))
}

fn busy() -> TokenOutcome {
    TokenOutcome::Local(LocalError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "too many requests are waiting for the token service",
    ))
}

fn too_many_failures(wait: Duration) -> TokenOutcome {
    TokenOutcome::Local(LocalError {
        retry_at: Some(Instant::now() + wait),
        ..LocalError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too many failed requests for this client id within a minute",
        )
    })
}
