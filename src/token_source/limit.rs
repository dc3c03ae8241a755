//! The service's limit on requests, as one process remembers it for the next. It is waited out
//! without the lock: it concerns neither another secret nor a `--refresh`.

use std::ops::ControlFlow;
use std::thread;

use super::{Found, POLL, Reuse, TokenSource};
use crate::cache::{Cache, Failure};
use crate::error::Error;
use crate::oauth::{TokenError, TokenErrorKind};
use crate::time::Timestamp;

impl TokenSource<'_> {
    /// Waits until there is no limit, or somebody who need not wait got a token.
    pub(super) fn wait_out_limit(&self, cache: &Cache) -> ControlFlow<Result<Found, Error>> {
        let mut seen = None;
        let mut limit = None;
        let mut waiting = self.report.progress("the end of the service's limit");
        loop {
            let stamps = Some(cache.stamps());
            let now = (self.clock)();
            if stamps != seen {
                limit = self.limit(&cache.failures(now), now);
                if let Some(until) = limit {
                    if seen.is_none() {
                        self.report.verbose(|| {
                            format!("the service limits requests until {until}; waiting")
                        });
                    }
                    self.what_others_got(cache)?;
                }
                seen = stamps;
            }
            match limit {
                Some(until) if until > now => {
                    waiting.tick();
                    thread::sleep(POLL.min(until.since(now)));
                }
                _ => return ControlFlow::Continue(()),
            }
        }
    }

    /// Until when the service asked this client to stay away. `--refresh` asks all the same.
    pub(super) fn limit(&self, failures: &[Failure], now: Timestamp) -> Option<Timestamp> {
        let limits = failures
            .iter()
            .filter_map(|failure| failure.limit(&self.request.credentials.secret, now));
        limits.max().filter(|_| self.reuse == Reuse::Allowed)
    }

    /// What is said where a limit lies past the deadline.
    pub(super) fn limited(&self, until: Timestamp) -> TokenError {
        let error = TokenError::new(
            TokenErrorKind::Unavailable,
            format!(
                "{} limits the number of requests, as it said to an earlier one",
                self.config.endpoint
            ),
            format!("try again after {until}; --refresh asks all the same"),
        );
        error.limited(until)
    }
}
