//! JSON with a seal: an HMAC-SHA-256 (RFC 2104) over everything in it, keyed by the client secret. It proves which
//! secret the content belongs to and that no bit of it has changed; nothing else on disk is derived from the secret.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::secret::ClientSecret;

/// What precedes the seal. The version is public API: another one is a miss.
const HEAD: &str = r#"{"version":2,"seal":""#;

/// Length of the seal, 32 bytes in base64.
const SEAL_LENGTH: usize = 43;

/// Length of the salt, in bytes.
const SALT_LENGTH: usize = 16;

/// A sealed JSON object: `{"version":2,"seal":"…","salt":"…",` and the members of its content.
#[derive(Clone)]
pub struct SealedJson(Vec<u8>);

impl SealedJson {
    /// Seals the JSON object that `content` serializes to; `None` if the system has no random numbers.
    pub fn seal(content: &impl Serialize, secret: &ClientSecret) -> Option<Self> {
        let mut salt = [0; SALT_LENGTH];
        SystemRandom::new().fill(&mut salt).ok()?;
        let salt = BASE64_STANDARD_NO_PAD.encode(salt);
        let content = serde_json::to_string(content).ok()?;
        let sealed = format!(r#"","salt":"{salt}",{}"#, content.strip_prefix('{')?);
        let seal = BASE64_STANDARD_NO_PAD.encode(hmac::sign(&key(secret), sealed.as_bytes()));
        Some(Self(format!("{HEAD}{seal}{sealed}").into_bytes()))
    }

    /// Takes bytes that have the form of sealed JSON. Whether the seal is right is not known yet.
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        let sealed = Self(bytes);
        sealed.parts().is_some().then_some(sealed)
    }

    /// What is written to the disk.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The content; `None` if it has another form.
    pub fn content<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.0).ok()
    }

    /// Whether it was sealed with this secret and is unchanged. Takes the same time wherever the seals differ.
    pub fn is_sealed_with(&self, secret: &ClientSecret) -> bool {
        self.parts().is_some_and(|(seal, sealed)| {
            let seal = BASE64_STANDARD_NO_PAD.decode(seal).unwrap_or_default();
            hmac::verify(&key(secret), sealed, &seal).is_ok()
        })
    }

    /// The seal, and all that it covers.
    fn parts(&self) -> Option<(&[u8], &[u8])> {
        self.0
            .strip_prefix(HEAD.as_bytes())?
            .split_at_checked(SEAL_LENGTH)
    }
}

/// Shows nothing: the content may hold a token.
impl fmt::Debug for SealedJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedJson([redacted])")
    }
}

fn key(secret: &ClientSecret) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn secret(text: &str) -> ClientSecret {
        ClientSecret::new(text.to_owned())
    }

    fn sealed() -> SealedJson {
        let content = BTreeMap::from([("token", "x")]);
        SealedJson::seal(&content, &secret("one")).unwrap()
    }

    #[test]
    fn the_seal_fits_one_secret_alone() {
        let sealed = sealed();
        for (text, expected) in [("one", true), ("two", false), ("One", false), ("", false)] {
            assert_eq!(sealed.is_sealed_with(&secret(text)), expected, "{text}");
        }
    }

    #[test]
    fn the_salt_is_new_each_time() {
        assert_ne!(sealed().as_bytes(), sealed().as_bytes());
    }

    #[test]
    fn a_flipped_bit_anywhere_breaks_the_seal() {
        let bytes = sealed().0;
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let read = SealedJson::from_bytes(changed);
            assert!(
                !read.is_some_and(|read| read.is_sealed_with(&secret("one"))),
                "bit {bit}"
            );
        }
    }

    #[test]
    fn cut_or_longer_bytes_break_the_seal() {
        let bytes = sealed().0;
        for length in 0..bytes.len() {
            let read = SealedJson::from_bytes(bytes[..length].to_vec());
            assert!(
                !read.is_some_and(|read| read.is_sealed_with(&secret("one"))),
                "{length}"
            );
        }
        let longer = SealedJson([&bytes[..], b" "].concat());
        assert!(!longer.is_sealed_with(&secret("one")));
    }

    #[test]
    fn it_is_json_with_the_members_of_its_content() {
        let sealed = sealed();
        let members: BTreeMap<String, serde_json::Value> = sealed.content().unwrap();
        assert_eq!(members["version"], 2);
        assert_eq!(members["token"], "x");
        assert_eq!(members.len(), 4, "{members:?}");
    }

    /// Part of the documented file format, computed with openssl.
    #[test]
    fn the_seal_is_an_hmac_of_all_that_follows_it() {
        let sealed = r#"","salt":"AAAAAAAAAAAAAAAAAAAAAA","token":"x"}"#;
        let bytes =
            format!("{HEAD}jg3vPnV/tyG9uIpzokfAAj5HKSWSulVvjk+ZDNt1ekA{sealed}").into_bytes();
        assert!(SealedJson(bytes).is_sealed_with(&secret("one")));
    }
}
