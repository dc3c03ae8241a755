//! A token as it is on disk: versioned JSON, and every reason not to believe it. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::fingerprint::Fingerprint;
use super::key::Key;
use crate::oauth::Token;
use crate::secret::AccessToken;
use crate::time::Timestamp;

/// Part of what users may rely on: another version is a miss.
const VERSION: u32 = 1;

/// How far ahead of this machine's clock a date may be before it is not believed.
pub(super) const CLOCK_TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// A cached token, and whose secret it was got with.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The token.
    pub token: Token,
    /// Of the secret.
    pub fingerprint: Fingerprint,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    token_url: String,
    client_id: String,
    fingerprint: Fingerprint,
    obtained_at: Timestamp,
    expires_at: Timestamp,
    /// The server's members, `access_token` among them.
    response: Map<String, Value>,
}

/// Whose token an entry holds, for who is about to delete it and so need not believe it.
pub fn identity(bytes: &[u8]) -> Option<(String, String, Timestamp)> {
    let stored: Stored = serde_json::from_slice(bytes).ok()?;
    Some((stored.client_id, stored.token_url, stored.expires_at))
}

impl Entry {
    /// The bytes of the file. Empty, and so a miss, for a token of unknown life.
    pub fn to_bytes(&self, key: &Key) -> Zeroizing<Vec<u8>> {
        let token = &self.token;
        let Some(expires_at) = token.expires_at else {
            return Zeroizing::default();
        };
        let mut response = token.members.clone();
        response.insert("access_token".into(), token.access_token.expose().into());
        let stored = Stored {
            version: VERSION,
            token_url: key.token_url.clone(),
            client_id: key.client_id.clone(),
            fingerprint: self.fingerprint.clone(),
            obtained_at: token.obtained_at,
            expires_at,
            response,
        };
        Zeroizing::new(serde_json::to_vec(&stored).unwrap_or_default())
    }

    /// Reads the bytes of the file.
    ///
    /// # Errors
    /// Why it cannot be trusted.
    pub fn parse(bytes: &[u8], key: &Key, now: Timestamp) -> Result<Self, &'static str> {
        let stored: Stored =
            serde_json::from_slice(bytes).map_err(|_| "it is not an entry of this version")?;
        if stored.version != VERSION {
            return Err("it is not an entry of this version");
        }
        if stored.token_url != key.token_url || stored.client_id != key.client_id {
            return Err("it is another identity's");
        }
        if stored.obtained_at > now.plus(CLOCK_TOLERANCE) || stored.expires_at < stored.obtained_at
        {
            return Err("its dates cannot be right");
        }
        let mut members = stored.response;
        let access_token = match members.get_mut("access_token").map(Value::take) {
            Some(Value::String(text)) => AccessToken::parse(&text),
            _ => None,
        };
        Ok(Self {
            token: Token {
                access_token: access_token.ok_or("its token is not a b64token")?,
                members,
                obtained_at: stored.obtained_at,
                expires_at: Some(stored.expires_at),
            },
            fingerprint: stored.fingerprint,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::oauth::{ClientId, TokenEndpoint};
    use crate::secret::ClientSecret;

    fn key() -> Key {
        let endpoint = TokenEndpoint::parse("https://host.invalid/t", "--token-url", false);
        Key::new(&endpoint.unwrap(), &ClientId("id".to_owned()))
    }

    fn entry(token: &str, extra: &str, obtained_at: i64, lifetime: i64) -> Entry {
        let members = [
            ("z".to_owned(), Value::from(extra)),
            ("access_token".to_owned(), Value::Null),
        ];
        Entry {
            token: Token {
                access_token: AccessToken::parse(token).unwrap(),
                members: Map::from_iter(members),
                obtained_at: obtained_at.into(),
                expires_at: Some((obtained_at + lifetime).into()),
            },
            fingerprint: Fingerprint::of(&ClientSecret::new("s3cret".to_owned())).unwrap(),
        }
    }

    #[test]
    fn what_cannot_be_trusted_is_not_read() {
        let now = Timestamp::from(1000);
        let bytes = entry("t", "x", 1000, 60).to_bytes(&key());
        let good = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(Entry::parse(good.as_bytes(), &key(), now).is_ok());
        for (name, from, to) in [
            ("another version", "\"version\":1", "\"version\":2"),
            ("another URL", "host.invalid", "else.invalid"),
            (
                "another client",
                "\"client_id\":\"id\"",
                "\"client_id\":\"ID\"",
            ),
            (
                "no b64token",
                "\"access_token\":\"t\"",
                "\"access_token\":\"t\\n\"",
            ),
            (
                "no token",
                "\"access_token\":\"t\"",
                "\"access_token\":null",
            ),
            (
                "obtained tomorrow",
                "\"obtained_at\":1000000",
                "\"obtained_at\":1300001",
            ),
            (
                "over before it began",
                "\"expires_at\":1060000",
                "\"expires_at\":999999",
            ),
            ("half of it", "\"response\"", ""),
        ] {
            let changed = good.replace(from, to);
            assert_ne!(changed, good, "{name}");
            assert!(
                Entry::parse(changed.as_bytes(), &key(), now).is_err(),
                "{name}: {changed}"
            );
        }
        let five_minutes_ahead = good
            .replace("\"obtained_at\":1000000", "\"obtained_at\":1300000")
            .replace("\"expires_at\":1060000", "\"expires_at\":1300000");
        assert!(Entry::parse(five_minutes_ahead.as_bytes(), &key(), now).is_ok());
    }

    #[test]
    fn a_token_of_unknown_life_is_not_kept() {
        let mut entry = entry("t", "x", 1000, 60);
        entry.token.expires_at = None;
        assert!(entry.to_bytes(&key()).is_empty());
    }

    proptest! {
        #[test]
        fn an_entry_survives_its_bytes(
            token in "[A-Za-z0-9._~+/-]{1,40}={0,2}", extra in "\\PC{0,20}", obtained_at in 0_i64..4_000_000_000,
            lifetime in 0_i64..1_000_000,
        ) {
            let written = entry(&token, &extra, obtained_at, lifetime);
            let bytes = written.to_bytes(&key());
            let read = Entry::parse(&bytes, &key(), obtained_at.into()).unwrap();
            prop_assert_eq!(read.token.access_token.expose(), token);
            prop_assert_eq!(&read.token.members, &written.token.members);
            prop_assert_eq!(read.token.obtained_at, written.token.obtained_at);
            prop_assert_eq!(read.token.expires_at, written.token.expires_at);
            prop_assert_eq!(read.fingerprint, written.fingerprint);
            let (client_id, token_url, expires_at) = identity(&bytes).unwrap();
            prop_assert_eq!((&client_id[..], &token_url[..]), ("id", "https://host.invalid/t"));
            prop_assert_eq!(Some(expires_at), read.token.expires_at);
        }

        #[test]
        fn no_bytes_are_too_odd(bytes: Vec<u8>, now in -5_i64..5_000_000_000) {
            prop_assert!(Entry::parse(&bytes, &key(), now.into()).is_err());
            prop_assert!(identity(&bytes).is_none());
        }

        #[test]
        fn damage_gives_no_token_that_is_none(at: prop::sample::Index, byte: u8, cut: bool) {
            let mut bytes = entry("token", "extra", 1000, 60).to_bytes(&key()).to_vec();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if cut {
                bytes.truncate(at);
            }
            if let Ok(entry) = Entry::parse(&bytes, &key(), 1000.into()) {
                let token = entry.token.access_token.expose();
                prop_assert!(AccessToken::parse(token).is_some());
                prop_assert!(!cut, "half an entry was read");
            }
        }
    }
}
