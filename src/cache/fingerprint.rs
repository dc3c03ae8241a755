//! Tells whether two secrets are the same without keeping either: HMAC-SHA-256 (RFC 2104) under a
//! random salt, a new one for each file written.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};

use crate::secret::ClientSecret;

const SALT_LENGTH: usize = 16;

/// A secret's, and of whatever else must be the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    salt: String,
    hmac: String,
}

impl Fingerprint {
    /// Of `secret`, under a new salt. `None` if the system has no randomness to give.
    pub fn of(secret: &ClientSecret) -> Option<Self> {
        let mut salt = [0; SALT_LENGTH];
        SystemRandom::new().fill(&mut salt).ok()?;
        let hmac = hmac::sign(&key(&salt), secret.expose().as_bytes());
        Some(Self {
            salt: BASE64_STANDARD.encode(salt),
            hmac: BASE64_STANDARD.encode(hmac),
        })
    }

    /// Whether it is `secret`'s; compares in constant time.
    pub fn matches(&self, secret: &ClientSecret) -> bool {
        match (
            BASE64_STANDARD.decode(&self.salt),
            BASE64_STANDARD.decode(&self.hmac),
        ) {
            (Ok(salt), Ok(tag)) if salt.len() == SALT_LENGTH => {
                hmac::verify(&key(&salt), secret.expose().as_bytes(), &tag).is_ok()
            }
            _ => false,
        }
    }
}

fn key(salt: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, salt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_secret_matches() {
        let secret = |text: &str| ClientSecret::new(text.to_owned());
        let fingerprint = Fingerprint::of(&secret("one")).unwrap();
        assert!(fingerprint.matches(&secret("one")));
        assert!(!fingerprint.matches(&secret("two")));
        assert_ne!(
            Fingerprint::of(&secret("one")).unwrap(),
            fingerprint,
            "the salt is new each time"
        );
        let damaged = Fingerprint {
            salt: String::new(),
            ..fingerprint
        };
        assert!(!damaged.matches(&secret("one")));
        let short_salt = Fingerprint {
            salt: BASE64_STANDARD.encode("x"),
            hmac: BASE64_STANDARD.encode(hmac::sign(&key(b"x"), b"one")),
        };
        assert!(!short_salt.matches(&secret("one")), "no salt of ours");
    }
}
