//! Digests that identify requests, credentials and clients, and maps from them that are bounded in entries and in bytes.
//! Of secrets, `serve` remembers only these.

use std::hash::RandomState;
use std::num::NonZeroUsize;
use std::sync::Mutex;

use anyhow::Context as _;
use clru::{CLruCache, WeightScale};
use ring::hmac;
use ring::rand::SystemRandom;

use super::lock;
use crate::oauth::{ClientCredentials, ClientId, TokenRequest};

/// Entries of a map.
const MAX_ENTRIES: usize = 10_000;
/// Memory for values without a size of their own.
pub const MAX_SMALL_BYTES: usize = 1024 * 1024;

/// A digest of what decides which token a request gets, of credentials, or of a client id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity([u8; 32]);

/// Computes identities.
pub struct Identities {
    /// Random, known only to this process.
    key: hmac::Key,
}

impl Identities {
    /// Creates a random key.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn new() -> anyhow::Result<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        let key = key.ok().context("the system has no random numbers")?;
        Ok(Self { key })
    }

    /// The identity of a request: credentials and parameters.
    pub fn request(&self, request: &TokenRequest) -> Identity {
        let ClientCredentials { id, secret } = &request.credentials;
        self.digest(&[&id.0, secret.expose(), &request.parameters])
    }

    /// The identity of credentials, whatever the parameters.
    pub fn credentials(&self, ClientCredentials { id, secret }: &ClientCredentials) -> Identity {
        self.digest(&[&id.0, secret.expose()])
    }

    /// The identity of a client: white space around its id and case do not count.
    pub fn client(&self, ClientId(id): &ClientId) -> Identity {
        self.digest(&[&id.trim().to_lowercase()])
    }

    fn digest(&self, parts: &[&str]) -> Identity {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            // With its length, so that the parts cannot be divided in two ways.
            context.update(&part.len().to_le_bytes());
            context.update(part.as_bytes());
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.sign().as_ref());
        Identity(digest)
    }
}

/// A map from identities to values and their size in bytes. The least recently used go first.
pub struct IdentityMap<V>(Mutex<CLruCache<Identity, (V, usize), RandomState, Size>>);

impl<V: Clone> IdentityMap<V> {
    /// Creates an empty map for values of so many bytes in all.
    pub fn new(max_bytes: usize) -> Self {
        let capacity = NonZeroUsize::MIN.saturating_add(max_bytes);
        let least = max_bytes / MAX_ENTRIES;
        Self(Mutex::new(CLruCache::with_scale(capacity, Size(least))))
    }

    /// The value of this identity.
    pub fn get(&self, identity: &Identity) -> Option<V> {
        lock(&self.0).get(identity).map(|(value, _)| value.clone())
    }

    /// Stores a value of this size.
    pub fn put(&self, identity: Identity, value: V, size: usize) {
        // Fails if it is larger than the whole map may be.
        let _ = lock(&self.0).put_with_weight(identity, (value, size));
    }

    /// Changes a small value, which is created if there is none.
    pub fn update<R>(&self, identity: Identity, change: impl FnOnce(&mut V) -> R) -> R
    where
        V: Default,
    {
        let mut map = lock(&self.0);
        let (mut value, size) = map.pop(&identity).unwrap_or_default();
        let result = change(&mut value);
        let _ = map.put_with_weight(identity, (value, size));
        result
    }

    /// Removes a value.
    pub fn remove(&self, identity: &Identity) {
        lock(&self.0).pop(identity);
    }

    /// How many identities have a value.
    pub fn len(&self) -> usize {
        lock(&self.0).len()
    }
}

/// Weighs an entry by its size, which counts as this at least, so that no more than [`MAX_ENTRIES`] fit.
struct Size(usize);

impl<V> WeightScale<Identity, (V, usize)> for Size {
    fn weight(&self, _: &Identity, (_, size): &(V, usize)) -> usize {
        self.0.max(*size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::ClientSecret;

    #[test]
    fn an_identity_is_the_whole_request() {
        let identities = Identities::new().unwrap();
        let identity = |(id, secret, parameters): (&str, &str, &str)| {
            identities.request(&TokenRequest {
                credentials: ClientCredentials {
                    id: ClientId(id.to_owned()),
                    secret: ClientSecret::new(secret.to_owned()),
                },
                parameters: parameters.to_owned(),
            })
        };
        let all = [
            ("i", "s", ""),
            ("is", "", ""),
            ("i", "", "s"),
            ("I", "s", ""),
            ("i", "s", "scope=a"),
            ("i", "s", "scope=b"),
            ("i", "s", "a=1&b=2"),
            ("i", "s", "b=2&a=1"),
        ];
        let all = all.map(identity).map(|Identity(digest)| digest);
        for (at, digest) in all.iter().enumerate() {
            assert!(!all[at + 1..].contains(digest), "{at}");
        }
    }

    #[test]
    fn spellings_of_a_client_id_count_as_one() {
        let identities = Identities::new().unwrap();
        let client = |id: &str| identities.client(&ClientId(id.to_owned())).0;
        for spelling in ["Some-ÄId", "SOME-ÄID ", "\t some-äid\n"] {
            assert_eq!(client(spelling), client("some-äid"), "{spelling:?}");
        }
        assert_ne!(client("some-id"), client("some-äid"));
    }

    fn identity(number: usize) -> Identity {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_le_bytes());
        Identity(digest)
    }

    #[test]
    fn entries_are_bounded_in_number() {
        let map = IdentityMap::new(1024 * 1024);
        for number in 0..25_000 {
            map.put(identity(number), number, 1);
        }
        let most = MAX_ENTRIES;
        assert!((most - 100..=most).contains(&map.len()), "{}", map.len());
        assert_eq!(map.get(&identity(24_999)), Some(24_999));
        assert_eq!(map.get(&identity(0)), None);
    }

    #[test]
    fn entries_are_bounded_in_bytes_and_the_least_recently_used_go_first() {
        let map = IdentityMap::new(1_000_000);
        for number in 0..3_000 {
            map.put(identity(number), number, 30_000);
            assert_eq!(map.get(&identity(0)), Some(0));
        }
        assert_eq!(map.get(&identity(1)), None);
        assert!((32..=33).contains(&map.len()), "{}", map.len());
        map.put(identity(1), 1, 2_000_000);
        assert_eq!(map.get(&identity(1)), None);
    }
}
