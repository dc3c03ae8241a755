//! A token in memory, given again in the form the upstream chose, with the lifetime that remains. Pure.

use std::mem;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use hyper::header::{AGE, HeaderValue};
use serde_json::{Map, Value};

use super::outcome::Caller;
use super::response::{self, JSON, Response};
use crate::oauth::{self, Freshness, MinTtl, Token};
use crate::secret::ClientSecret;
use crate::time::Timestamp;

/// How the upstream wrote its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// A JSON object (RFC 6749 §5.1).
    Object,
    /// A JSON object encoded in a JSON string: the vendor's `{ String }`.
    EncodedObject,
    /// The token as a JSON string.
    BareString,
    /// The token as text.
    BareText,
}

/// A value that is inserted when the object is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hole {
    AccessToken,
    ExpiresIn,
}

/// A token and how to write it.
pub struct CachedToken {
    /// Without its members, which are in `object`.
    token: Token,
    /// The JSON object without the values below.
    object: String,
    /// Where in `object` they belong.
    holes: Vec<(usize, Hole)>,
    form: Form,
    content_type: Option<HeaderValue>,
    /// When this was created, on both clocks.
    created: (Timestamp, Instant),
}

impl CachedToken {
    /// The token of `response`, or one from the disk cache, which does not know how the upstream wrote it.
    pub fn new(mut token: Token, response: Option<&oauth::Response>, now: Timestamp) -> Self {
        let form = response.map_or(Form::Object, |response| Form::of(response, &token));
        let content_type = match response {
            Some(response) => response
                .content_type
                .as_deref()
                .and_then(|text| text.parse().ok()),
            None => Some(JSON),
        };
        let mut members = mem::take(&mut token.members);
        // Where an answer was a bare token, there are no members.
        members.entry("access_token").or_insert(Value::Null);
        let (object, holes) = write_object(members, token.expires_at.is_some());
        Self {
            token,
            object,
            holes,
            form,
            content_type,
            created: (now, Instant::now()),
        }
    }

    /// Whether it holds the same access token as `token`.
    pub fn is_same(&self, token: &Token) -> bool {
        self.token.access_token.expose() == token.access_token.expose()
    }

    /// Whether `secret` is in the access token as it is.
    pub fn contains(&self, secret: &ClientSecret) -> bool {
        self.token.access_token.expose().contains(secret.expose())
    }

    /// Memory it takes, in bytes.
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.object.len() + self.token.access_token.expose().len()
    }

    /// What it is good for.
    pub fn freshness(&self, min_ttl: MinTtl, now: Timestamp) -> Freshness {
        self.token.freshness(min_ttl, self.not_set_back(now))
    }

    /// Whether it has not expired.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        !self.remaining(now).unwrap_or_default().is_zero()
    }

    fn remaining(&self, now: Timestamp) -> Option<Duration> {
        self.token.remaining(self.not_set_back(now))
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
            Caller::Client => self.content_type.clone(),
            Caller::Key(_) => Some(JSON),
        };
        response::bytes(StatusCode::OK, content_type, self.body(caller, now))
    }

    fn body(&self, caller: Caller<'_>, now: Timestamp) -> String {
        let object = self.object(now);
        let access_token = self.token.access_token.expose();
        match (caller, self.form) {
            (Caller::Key(_), _) | (_, Form::Object) => object,
            (_, Form::EncodedObject) => Value::from(object).to_string(),
            (_, Form::BareString) => Value::from(access_token).to_string(),
            (_, Form::BareText) => access_token.to_owned(),
        }
    }

    /// Adds the Age header (RFC 9111 §5.1).
    pub fn add_age(&self, response: &mut Response, now: Timestamp) {
        let age = self.not_set_back(now).since(self.token.obtained_at);
        response.headers_mut().insert(AGE, age.as_secs().into());
    }

    fn object(&self, now: Timestamp) -> String {
        let access_token = self.token.access_token.expose();
        let expires_in = self.remaining(now).unwrap_or_default().as_secs();
        let mut text = String::with_capacity(self.object.len() + access_token.len() + 20);
        let mut from = 0;
        for (at, hole) in &self.holes {
            text += &self.object[from..*at];
            match hole {
                Hole::AccessToken => text += access_token,
                Hole::ExpiresIn => text += &expires_in.to_string(),
            }
            from = *at;
        }
        text + &self.object[from..]
    }
}

/// The JSON text of `members` with its holes: the access token, and `expires_in` if the lifetime is known.
fn write_object(
    members: Map<String, Value>,
    is_lifetime_known: bool,
) -> (String, Vec<(usize, Hole)>) {
    let mut object = "{".to_owned();
    let mut holes = Vec::new();
    for (name, value) in members {
        if object.len() > 1 {
            object.push(',');
        }
        object += &Value::from(name.as_str()).to_string();
        object.push(':');
        let quoted = object.len() + 1;
        match (name.as_str(), value) {
            ("access_token", _) => {
                holes.push((quoted, Hole::AccessToken));
                object += "\"\"";
            }
            ("expires_in", Value::String(_)) if is_lifetime_known => {
                holes.push((quoted, Hole::ExpiresIn));
                object += "\"\"";
            }
            ("expires_in", Value::Number(_)) if is_lifetime_known => {
                holes.push((object.len(), Hole::ExpiresIn));
            }
            (_, value) => object += &value.to_string(),
        }
    }
    object.push('}');
    (object, holes)
}

impl Form {
    fn of(response: &oauth::Response, token: &Token) -> Self {
        let body = std::str::from_utf8(&response.body).unwrap_or_default();
        let is_bare = |text: &str| text.trim() == token.access_token.expose();
        match serde_json::from_str(body.trim_start_matches('\u{feff}').trim()) {
            Ok(Value::String(text)) if is_bare(&text) => Self::BareString,
            Ok(Value::String(_)) => Self::EncodedObject,
            Err(_) if is_bare(body) => Self::BareText,
            _ => Self::Object,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::AccessToken;

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
        [Caller::Client, Caller::Key(&secret)].map(|caller| cached.body(caller, now))
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
                r#"{"access_token":null,"\"é":{"expires_in":1},"expires_in":null}"#,
                r#"{"access_token":"a.b.c","\"é":{"expires_in":1},"expires_in":null}"#,
            ),
        ] {
            let body = members.replacen("null", "\"a.b.c\"", 1);
            assert_eq!(later(&body, members), [object; 2]);
            let encoded = |text: &str| Value::from(text).to_string();
            let expected = [encoded(object), object.to_owned()];
            assert_eq!(later(&encoded(&body), members), expected);
        }
        let (members, object) = (r#"{"access_token":null}"#, r#"{"access_token":"a.b.c"}"#);
        assert_eq!(later(" \"a.b.c\"\n", members), ["\"a.b.c\"", object]);
        assert_eq!(later("a.b.c\n", members), ["a.b.c", object]);
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_lengthen_a_life() {
        let members = r#"{"access_token":null,"expires_in":3600}"#;
        let cached = cached("{}", members, 4599.into());
        assert!(cached.is_alive(4599.into()));
        assert_eq!(cached.remaining(1000.into()), cached.remaining(4599.into()));
        let since = Instant::now();
        while cached.is_alive(0.into()) {
            assert!(since.elapsed() < Duration::from_secs(5));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
