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
