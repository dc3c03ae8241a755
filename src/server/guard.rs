//! Keeps guesses from the service: secrets that are not proven wait for one of a few places, and after so many refusals
//! of one client id they are not sent at all for a while. Proven secrets never come here.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use lru::LruCache;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

use super::memory::ClientKey;
use super::places::lock;

/// Refusals of one client id within the time below, before the next guess is refused here.
const MOST_REFUSALS: usize = 5;
const WITHIN: Duration = Duration::from_secs(60);
/// Requests to the service at once with secrets that are not proven.
const MOST_AT_ONCE: usize = 4;
/// Client ids that are remembered.
const MOST_CLIENTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(10_000 - 1);

/// What is known of guesses.
pub struct Guard {
    places: Semaphore,
    clients: Mutex<LruCache<ClientKey, Client>>,
    changed: Notify,
}

/// One client id.
#[derive(Default)]
struct Client {
    /// The latest last, and no more than count.
    refused: VecDeque<Instant>,
    /// Requests that may yet be refused.
    asking: usize,
}

/// The right to send a secret that is not proven.
pub struct Pass<'a> {
    guard: &'a Guard,
    client: ClientKey,
    _place: SemaphorePermit<'a>,
}

/// What may be done now.
enum Decision {
    Send,
    /// So many are on their way that the last of them may make this one a guess too many.
    WaitForOthers,
    /// For this long.
    Refuse(Duration),
}

impl Guard {
    /// One that has seen nothing.
    pub fn new() -> Self {
        Self {
            places: Semaphore::new(MOST_AT_ONCE),
            clients: Mutex::new(LruCache::sparse(MOST_CLIENTS)),
            changed: Notify::new(),
        }
    }

    /// Waits for a place.
    ///
    /// # Errors
    /// How long this client id is refused still.
    pub async fn admit(&self, client: ClientKey) -> Result<Pass<'_>, Duration> {
        loop {
            if let Some(wait) = self.refused_for(&client) {
                return Err(wait);
            }
            // Nobody closes the semaphore.
            let Ok(place) = self.places.acquire().await else {
                return Err(WITHIN);
            };
            let changed = self.changed.notified();
            match self.decide(&client) {
                Decision::Refuse(wait) => return Err(wait),
                Decision::Send => {
                    return Ok(Pass {
                        guard: self,
                        client,
                        _place: place,
                    });
                }
                Decision::WaitForOthers => {
                    drop(place);
                    changed.await;
                }
            }
        }
    }

    /// Notes that the service refused a secret of this client id.
    pub fn refused(&self, client: ClientKey) {
        let mut clients = lock(&self.clients);
        let refused = &mut clients.get_or_insert_mut(client, Client::default).refused;
        refused.push_back(Instant::now());
        if refused.len() > MOST_REFUSALS {
            refused.pop_front();
        }
    }

    fn refused_for(&self, client: &ClientKey) -> Option<Duration> {
        lock(&self.clients).get(client)?.refused_for(Instant::now())
    }

    fn decide(&self, client: &ClientKey) -> Decision {
        let mut clients = lock(&self.clients);
        let client = clients.get_or_insert_mut(*client, Client::default);
        let now = Instant::now();
        if let Some(wait) = client.refused_for(now) {
            return Decision::Refuse(wait);
        }
        if client.recent(now) + client.asking >= MOST_REFUSALS {
            return Decision::WaitForOthers;
        }
        client.asking += 1;
        Decision::Send
    }
}

impl Client {
    fn recent(&self, now: Instant) -> usize {
        let is_recent = |refused: &&Instant| now.duration_since(**refused) < WITHIN;
        self.refused.iter().filter(is_recent).count()
    }

    fn refused_for(&self, now: Instant) -> Option<Duration> {
        let first = self.refused.front()?;
        let left = WITHIN.checked_sub(now.duration_since(*first))?;
        (self.refused.len() == MOST_REFUSALS && !left.is_zero()).then_some(left)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if let Some(client) = lock(&self.guard.clients).get_mut(&self.client) {
            client.asking = client.asking.saturating_sub(1);
        }
        self.guard.changed.notify_waiters();
    }
}
