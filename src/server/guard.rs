//! Protects the upstream from guessed secrets: after several failures of one client within a minute, further unproven
//! secrets are rejected for a while. Proven secrets never come here.

use std::time::{Duration, Instant};

use super::identity::{Identity, IdentityMap, MAX_SMALL_BYTES};

/// Attempts of one client, failed within [`WINDOW`] or still under way, before further ones are rejected.
const MAX_ATTEMPTS: usize = 5;
const WINDOW: Duration = Duration::from_secs(60);

/// When the recent attempts of each client began.
pub struct Guard(IdentityMap<Vec<Instant>>);

impl Guard {
    /// Creates a guard that has counted nothing.
    pub fn new() -> Self {
        Self(IdentityMap::new(MAX_SMALL_BYTES))
    }

    /// Counts an attempt as failed, until it is released.
    ///
    /// # Errors
    /// For how long this client is rejected.
    pub fn begin(&self, client: Identity) -> Result<Instant, Duration> {
        self.0.update(client, |attempts| {
            attempts.retain(|began| began.elapsed() < WINDOW);
            if let Some(first) = attempts.first()
                && attempts.len() >= MAX_ATTEMPTS
            {
                return Err(WINDOW.saturating_sub(first.elapsed()));
            }
            let now = Instant::now();
            attempts.push(now);
            Ok(now)
        })
    }

    /// Stops counting an attempt: it brought a token, or no answer at all.
    pub fn release(&self, client: Identity, attempt: Instant) {
        self.0.update(client, |attempts| {
            attempts.retain(|began| *began != attempt)
        });
    }
}
