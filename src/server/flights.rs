//! Requests to the service: one for each pair of credentials however many wait for it, and none that nobody waits for
//! any more. What is asked and learnt is not told here.

mod asking;

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::{select, time};

use super::CallerKeys;
use super::guard::{Guard, Pass};
use super::kept::Kept;
use super::memory::{Identity, Memory};
use super::places::lock;
use super::verdict::Verdict;
use crate::config::Config;
use crate::oauth::{ClientCredentials, Freshness, MinTtl};
use crate::report::Reporter;
use crate::time::{Clock, Deadline};

/// Requests to the service at once, each of which holds a thread.
pub const MOST_AT_ONCE: usize = 32;
/// How long callers wait for a new token where the old one still lives and would do.
const RENEWAL_PATIENCE: Duration = Duration::from_secs(2);

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
    pub report: Reporter,
}

/// What is under way, and what is known.
pub struct Flights {
    /// What `serve` was told.
    pub settings: Settings,
    memory: Memory,
    guard: Guard,
    turns: Semaphore,
    under_way: Mutex<HashMap<Identity, Arc<Flight>>>,
}

/// A request that is under way. It knows whether anybody waits.
type Flight = watch::Sender<Option<Verdict>>;
/// Held by one who waits for what comes of it.
type Seat = watch::Receiver<Option<Verdict>>;

/// The right to send a request; given back after the answer.
struct Clearance<'a> {
    _pass: Option<Pass<'a>>,
    _turn: Option<SemaphorePermit<'a>>,
}

impl Flights {
    /// Nothing is under way, and nothing known.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn new(settings: Settings) -> anyhow::Result<Self> {
        Ok(Self {
            settings,
            memory: Memory::new()?,
            guard: Guard::new(),
            turns: Semaphore::new(MOST_AT_ONCE),
            under_way: Mutex::default(),
        })
    }

    /// What comes of these credentials, for this caller.
    pub async fn verdict(self: &Arc<Self>, credentials: ClientCredentials) -> Verdict {
        let (config, clock) = (&self.settings.config, self.settings.clock);
        let identity = self.memory.identity(&credentials);
        let kept = self.memory.token(&identity);
        if let Some(kept) = self.fresh(kept.clone()) {
            return Verdict::Kept(kept);
        }
        let seat = self.join(identity, credentials);
        let old = kept.filter(|kept| config.min_ttl == MinTtl::Default && lives(kept, clock));
        // Boxed: most requests end above, and need not hold the room for this.
        Box::pin(landed(seat, old)).await
    }

    fn fresh(&self, kept: Option<Arc<Kept>>) -> Option<Arc<Kept>> {
        let Settings { config, clock, .. } = &self.settings;
        kept.filter(|kept| kept.token.freshness(config.min_ttl, clock()) == Freshness::Fresh)
    }

    /// A seat in the request that is under way for these credentials, or in a new one.
    fn join(self: &Arc<Self>, identity: Identity, credentials: ClientCredentials) -> Seat {
        let mut under_way = lock(&self.under_way);
        if let Some(flight) = under_way.get(&identity) {
            return flight.subscribe();
        }
        let (flight, seat) = watch::channel(None);
        let flight = Arc::new(flight);
        under_way.insert(identity, Arc::clone(&flight));
        let listed = Listed {
            flights: Arc::clone(self),
            identity,
            flight,
        };
        tokio::spawn(listed.fly(credentials));
        seat
    }

    /// Waits until a request may be sent: for the end of a limit, for a place among guesses, for a turn.
    ///
    /// # Errors
    /// What comes of it without a request.
    async fn clearance(
        self: &Arc<Self>,
        identity: &Identity,
        credentials: &ClientCredentials,
        deadline: Deadline,
    ) -> Result<Clearance<'_>, Verdict> {
        if let Some(kept) = self.fresh(self.memory.token(identity)) {
            return Err(Verdict::Kept(kept));
        }
        let now = (self.settings.clock)();
        if let Some(limit) = self.memory.limit(identity, now) {
            let left = limit.until.since(now);
            if left >= deadline.remaining() {
                return Err(Verdict::limited(limit, now));
            }
            time::sleep(left).await;
        }
        let cleared = async {
            let pass = match self.is_proven(identity, credentials).await {
                true => None,
                false => Some(
                    self.guard
                        .admit(self.memory.client(&credentials.id))
                        .await?,
                ),
            };
            Ok(Clearance {
                _pass: pass,
                // Nobody closes the semaphore.
                _turn: self.turns.acquire().await.ok(),
            })
        };
        match time::timeout(deadline.remaining(), cleared).await {
            Ok(cleared) => cleared.map_err(Verdict::too_many_guesses),
            Err(_) => Err(Verdict::no_turn()),
        }
    }
}

/// What comes of the flight; the old token, if there is one, where that takes long.
async fn landed(mut seat: Seat, old: Option<Arc<Kept>>) -> Verdict {
    let landed = async {
        let landed = seat.wait_for(Option::is_some).await;
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

/// A flight on the list; off it when dropped, however it ends.
struct Listed {
    flights: Arc<Flights>,
    identity: Identity,
    flight: Arc<Flight>,
}

impl Listed {
    /// From the list to who waits.
    async fn fly(self, credentials: ClientCredentials) {
        let Some(verdict) = self.verdict(credentials).await else {
            return;
        };
        let flight = Arc::clone(&self.flight);
        // Who comes from here on was not waiting.
        drop(self);
        let _ = flight.send(Some(verdict));
    }

    /// `None` if all have left before the request was sent. Once it is sent, what comes of it is learnt all the same,
    /// and what it takes is not given back before.
    async fn verdict(&self, credentials: ClientCredentials) -> Option<Verdict> {
        let flights = &self.flights;
        let deadline = Deadline::after(flights.settings.config.timeout);
        let cleared = {
            let mut cleared = pin!(flights.clearance(&self.identity, &credentials, deadline));
            loop {
                select! {
                    biased;
                    () = self.flight.closed() => if self.is_given_up() {
                        return None;
                    },
                    cleared = cleared.as_mut() => break cleared,
                }
            }
        };
        Some(match cleared {
            Ok(_clearance) => flights.ask(self.identity, credentials, deadline).await,
            Err(verdict) => verdict,
        })
    }

    /// Takes it off the list if nobody waits. Seats are given under the same lock, so nobody will.
    fn is_given_up(&self) -> bool {
        let mut under_way = lock(&self.flights.under_way);
        let is_given_up = self.flight.receiver_count() == 0;
        if is_given_up {
            under_way.remove(&self.identity);
        }
        is_given_up
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let mut under_way = lock(&self.flights.under_way);
        let listed = under_way.get(&self.identity);
        // Given up, it is off already, and the next one may be on.
        if listed.is_some_and(|listed| Arc::ptr_eq(listed, &self.flight)) {
            under_way.remove(&self.identity);
        }
    }
}
