//! The Get Token API on this side of the wire: callers' credentials go to the service through the code of `get`, once
//! however many ask, and what it said comes back as it was.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::{Semaphore, watch};
use tokio::{task, time};

use super::gate::{self, Hosts};
use super::guard::Guard;
use super::kept::Kept;
use super::memory::{Identity, Memory};
use super::places::lock;
use super::verdict::{Source, Verdict};
use super::{AccessLog, CallerKeys, Exchange, Service, answer, endpoint, token_request};
use crate::cache::{Cache, LONGEST_LIMIT};
use crate::config::Config;
use crate::error::Error;
use crate::oauth::{ClientCredentials, ClientId, Freshness, MinTtl, TokenErrorKind};
use crate::output::Origin;
use crate::time::{Clock, Deadline};
use crate::token_source::{Found, Reuse, TokenSource};
use crate::ui::Ui;

/// Requests to the service at once, each of which holds a thread.
pub const MOST_AT_ONCE: usize = 32;
/// How long callers wait for a new token where the old one still lives and would do.
const RENEWAL_PATIENCE: Duration = Duration::from_secs(2);
/// Where a supervisor asks whether this process lives.
const HEALTH: &str = "/healthz";
/// RFC 6749 §2.3.1 has clients that know no other way authenticate so.
const CHALLENGE: &str = "Basic realm=\"cells-token\"";
/// A path that is none of ours may be anything, a secret too.
const OTHER_PATH: &str = "(another path)";

/// What `serve` was told.
pub struct Settings {
    /// The service, and how it is asked.
    pub config: Config,
    /// Whether web pages may have brought the caller here.
    pub is_on_loopback: bool,
    /// Who may have tokens of these credentials without holding them.
    pub callers: Option<(CallerKeys, ClientCredentials)>,
    /// Tells the time.
    pub clock: Clock,
    /// Tells the story.
    pub ui: Ui,
}

/// A token endpoint that stands for another.
pub struct Upstream(Arc<Inner>, Option<AccessLog>);

struct Inner {
    settings: Settings,
    memory: Memory,
    guard: Guard,
    turns: Semaphore,
    flights: Mutex<HashMap<Identity, Flight>>,
}

/// What comes of a request that is under way, for all who wait.
type Flight = watch::Receiver<Option<Verdict>>;

impl Upstream {
    /// One that has been asked nothing.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn new(settings: Settings, log: Option<AccessLog>) -> anyhow::Result<Self> {
        let inner = Inner {
            settings,
            memory: Memory::new()?,
            guard: Guard::new(),
            turns: Semaphore::new(MOST_AT_ONCE),
            flights: Mutex::default(),
        };
        Ok(Self(Arc::new(inner), log))
    }

    async fn respond(&self, request: &Request<Bytes>) -> Response<Full<Bytes>> {
        let hosts = match self.0.settings.is_on_loopback {
            true => Hosts::Loopback,
            false => Hosts::Any,
        };
        if let Err((status, why)) = gate::check(request, hosts) {
            return answer::error(status, "invalid_request", why);
        }
        if request.uri().path() == HEALTH && [Method::GET, Method::HEAD].contains(request.method())
        {
            return answer::text(StatusCode::OK, "ok");
        }
        match endpoint::check(request) {
            Ok(()) => self.token(request).await,
            Err(answer) => answer,
        }
    }

    async fn token(&self, request: &Request<Bytes>) -> Response<Full<Bytes>> {
        let settings = &self.0.settings;
        let key = token_request::caller_key(request);
        let credentials = match (key, &settings.callers) {
            (Some(key), Some((keys, own))) => match key {
                Ok(key) if keys.knows(key) => Ok(own.clone()),
                Ok(_) => return refusal("this is not the key of a caller", BEARER, request),
                Err(fault) => Err(fault),
            },
            _ => token_request::credentials(request),
        };
        let credentials = match credentials {
            Ok(credentials) => credentials,
            Err(fault) => {
                return endpoint::fault(fault, || {
                    let what = "there are no credentials in this request";
                    refusal(what, CHALLENGE, request)
                });
            }
        };
        let id = credentials.id.clone();
        let verdict = Inner::verdict(&self.0, credentials).await;
        let mut answer = verdict.answer((settings.clock)());
        endpoint::name_scheme(&mut answer, request, CHALLENGE);
        if verdict.is_token() {
            answer.extensions_mut().insert(id);
        }
        answer
    }
}

/// RFC 6750 §3
const BEARER: &str = "Bearer realm=\"cells-token\"";

