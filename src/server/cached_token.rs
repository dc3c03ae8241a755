//! A token in memory, given again in the form the upstream chose, with the lifetime that remains. Pure.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

use super::outcome::Caller;
use super::response::{self, ErrorObject, JSON};
use crate::oauth::{self, Freshness, MinTtl, Token};
use crate::time::Timestamp;

const EXPIRES_IN: &str = "expires_in";

/// How the upstream wrote its answer.
enum Form {
    /// A JSON object (RFC 6749 §5.1).
    Object,
    /// A JSON object encoded in a JSON string: the vendor's `{ String }`.
    EncodedObject,
    /// These bytes, which do not say how long the token lives.
    Verbatim(Bytes),
}

/// A token and how to write it.
pub struct CachedToken {
    token: Token,
    form: Form,
    content_type: Option<String>,
    /// When this was created, on both clocks.
    created: (Timestamp, Instant),
}

impl CachedToken {
    /// The token of `answer`, or one from the disk cache, which does not know how the upstream wrote it.
    pub fn new(token: Token, answer: Option<&oauth::Response>, now: Timestamp) -> Self {
        let says_lifetime = token.expires_at.is_some() && token.members.contains_key(EXPIRES_IN);
        let form = match answer {
            Some(answer) if !says_lifetime => Form::Verbatim(answer.body.clone().into()),
            Some(answer) if answer.utf8().is_some_and(|text| text.starts_with('"')) => {
                Form::EncodedObject
            }
            _ => Form::Object,
        };
        Self {
            token,
            form,
            content_type: answer.map_or(Some(JSON.to_owned()), |it| it.content_type.clone()),
            created: (now, Instant::now()),
        }
    }

    /// Memory it takes, in bytes.
    pub fn size(&self) -> usize {
        let verbatim = match &self.form {
            Form::Verbatim(bytes) => bytes.len(),
            _ => 0,
        };
        size_of::<Self>() + self.object(self.created.0).len() + verbatim
    }

    /// What it is good for.
    pub fn freshness(&self, min_ttl: MinTtl, now: Timestamp) -> Freshness {
        self.token.freshness(min_ttl, self.not_set_back(now))
    }

    /// How long it remains valid; zero if that is unknown.
    pub fn remaining(&self, now: Timestamp) -> Duration {
        let remaining = self.token.remaining(self.not_set_back(now));
        remaining.unwrap_or_default()
    }

    /// How long ago the upstream issued it, in seconds (RFC 9111 §5.1).
    pub fn age(&self, now: Timestamp) -> u64 {
        let age = self.not_set_back(now).since(self.token.obtained_at);
        age.as_secs()
    }

    /// `now`, but at least as much later than the creation as the monotonic clock says: setting the calendar clock
    /// back must not make a token live longer.
    fn not_set_back(&self, now: Timestamp) -> Timestamp {
        let (timestamp, instant) = self.created;
        now.max(timestamp.plus(instant.elapsed()))
    }

    /// The response. A caller with a key gets our own JSON object instead of the upstream's form and Content-Type.
    pub fn response(&self, caller: Caller<'_>, now: Timestamp) -> Response {
        let content_type = match caller {
            Caller::Key(secret) if self.token.access_token.expose().contains(secret.expose()) => {
                let why = "the access token contains the client secret";
                return ErrorObject::new(StatusCode::BAD_GATEWAY, why).into_response();
            }
            Caller::Key(_) => Some(JSON),
            Caller::Client => self.content_type.as_deref(),
        };
        response::bytes(StatusCode::OK, content_type, self.body(caller, now))
    }

    fn body(&self, caller: Caller<'_>, now: Timestamp) -> Bytes {
        match (caller, &self.form) {
            (Caller::Client, Form::Verbatim(bytes)) => bytes.clone(),
            (Caller::Client, Form::EncodedObject) => {
                Value::from(self.object(now)).to_string().into()
            }
            _ => self.object(now).into(),
        }
    }

    fn object(&self, now: Timestamp) -> String {
        let mut members = self.token.members.clone();
        let access_token = self.token.access_token.expose();
        members.insert("access_token".to_owned(), access_token.into());
        if self.token.expires_at.is_some()
            && let Some(lifetime) = members.get_mut(EXPIRES_IN)
        {
            let seconds = self.remaining(now).as_secs();
            *lifetime = match lifetime {
                Value::String(_) => seconds.to_string().into(),
                _ => seconds.into(),
            };
        }
        Value::Object(members).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{AccessToken, ClientSecret};

    fn cached(body: &str, members: &str, now: Timestamp) -> CachedToken {
        let token = Token {
            access_token: AccessToken::parse("a.b.c").unwrap(),
            members: serde_json::from_str(members).unwrap(),
            obtained_at: 1000.into(),
            expires_at: Some(Timestamp::from(4600)),
        };
        let response = oauth::Response {
            body: body.into(),
            ..oauth::Response::default()
        };
        CachedToken::new(token, Some(&response), now)
    }

    /// The body for a client and for a caller with a key, a hundred and some seconds later.
    fn later(body: &str, members: &str) -> [String; 2] {
        let cached = cached(body, members, 1000.into());
        let secret = ClientSecret::new("s".to_owned());
        let now = Timestamp::from(1100).plus(Duration::from_millis(500));
        let body = |caller| String::from_utf8(cached.body(caller, now).into()).unwrap();
        [Caller::Client, Caller::Key(&secret)].map(body)
    }

    #[test]
    fn a_token_keeps_the_form_of_its_answer_and_a_caller_with_a_key_gets_an_object() {
        for (members, object) in [
            (
                r#"{"x":1.50,"access_token":null,"expires_in":3600,"scope":"s"}"#,
                r#"{"x":1.50,"access_token":"a.b.c","expires_in":3499,"scope":"s"}"#,
            ),
            (
                r#"{"access_token":null,"expires_in":"3600"}"#,
                r#"{"access_token":"a.b.c","expires_in":"3499"}"#,
            ),
            (r#"{"access_token":null}"#, r#"{"access_token":"a.b.c"}"#),
            (
                r#"{"access_token":null,"\"é":{"expires_in":1}}"#,
                r#"{"access_token":"a.b.c","\"é":{"expires_in":1}}"#,
            ),
        ] {
            let body = members.replacen("null", "\"a.b.c\"", 1);
            assert_eq!(later(&body, members), [object; 2]);
            let encoded = |text: &str| Value::from(text).to_string();
            let expected = [encoded(object), object.to_owned()];
            assert_eq!(later(&encoded(&body), members), expected);
        }
        let (members, object) = (r#"{"access_token":null}"#, r#"{"access_token":"a.b.c"}"#);
        for bare in [" \"a.b.c\"\n", "a.b.c\n"] {
            assert_eq!(later(bare, members), [bare, object]);
        }
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_lengthen_a_life() {
        let members = r#"{"access_token":null,"expires_in":3600}"#;
        let cached = cached("{}", members, 4599.into());
        assert!(!cached.remaining(4599.into()).is_zero());
        assert_eq!(cached.remaining(1000.into()), cached.remaining(4599.into()));
        let since = Instant::now();
        while !cached.remaining(0.into()).is_zero() {
            assert!(since.elapsed() < Duration::from_secs(5));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
