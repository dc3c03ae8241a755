//! Protects the upstream from guessed secrets: requests with unproven secrets share a few slots, and after several
//! failures of one client id further ones are rejected for a while. Proven secrets never come here.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lru::LruCache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::lock;
use super::token_cache::ClientKey;

/// Attempts of one client id, failed within [`WINDOW`] or still under way, before further ones are rejected.
const MAX_ATTEMPTS: usize = 5;
const WINDOW: Duration = Duration::from_secs(60);
/// Upstream requests with unproven secrets at once.
const MAX_UNPROVEN: usize = 4;
/// Client ids that are counted.
const MAX_CLIENTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(10_000 - 1);

/// Counts attempts per client id.
pub struct Guard {
    slots: Arc<Semaphore>,
    attempts: Mutex<LruCache<ClientKey, VecDeque<Instant>>>,
}

/// Permission to send one unproven secret. It counts as failed unless it is released.
pub struct Attempt {
    client: ClientKey,
    began: Instant,
    _slot: OwnedSemaphorePermit,
}

impl Guard {
    /// Creates a guard that has counted nothing.
    pub fn new() -> Self {
        Self {
            slots: Arc::new(Semaphore::new(MAX_UNPROVEN)),
            attempts: Mutex::new(LruCache::sparse(MAX_CLIENTS)),
        }
    }

    /// Waits for a slot, and counts an attempt.
    ///
    /// # Errors
    /// For how long this client id is rejected.
    pub async fn admit(&self, client: ClientKey) -> Result<Attempt, Duration> {
        self.check(client)?;
        // The semaphore is never closed.
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        let slot = slot.map_err(|_| WINDOW)?;
        self.check(client)?;
        let began = Instant::now();
        // Not earlier: made-up client ids that are never sent must not displace others.
        self.count(client, began);
        Ok(Attempt {
            client,
            began,
            _slot: slot,
        })
    }

    /// Counts an attempt.
    pub fn count(&self, client: ClientKey, began: Instant) {
        let mut attempts = lock(&self.attempts);
        let attempts = attempts.get_or_insert_mut(client, VecDeque::new);
        attempts.push_back(began);
    }

    fn check(&self, client: ClientKey) -> Result<(), Duration> {
        let mut attempts = lock(&self.attempts);
        let Some(attempts) = attempts.get_mut(&client) else {
            return Ok(());
        };
        attempts.retain(|began| began.elapsed() < WINDOW);
        match attempts.front() {
            Some(first) if attempts.len() >= MAX_ATTEMPTS => {
                Err(WINDOW.saturating_sub(first.elapsed()))
            }
            _ => Ok(()),
        }
    }

    /// Stops counting an attempt: it brought a token, or no answer at all.
    pub fn release(&self, attempt: &Attempt) {
        if let Some(attempts) = lock(&self.attempts).get_mut(&attempt.client) {
            attempts.retain(|began| *began != attempt.began);
        }
    }
}
