//! What the service says of credentials: whether it has accepted them, what it answers now through the code of `get`, and
//! what is learnt from that.

use std::sync::Arc;

use tokio::task;

use super::{Flights, Settings, lives};
use crate::cache::{Cache, MAX_LIMIT};
use crate::error::Error;
use crate::oauth::{ClientCredentials, MinTtl, TokenErrorKind};
use crate::output::Origin;
use crate::server::kept::Kept;
use crate::server::memory::Identity;
use crate::server::verdict::Verdict;
use crate::time::Deadline;
use crate::token_source::{Reuse, SourcedToken, TokenSource};

impl Flights {
    /// Asks, and learns.
    pub(super) async fn ask(
        self: &Arc<Self>,
        identity: Identity,
        credentials: ClientCredentials,
        deadline: Deadline,
    ) -> Verdict {
        let client = self.memory.client(&credentials.id);
        let flights = Arc::clone(self);
        let asked = task::spawn_blocking(move || flights.token(credentials, deadline)).await;
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

    /// Whether the service has accepted this secret before, and not refused it since: it gave a token, here or in the
    /// cache on disk.
    pub(super) async fn is_proven(
        self: &Arc<Self>,
        identity: &Identity,
        asked: &ClientCredentials,
    ) -> bool {
        let is_own = |(_, own): &(_, ClientCredentials)| self.memory.identity(own) == *identity;
        if self.memory.is_refused(identity) {
            return false;
        }
        if self.memory.token(identity).is_some()
            || self.settings.callers.as_ref().is_some_and(is_own)
        {
            return true;
        }
        let (flights, asked) = (Arc::clone(self), asked.clone());
        let on_disk = task::spawn_blocking(move || {
            let entry = flights.cache(&asked)?.entry((flights.settings.clock)())?;
            entry.sealed.is_sealed_with(&asked.secret).then_some(())
        });
        matches!(on_disk.await, Ok(Some(())))
    }

    fn cache(&self, credentials: &ClientCredentials) -> Option<Cache> {
        let Settings { config, report, .. } = &self.settings;
        let settings = config.cache.as_ref()?;
        let cache = Cache::open(settings, &config.endpoint, &credentials.id, *report).ok()?;
        Some(cache.create_on_first_success())
    }

    /// Gets a token as `get` does, on this thread.
    fn token(
        &self,
        credentials: ClientCredentials,
        deadline: Deadline,
    ) -> Result<SourcedToken, Error> {
        let Settings {
            config,
            clock,
            report,
            ..
        } = &self.settings;
        let cache = self.cache(&credentials);
        let source = TokenSource {
            config,
            request: credentials.into(),
            reuse: Reuse::Allowed,
            clock: *clock,
            report: *report,
            started_at: clock(),
            deadline,
        };
        source.token(cache.as_ref())
    }

    fn learn(&self, identity: Identity, found: SourcedToken) -> Verdict {
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
                self.memory.refuse(identity);
            }
            if let Some(until) = error.limited_until() {
                let until = until.min(clock().plus(MAX_LIMIT));
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
        Verdict::of(error, clock())
    }
}
