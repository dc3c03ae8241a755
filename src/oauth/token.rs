//! A token in memory: what a successful response (RFC 6749 §5.1) said, and when.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::secret::AccessToken;
use crate::time::Timestamp;

/// An access token and everything the server said with it.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token itself.
    pub access_token: AccessToken,
    /// The members of the response in their order; `access_token` keeps its place, without its value.
    pub members: Map<String, Value>,
    /// The moment before the request was sent.
    pub obtained_at: Timestamp,
    /// When it stops being accepted; `None` if the server did not say.
    pub expires_at: Option<Timestamp>,
}

impl Token {
    /// How long it is still accepted; `None` if unknown.
    pub fn remaining(&self, now: Timestamp) -> Option<Duration> {
        self.expires_at.map(|expires_at| expires_at.since(now))
    }
}