fn refusal(what: &str, challenge: &'static str, request: &Request<Bytes>) -> Response<Full<Bytes>> {
    let mut answer = answer::error(StatusCode::UNAUTHORIZED, "invalid_client", what);
    endpoint::name_scheme(&mut answer, request, challenge);
    answer
}

impl Service for Upstream {
    async fn answer(&self, request: Request<Bytes>) -> Response<Full<Bytes>> {
        self.respond(&request).await
    }

    fn note(&self, exchange: &Exchange<'_>) {
        if let Some(log) = &self.1 {
            log.line(line(exchange));
        }
    }
}

/// Of an exchange, for the access log. A client id is named only once it is known to be one: callers mix up ids and
/// secrets.
fn line(exchange: &Exchange<'_>) -> String {
    let Exchange {
        peer,
        method,
        path,
        answer,
        elapsed,
    } = exchange;
    let is_ours = *path == HEALTH || endpoint::TOKEN_PATHS.contains(path);
    let path = if is_ours { path } else { OTHER_PATH };
    let method = match **method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::DELETE
        | Method::OPTIONS => method.as_str(),
        _ => "(another method)",
    };
    let (status, ms) = (answer.status().as_u16(), elapsed.as_secs_f64() * 1000.0);
    let source = match answer.extensions().get() {
        Some(Source::Fetched) => "fetched",
        Some(Source::Cached) => "cached",
        Some(Source::Upstream) => "upstream",
        Some(Source::Local) | None => "local",
    };
    let mut line = format!("{peer} {method} {path} {status} {source} {ms:.1}ms");
    if let Some(ClientId(id)) = answer.extensions().get() {
        line.push_str(" client ");
        line.extend(id.chars().take(LONGEST_ID));
    }
    line
}

/// As much of a client id is logged, in characters.
const LONGEST_ID: usize = 80;

impl Inner {
    /// What comes of these credentials, for this caller.
    async fn verdict(self: &Arc<Self>, credentials: ClientCredentials) -> Verdict {
        let (config, clock) = (&self.settings.config, self.settings.clock);
        let identity = self.memory.identity(&credentials);
        let kept = self.memory.token(&identity);
        if let Some(kept) = self.fresh(kept.clone()) {
            return Verdict::Kept(kept);
        }
        let flight = self.join(identity, credentials);
        let old = kept.filter(|kept| config.min_ttl == MinTtl::Default && lives(kept, clock));
        // Boxed: most requests end above, and need not hold the room for this.
        Box::pin(landed(flight, old)).await
    }

    fn fresh(&self, kept: Option<Arc<Kept>>) -> Option<Arc<Kept>> {
        let Settings { config, clock, .. } = &self.settings;
        kept.filter(|kept| kept.token.freshness(config.min_ttl, clock()) == Freshness::Fresh)
    }

    /// The request that is under way for these credentials, or a new one. It goes on if all who wait leave.
    fn join(self: &Arc<Self>, identity: Identity, credentials: ClientCredentials) -> Flight {
        let mut flights = lock(&self.flights);
        if let Some(flight) = flights.get(&identity) {
            return flight.clone();
        }
        let (sender, flight) = watch::channel(None);
        flights.insert(identity, flight.clone());
        let landing = Landing {
            inner: Arc::clone(self),
            identity,
        };
        tokio::spawn(async move {
            let verdict = landing.inner.fly(identity, credentials).await;
            // Who comes from here on was not waiting.
            drop(landing);
            let _ = sender.send(Some(verdict));
        });
        flight
    }

    /// One request to the service, if it has to be and may be.
    async fn fly(self: &Arc<Self>, identity: Identity, credentials: ClientCredentials) -> Verdict {
        let Settings { config, clock, .. } = &self.settings;
        let deadline = Deadline::after(config.timeout);
        if let Some(kept) = self.fresh(self.memory.token(&identity)) {
            return Verdict::Kept(kept);
        }
        let now = clock();
        if let Some(limit) = self.memory.limit(&identity, now) {
            let left = limit.until.since(now);
            if left >= deadline.remaining() {
                return Verdict::limited(limit, now);
            }
            time::sleep(left).await;
        }
        let client = self.memory.client(&credentials.id);
        let admitted = async {
            let pass = match self.is_proven(&identity, &credentials).await {
                true => None,
                false => Some(self.guard.admit(client).await?),
            };
            Ok((pass, self.turns.acquire().await))
        };
        let (_pass, _turn) = match time::timeout(deadline.remaining(), admitted).await {
            Ok(Ok(admitted)) => admitted,
            Ok(Err(wait)) => return Verdict::too_many_guesses(wait),
            Err(_) => return Verdict::no_turn(),
        };
        let inner = Arc::clone(self);
        let asked = task::spawn_blocking(move || inner.ask(credentials, deadline)).await;
        match asked {
            Ok(Ok(found)) => self.learn(identity, found),
            Ok(Err(error)) => {
                if matches!(&error, Error::Token(error) if error.kind == TokenErrorKind::Refused) {
                    self.guard.refused(client);
                }
                self.learn_failure(identity, &error)
            }
            Err(_) => Verdict::failed("the request to the service came to nothing"),
        }
    }

