//! A token that was given before, as it is given again: in the form it came in, with what is left of its life. Pure.

use hyper::body::Bytes;
use hyper::header::HeaderValue;
use serde_json::{Map, Value};

use crate::oauth::{Response, Token};
use crate::time::Timestamp;

/// How the service put it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// A JSON object, as RFC 6749 §5.1 has it.
    Object,
    /// The same encoded in a JSON string: the vendor's `{ String }`.
    Encoded,
    /// The token as a JSON string.
    BareString,
    /// The token as text.
    BareText,
}

/// A token, and how the service put it.
pub struct Kept {
    /// The token.
    pub token: Token,
    form: Form,
    content_type: Option<HeaderValue>,
}

impl Kept {
    /// As `response` brought it.
    pub fn new(token: Token, response: &Response) -> Self {
        let content_type = response.content_type.as_deref();
        let body = std::str::from_utf8(&response.body).unwrap_or_default();
        let is_bare = |text: &str| text.trim() == token.access_token.expose();
        let form = match serde_json::from_str(body.trim_start_matches('\u{feff}').trim()) {
            Ok(Value::String(text)) if is_bare(&text) => Form::BareString,
            Ok(Value::String(_)) => Form::Encoded,
            Err(_) if is_bare(body) => Form::BareText,
            _ => Form::Object,
        };
        Self {
            token,
            form,
            content_type: content_type.and_then(|text| text.parse().ok()),
        }
    }

    /// Out of the cache on disk, which does not say how the service put it.
    pub fn from_disk(token: Token) -> Self {
        Self {
            token,
            form: Form::Object,
            content_type: Some(HeaderValue::from_static("application/json")),
        }
    }

    /// What the body is.
    pub fn content_type(&self) -> Option<HeaderValue> {
        self.content_type.clone()
    }

    /// The body.
    pub fn body(&self, now: Timestamp) -> Bytes {
        let access_token = self.token.access_token.expose();
        match self.form {
            Form::Object => Value::Object(self.members(now)).to_string(),
            Form::Encoded => {
                Value::String(Value::Object(self.members(now)).to_string()).to_string()
            }
            Form::BareString => Value::from(access_token).to_string(),
            Form::BareText => access_token.to_owned(),
        }
        .into()
    }

    /// What the service said; a lifetime, if it told one, is what remains of it.
    fn members(&self, now: Timestamp) -> Map<String, Value> {
        let token = &self.token;
        let mut members = token.members.clone();
        members.insert("access_token".into(), token.access_token.expose().into());
        let remaining = token.remaining(now).map(|remaining| remaining.as_secs());
        match (members.get_mut("expires_in"), remaining) {
            (Some(expires_in @ Value::Number(_)), Some(seconds)) => *expires_in = seconds.into(),
            (Some(expires_in @ Value::String(_)), Some(seconds)) => {
                *expires_in = seconds.to_string().into();
            }
            _ => {}
        }
        members
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::secret::AccessToken;

    /// What an answer with this body is a hundred and some seconds later.
    fn later(body: &str, members: &str) -> String {
        let members: Map<_, _> = serde_json::from_str(members).unwrap();
        let token = Token {
            access_token: AccessToken::parse("a.b.c").unwrap(),
            members,
            obtained_at: 1000.into(),
            expires_at: Some(Timestamp::from(4600)),
        };
        let response = Response {
            body: body.into(),
            ..Response::default()
        };
        let now = Timestamp::from(1100).plus(Duration::from_millis(500));
        let body = Kept::new(token, &response).body(now);
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[test]
    fn it_is_given_again_in_the_form_it_came_in() {
        for (members, again) in [
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
                r#"{"access_token":null,"expires_in":null}"#,
                r#"{"access_token":"a.b.c","expires_in":null}"#,
            ),
        ] {
            let body = members.replacen("null", "\"a.b.c\"", 1);
            assert_eq!(later(&body, members), again);
            let encoded = |text: &str| Value::from(text).to_string();
            assert_eq!(later(&encoded(&body), members), encoded(again));
        }
        let members = r#"{"access_token":null}"#;
        assert_eq!(later(" \"a.b.c\"\n", members), "\"a.b.c\"");
        assert_eq!(later("a.b.c\n", members), "a.b.c");
    }
}
