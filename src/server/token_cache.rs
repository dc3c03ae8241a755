//! What `serve` remembers: tokens, rate limits, and which credentials the upstream accepted or refused. Bounded in
//! entries and in bytes; the least recently used go first. Of secrets it holds only keyed digests.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use anyhow::Context as _;
use lru::LruCache;
use ring::hmac;
use ring::rand::SystemRandom;

use super::cached_token::CachedToken;
use super::lock;
use super::outcome::TokenOutcome;
use crate::oauth::{ClientCredentials, ClientId, TokenRequest};

/// Identities with a token, with a rate limit, accepted, or refused.
const MAX_IDENTITIES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(10_000 - 1);
/// Memory for tokens, in bytes.
const MAX_TOKEN_BYTES: usize = 64 * 1024 * 1024;
/// Memory for rate limits, in bytes: they hold the answer to repeat.
const MAX_LIMIT_BYTES: usize = 8 * 1024 * 1024;

/// A digest of everything that decides which token a request gets: credentials and parameters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity([u8; 32]);

/// A digest of a client id, however it is spelled.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientKey([u8; 32]);

/// The tokens, rate limits and proofs of all identities.
pub struct TokenCache {
    /// Random, known only to this process.
    key: hmac::Key,
    tokens: Mutex<SizedLru<Arc<CachedToken>>>,
    limits: Mutex<SizedLru<(Instant, TokenOutcome)>>,
    /// Credentials that the upstream accepted, and those that it refused last: guesses must not displace proofs.
    accepted: Mutex<LruCache<Identity, ()>>,
    refused: Mutex<LruCache<Identity, ()>>,
}

impl TokenCache {
    /// Creates an empty cache.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn new() -> anyhow::Result<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        Ok(Self {
            key: key.ok().context("the system has no random numbers")?,
            tokens: Mutex::new(SizedLru::new(MAX_TOKEN_BYTES)),
            limits: Mutex::new(SizedLru::new(MAX_LIMIT_BYTES)),
            accepted: Mutex::new(LruCache::sparse(MAX_IDENTITIES)),
            refused: Mutex::new(LruCache::sparse(MAX_IDENTITIES)),
        })
    }

    /// The identity of a request.
    pub fn identity(&self, request: &TokenRequest) -> Identity {
        let ClientCredentials { id, secret } = &request.credentials;
        Identity(self.digest(&[&id.0, secret.expose(), &request.parameters]))
    }

    /// The identity of credentials, whatever the parameters.
    pub fn credentials(&self, ClientCredentials { id, secret }: &ClientCredentials) -> Identity {
        Identity(self.digest(&[&id.0, secret.expose(), ""]))
    }

    /// The key of a client id for counting failures: white space around it and case do not count.
    pub fn client(&self, ClientId(id): &ClientId) -> ClientKey {
        ClientKey(self.digest(&[&id.trim().to_lowercase()]))
    }

    /// The last token of this identity, expired or not.
    pub fn token(&self, identity: &Identity) -> Option<Arc<CachedToken>> {
        lock(&self.tokens).get(identity).cloned()
    }

    /// How many identities have a token.
    pub fn len(&self) -> usize {
        lock(&self.tokens).entries.len()
    }

    /// Stores a token. The identity's rate limit is over.
    pub fn insert(&self, identity: Identity, token: Arc<CachedToken>) {
        lock(&self.limits).remove(&identity);
        let size = token.size();
        lock(&self.tokens).insert(identity, token, size);
    }

    /// The upstream accepted these credentials.
    pub fn accept(&self, credentials: Identity) {
        lock(&self.refused).pop(&credentials);
        lock(&self.accepted).put(credentials, ());
    }

    /// The upstream refused these credentials in a request for `identity`, whose token is removed.
    pub fn refuse(&self, identity: Identity, credentials: Identity) {
        lock(&self.tokens).remove(&identity);
        lock(&self.accepted).pop(&credentials);
        lock(&self.refused).put(credentials, ());
    }

    /// Whether the upstream accepted (true) or refused these credentials last, if it is known.
    pub fn proof(&self, credentials: &Identity) -> Option<bool> {
        let is_accepted = lock(&self.accepted).get(credentials).map(|()| true);
        is_accepted.or_else(|| lock(&self.refused).get(credentials).map(|()| false))
    }

    /// When the rate limit of this identity ends, and the outcome until then.
    pub fn limit(&self, identity: &Identity) -> Option<(Instant, TokenOutcome)> {
        let limit = lock(&self.limits).get(identity).cloned();
        limit.filter(|(until, _)| *until > Instant::now())
    }

    /// Stores a rate limit.
    pub fn set_limit(&self, identity: Identity, until: Instant, outcome: TokenOutcome) {
        let size = outcome.size();
        lock(&self.limits).insert(identity, (until, outcome), size);
    }

    fn digest(&self, parts: &[&str]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            // With its length, so that the parts cannot be divided in two ways.
            context.update(&part.len().to_le_bytes());
            context.update(part.as_bytes());
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.sign().as_ref());
        digest
    }
}

/// A least-recently-used cache bounded in entries and in bytes.
struct SizedLru<V> {
    entries: LruCache<Identity, (V, usize)>,
    bytes: usize,
    max_bytes: usize,
}

impl<V> SizedLru<V> {
    fn new(max_bytes: usize) -> Self {
        Self {
            entries: LruCache::sparse(MAX_IDENTITIES),
            bytes: 0,
            max_bytes,
        }
    }

    fn get(&mut self, identity: &Identity) -> Option<&V> {
        self.entries.get(identity).map(|(value, _)| value)
    }