    /// Whether the service has accepted this secret before: it gave a token, here or in the cache on disk.
    async fn is_proven(self: &Arc<Self>, identity: &Identity, asked: &ClientCredentials) -> bool {
        let is_own = |(_, own): &(_, ClientCredentials)| self.memory.identity(own) == *identity;
        if self.memory.token(identity).is_some()
            || self.settings.callers.as_ref().is_some_and(is_own)
        {
            return true;
        }
        let (inner, asked) = (Arc::clone(self), asked.clone());
        let on_disk = task::spawn_blocking(move || {
            let entry = inner.cache(&asked)?.entry((inner.settings.clock)())?;
            entry.fingerprint.matches(&asked.secret).then_some(())
        });
        matches!(on_disk.await, Ok(Some(())))
    }

    fn cache(&self, credentials: &ClientCredentials) -> Option<Cache> {
        let Settings { config, ui, .. } = &self.settings;
        let settings = config.cache.as_ref()?;
        let cache = Cache::open(settings, &config.endpoint, &credentials.id, *ui)?;
        Some(cache.born_of_success())
    }

    /// Gets a token as `get` does, on this thread.
    fn ask(&self, credentials: ClientCredentials, deadline: Deadline) -> Result<Found, Error> {
        let Settings {
            config, clock, ui, ..
        } = &self.settings;
        let now = clock();
        let cache = self.cache(&credentials);
        let source = TokenSource {
            config,
            credentials,
            reuse: Reuse::Allowed,
            clock: *clock,
            ui: *ui,
            began: now,
            ready: now,
            deadline,
        };
        source.token(cache.as_ref())
    }

    fn learn(&self, identity: Identity, found: Found) -> Verdict {
        match (found.origin, found.response) {
            (Origin::Server, Some(response)) => {
                let kept = Kept::new(found.token, &response);
                self.memory.keep(identity, Arc::new(kept));
                Verdict::Token(Arc::new(response))
            }
            _ => {
                // The one in memory may be the same, and knows how the service put it.
                let is_same = |kept: &Arc<Kept>| {
                    kept.token.access_token.expose() == found.token.access_token.expose()
                };
                let kept = match self.memory.token(&identity).filter(is_same) {
                    Some(kept) => kept,
                    None => Arc::new(Kept::from_disk(found.token)),
                };
                self.memory.keep(identity, Arc::clone(&kept));
                Verdict::Kept(kept)
            }
        }
    }

    fn learn_failure(&self, identity: Identity, error: &Error) -> Verdict {
        let Settings { config, clock, .. } = &self.settings;
        if let Error::Token(error) = error {
            if error.kind == TokenErrorKind::Refused {
                self.memory.forget(&identity);
            }
            if let Some(until) = error.limited_until() {
                let until = until.min(clock().plus(LONGEST_LIMIT));
                self.memory.set_limit(identity, until, error.answer.clone());
            }
            let old = self
                .memory
                .token(&identity)
                .filter(|kept| lives(kept, *clock));
            if let Some(old) = old
                && error.is_away()
                && config.min_ttl == MinTtl::Default
            {
                return Verdict::Kept(old);
            }
        }
        Verdict::of(error)
    }
}

/// What comes of the flight; the old token, if there is one, where that takes long.
async fn landed(mut flight: Flight, old: Option<Arc<Kept>>) -> Verdict {
    let landed = async {
        let landed = flight.wait_for(Option::is_some).await;
        let verdict = landed.ok().and_then(|verdict| verdict.clone());
        verdict.unwrap_or_else(|| Verdict::failed("the request to the service came to nothing"))
    };
    match old {
        None => landed.await,
        Some(old) => match time::timeout(RENEWAL_PATIENCE, landed).await {
            Ok(verdict) => verdict,
            Err(_) => Verdict::Kept(old),
        },
    }
}

fn lives(kept: &Kept, clock: Clock) -> bool {
    !kept.token.remaining(clock()).unwrap_or_default().is_zero()
}

/// Takes a flight off the list, however it ends.
struct Landing {
    inner: Arc<Inner>,
    identity: Identity,
}

impl Drop for Landing {
    fn drop(&mut self) {
        lock(&self.inner.flights).remove(&self.identity);
    }
}
