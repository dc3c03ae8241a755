//! What is remembered of whom, and how much of it: tokens, refusals, and limits on requests. Of the secrets nothing is but a
//! digest under a key that dies with this process.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use lru::LruCache;
use ring::hmac;
use ring::rand::SystemRandom;

use super::kept::Kept;
use super::places::lock;
use crate::oauth::{ClientCredentials, ClientId, Response};
use crate::time::Timestamp;

/// Tokens; those asked for longest ago go first.
const MOST_TOKENS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(10_000 - 1);
/// Credentials that were refused.
const MOST_REFUSED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(10_000 - 1);
/// Limits, each with the answer that told of it.
const MOST_LIMITS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1_000 - 1);
/// An answer that tells of a limit is remembered up to this length, in bytes.
const LONGEST_LIMIT: usize = 8 * 1024;

/// Stands for a client id and its secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity([u8; 32]);

/// Stands for a client id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientKey([u8; 32]);

/// A limit on requests, and what told of it.
#[derive(Clone)]
pub struct Limit {
    /// Its end.
    pub until: Timestamp,
    /// The answer, if it was short.
    pub answer: Option<Arc<Response>>,
}

/// All that is remembered.
pub struct Memory {
    key: hmac::Key,
    tokens: Mutex<LruCache<Identity, Arc<Kept>>>,
    refused: Mutex<LruCache<Identity, ()>>,
    limits: Mutex<LruCache<Identity, Limit>>,
}

impl Memory {
    /// An empty one.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn new() -> anyhow::Result<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        Ok(Self {
            key: key.ok().context("the system has no random numbers")?,
            tokens: Mutex::new(LruCache::sparse(MOST_TOKENS)),
            refused: Mutex::new(LruCache::sparse(MOST_REFUSED)),
            limits: Mutex::new(LruCache::sparse(MOST_LIMITS)),
        })
    }

    /// What stands for these credentials.
    pub fn identity(&self, credentials: &ClientCredentials) -> Identity {
        let (id, secret) = (&credentials.id.0, credentials.secret.expose());
        // With its length, so that the pair cannot be split in two ways.
        Identity(self.digest(&[&id.len().to_le_bytes(), id.as_bytes(), secret.as_bytes()]))
    }

    /// What stands for this client id.
    pub fn client(&self, id: &ClientId) -> ClientKey {
        ClientKey(self.digest(&[id.0.as_bytes()]))
    }

    /// The last token that these credentials were given, however old.
    pub fn token(&self, identity: &Identity) -> Option<Arc<Kept>> {
        lock(&self.tokens).get(identity).cloned()
    }

    /// A token was given.
    pub fn keep(&self, identity: Identity, kept: Arc<Kept>) {
        lock(&self.limits).pop(&identity);
        lock(&self.refused).pop(&identity);
        lock(&self.tokens).put(identity, kept);
    }

    /// The credentials were refused: whatever was known of them is over.
    pub fn refuse(&self, identity: Identity) {
        lock(&self.tokens).pop(&identity);
        lock(&self.refused).put(identity, ());
    }

    /// Whether the last word on these credentials was a refusal.
    pub fn is_refused(&self, identity: &Identity) -> bool {
        lock(&self.refused).get(identity).is_some()
    }

    /// The limit on these credentials, if it is still to come to its end.
    pub fn limit(&self, identity: &Identity, now: Timestamp) -> Option<Limit> {
        let mut limits = lock(&self.limits);
        let limit = limits.get(identity)?;
        (limit.until > now).then(|| limit.clone())
    }

    /// A limit was told.
    pub fn set_limit(&self, identity: Identity, until: Timestamp, answer: Option<Arc<Response>>) {
        let answer = answer.filter(|answer| answer.body.len() <= LONGEST_LIMIT);
        lock(&self.limits).put(identity, Limit { until, answer });
    }

    fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(part);
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.sign().as_ref());
        digest
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::oauth::Token;
    use crate::secret::{AccessToken, ClientSecret};

    fn identity(memory: &Memory, number: usize) -> Identity {
        memory.identity(&ClientCredentials {
            id: ClientId(number.to_string()),
            secret: ClientSecret::new("s".to_owned()),
        })
    }

    fn kept() -> Arc<Kept> {
        Arc::new(Kept::from_disk(Token {
            access_token: AccessToken::parse("t").unwrap(),
            members: Map::new(),
            obtained_at: Timestamp::from(0),
            expires_at: None,
        }))
    }

    #[test]
    fn strangers_are_forgotten_before_memory_is_full_of_them() {
        let (memory, kept) = (Memory::new().unwrap(), kept());
        for number in 0..25_000 {
            let identity = identity(&memory, number);
            memory.keep(identity, Arc::clone(&kept));
            memory.set_limit(identity, Timestamp::from(1), None);
        }
        for number in 25_000..50_000 {
            memory.refuse(identity(&memory, number));
        }
        assert_eq!(lock(&memory.tokens).len(), MOST_TOKENS.get());
        assert_eq!(lock(&memory.limits).len(), MOST_LIMITS.get());
        assert_eq!(lock(&memory.refused).len(), MOST_REFUSED.get());
    }

    #[test]
    fn the_last_word_on_credentials_counts() {
        let memory = Memory::new().unwrap();
        let [one, other] = [1, 2].map(|number| identity(&memory, number));
        let is_refused = || [one, other].map(|identity| memory.is_refused(&identity));
        assert_eq!(is_refused(), [false, false]);
        memory.keep(one, kept());
        memory.refuse(one);
        assert!(memory.token(&one).is_none());
        assert_eq!(is_refused(), [true, false]);
        memory.keep(one, kept());
        memory.refuse(other);
        assert_eq!(is_refused(), [false, true]);
    }
}