    /// Inserts a value of this size, and removes others until the bounds hold.
    fn insert(&mut self, identity: Identity, value: V, size: usize) {
        let replaced = self.entries.push(identity, (value, size));
        self.bytes += size;
        self.bytes -= replaced.map_or(0, |(_, (_, size))| size);
        while self.bytes > self.max_bytes
            && let Some((_, (_, size))) = self.entries.pop_lru()
        {
            self.bytes -= size;
        }
    }

    fn remove(&mut self, identity: &Identity) {
        let removed = self.entries.pop(identity);
        self.bytes -= removed.map_or(0, |(_, size)| size);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Map;

    use super::*;
    use crate::oauth::Token;
    use crate::secret::{AccessToken, ClientSecret};
    use crate::time::Timestamp;

    fn request(id: &str, secret: &str, parameters: &str) -> TokenRequest {
        TokenRequest {
            credentials: ClientCredentials {
                id: ClientId(id.to_owned()),
                secret: ClientSecret::new(secret.to_owned()),
            },
            parameters: parameters.to_owned(),
        }
    }

    fn identity(cache: &TokenCache, number: usize) -> Identity {
        cache.identity(&request(&number.to_string(), "s", ""))
    }

    fn token(length: usize) -> Arc<CachedToken> {
        let token = Token {
            access_token: AccessToken::parse(&"t".repeat(length)).unwrap(),
            members: Map::new(),
            obtained_at: Timestamp::from(0),
            expires_at: None,
        };
        Arc::new(CachedToken::new(token, None, Timestamp::from(0)))
    }

    #[test]
    fn an_identity_is_the_whole_request() {
        let cache = TokenCache::new().unwrap();
        let identities = [
            ("i", "s", ""),
            ("is", "", ""),
            ("i", "", "s"),
            ("I", "s", ""),
            ("i", "s", "scope=a"),
            ("i", "s", "scope=b"),
            ("i", "s", "a=1&b=2"),
            ("i", "s", "b=2&a=1"),
        ];
        let identities = identities.map(|(i, s, p)| cache.identity(&request(i, s, p)).0);
        for (at, identity) in identities.iter().enumerate() {
            assert!(!identities[at + 1..].contains(identity), "{at}");
        }
    }

    #[test]
    fn spellings_of_a_client_id_count_as_one() {
        let cache = TokenCache::new().unwrap();
        let key = |id: &str| cache.client(&ClientId(id.to_owned())).0;
        for spelling in ["Some-ÄId", "SOME-ÄID ", "\t some-äid\n"] {
            assert_eq!(key(spelling), key("some-äid"), "{spelling:?}");
        }
        assert_ne!(key("some-id"), key("some-äid"));
    }

    #[test]
    fn entries_are_bounded_in_number() {
        let cache = TokenCache::new().unwrap();
        let (token, limit) = (token(1), Instant::now() + Duration::from_secs(60));
        for number in 0..25_000 {
            let identity = identity(&cache, number);
            cache.insert(identity, Arc::clone(&token));
            cache.set_limit(identity, limit, TokenOutcome::Cached(Arc::clone(&token)));
        }
        assert_eq!(cache.len(), MAX_IDENTITIES.get());
        assert_eq!(lock(&cache.limits).entries.len(), MAX_IDENTITIES.get());
        assert!(cache.token(&identity(&cache, 24_999)).is_some());
        assert!(cache.token(&identity(&cache, 0)).is_none());
    }

    #[test]
    fn entries_are_bounded_in_bytes_and_the_least_recently_used_go_first() {
        let cache = TokenCache::new().unwrap();
        let [kept, forgotten] = [0, 1].map(|number| identity(&cache, number));
        let large = token(30_000);
        cache.insert(kept, Arc::clone(&large));
        cache.insert(forgotten, Arc::clone(&large));
        for number in 2..3_000 {
            assert!(cache.token(&kept).is_some());
            cache.insert(identity(&cache, number), Arc::clone(&large));
        }
        assert!(cache.token(&forgotten).is_none());
        let tokens = lock(&cache.tokens);
        let bytes: usize = tokens.entries.iter().map(|(_, (_, size))| size).sum();
        assert_eq!(tokens.bytes, bytes);
        assert!(bytes <= MAX_TOKEN_BYTES && bytes > MAX_TOKEN_BYTES - 2 * large.size());
    }

    #[test]
    fn the_last_answer_about_credentials_counts() {
        let cache = TokenCache::new().unwrap();
        let [one, other] = [1, 2].map(|number| identity(&cache, number));
        let scoped = cache.identity(&request("1", "s", "scope=x"));
        let proofs = || [one, other].map(|credentials| cache.proof(&credentials));
        assert_eq!(proofs(), [None, None]);
        cache.accept(one);
        cache.insert(one, token(1));
        cache.insert(scoped, token(1));
        assert_eq!(proofs(), [Some(true), None]);
        cache.refuse(scoped, one);
        assert!(cache.token(&scoped).is_none() && cache.token(&one).is_some());
        assert_eq!(proofs(), [Some(false), None]);
        cache.accept(one);
        cache.refuse(other, other);
        assert_eq!(proofs(), [Some(true), Some(false)]);
    }

    #[test]
    fn a_rate_limit_ends_by_itself_or_with_a_token() {
        let cache = TokenCache::new().unwrap();
        let identity = identity(&cache, 1);
        let limit = |seconds| {
            let until = Instant::now() + Duration::from_secs(seconds);
            cache.set_limit(identity, until, TokenOutcome::Cached(token(1)));
        };
        limit(0);
        assert!(cache.limit(&identity).is_none());
        limit(60);
        assert!(cache.limit(&identity).is_some());
        cache.insert(identity, token(1));
        assert!(cache.limit(&identity).is_none());
    }
}
