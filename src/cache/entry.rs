//! A cached token as sealed JSON, and every reason not to trust one. Pure.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::CLOCK_TOLERANCE;
use super::key::Key;
use super::sealed::SealedJson;
use crate::oauth::Token;
use crate::secret::{AccessToken, ClientSecret};
use crate::time::Timestamp;

/// A cached token.
#[derive(Debug)]
pub struct Entry {
    /// The token.
    pub token: Token,
    /// The bytes it was read from, to find out which secret they are sealed with.
    pub sealed: SealedJson,
}

/// The content of an entry.
#[derive(Serialize, Deserialize)]
struct Content {
    token_url: String,
    client_id: String,
    obtained_at: Timestamp,
    expires_at: Timestamp,
    /// The members of the server's response, `access_token` included.
    response: Map<String, Value>,
}

/// What is known of an entry that is about to be removed, and so need not be trusted.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Forgotten {
    /// The client it was issued to.
    pub client_id: String,
    /// The token endpoint that issued it.
    pub token_url: String,
    /// When it expires; until then it stays valid.
    pub expires_at: Timestamp,
}

/// Seals `token`; `None` if it is not known when it expires.
pub fn seal(token: &Token, key: &Key, secret: &ClientSecret) -> Option<SealedJson> {
    let mut response = token.members.clone();
    response.insert("access_token".into(), token.access_token.expose().into());
    let content = Content {
        token_url: key.token_url.clone(),
        client_id: key.client_id.clone(),
        obtained_at: token.obtained_at,
        expires_at: token.expires_at?,
        response,
    };
    SealedJson::seal(&content, secret)
}

impl Entry {
    /// Reads the bytes of an entry. The caller checks the seal, if it has the secret.
    ///
    /// # Errors
    /// Why it cannot be trusted.
    pub fn parse(bytes: Vec<u8>, key: &Key, now: Timestamp) -> Result<Self, &'static str> {
        let unknown = "it is not a cache entry of this version";
        let sealed = SealedJson::from_bytes(bytes).ok_or(unknown)?;
        let content: Content = sealed.content().ok_or(unknown)?;
        if content.token_url != key.token_url || content.client_id != key.client_id {
            return Err("it belongs to another token URL or client id");
        }
        let (obtained_at, expires_at) = (content.obtained_at, content.expires_at);
        if obtained_at > now.plus(CLOCK_TOLERANCE) || expires_at < obtained_at {
            return Err("its dates are implausible");
        }
        let mut members = content.response;
        let access_token = match members.get_mut("access_token").map(Value::take) {
            Some(Value::String(text)) => AccessToken::parse(&text),
            _ => None,
        };
        Ok(Self {
            token: Token {
                access_token: access_token.ok_or("its token is not a b64token")?,
                members,
                obtained_at,
                expires_at: Some(expires_at),
            },
            sealed,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::oauth::{ClientId, TokenEndpoint};

    fn key() -> Key {
        let endpoint = TokenEndpoint::parse("https://host.invalid/t", "--token-url", false);
        Key::new(&endpoint.unwrap(), &ClientId("id".to_owned()))
    }

    fn secret() -> ClientSecret {
        ClientSecret::new("s3cret".to_owned())
    }

    fn token(access_token: &str, extra: &str, obtained_at: i64, lifetime: i64) -> Token {
        let members = [
            ("z".to_owned(), Value::from(extra)),
            ("access_token".to_owned(), Value::Null),
        ];
        Token {
            access_token: AccessToken::parse(access_token).unwrap(),
            members: Map::from_iter(members),
            obtained_at: obtained_at.into(),
            expires_at: Some((obtained_at + lifetime).into()),
        }
    }

    fn bytes(token: &Token) -> Vec<u8> {
        seal(token, &key(), &secret()).unwrap().as_bytes().to_vec()
    }

    /// Also without a secret to check the seal with.
    #[test]
    fn an_entry_that_cannot_be_trusted_is_an_error() {
        let now = Timestamp::from(1000);
        let good = String::from_utf8(bytes(&token("t", "x", 1000, 60))).unwrap();
        for (name, from, to, is_trusted) in [
            ("unchanged", "", "", true),
            ("version 1", r#""version":2"#, r#""version":1"#, false),
            ("another URL", "host.invalid", "else.invalid", false),
            (
                "another client",
                r#""client_id":"id""#,
                r#""client_id":"ID""#,
                false,
            ),
            (
                "no b64token",
                r#""access_token":"t""#,
                r#""access_token":"t\n""#,
                false,
            ),
            (
                "no token",
                r#""access_token":"t""#,
                r#""access_token":null"#,
                false,
            ),
            ("obtained in 5 minutes", ":1000000", ":1300000", false),
            ("obtained later", ":1000000", ":1300001", false),
            (
                "expires before it was obtained",
                ":1060000",
                ":999999",
                false,
            ),
            ("cut", r#""response""#, "", false),
        ] {
            let changed = good.replace(from, to);
            let result = Entry::parse(changed.into_bytes(), &key(), now);
            assert_eq!(result.is_ok(), is_trusted, "{name}");
        }
        let ahead =
            |seconds: i64| Entry::parse(bytes(&token("t", "x", 1000 + seconds, 60)), &key(), now);
        assert!(ahead(300).is_ok());
        assert!(ahead(301).is_err());
    }

    #[test]
    fn a_token_of_unknown_lifetime_is_not_sealed() {
        let mut token = token("t", "x", 1000, 60);
        token.expires_at = None;
        assert!(seal(&token, &key(), &secret()).is_none());
    }

    proptest! {
        #[test]
        fn an_entry_survives_its_bytes(
            access_token in "[A-Za-z0-9._~+/-]{1,40}={0,2}", extra in "\\PC{0,20}",
            obtained_at in 0_i64..4_000_000_000, lifetime in 0_i64..1_000_000,
        ) {
            let written = token(&access_token, &extra, obtained_at, lifetime);
            let read = Entry::parse(bytes(&written), &key(), obtained_at.into()).unwrap();
            prop_assert_eq!(read.token.access_token.expose(), access_token);
            prop_assert_eq!(&read.token.members, &written.members);
            prop_assert_eq!(read.token.obtained_at, written.obtained_at);
            prop_assert_eq!(read.token.expires_at, written.expires_at);
            prop_assert!(read.sealed.is_sealed_with(&secret()));
            let forgotten: Forgotten = read.sealed.content().unwrap();
            prop_assert_eq!(&forgotten.client_id, "id");
            prop_assert_eq!(&forgotten.token_url, "https://host.invalid/t");
            prop_assert_eq!(Some(forgotten.expires_at), written.expires_at);
        }

        #[test]
        fn arbitrary_bytes_are_an_error(bytes: Vec<u8>, now in -5_i64..5_000_000_000) {
            prop_assert!(Entry::parse(bytes, &key(), now.into()).is_err());
        }

        /// What a run without the secret can still rely on.
        #[test]
        fn damage_without_the_secret_yields_a_b64token_or_an_error(at: prop::sample::Index, byte: u8) {
            let mut bytes = bytes(&token("token", "extra", 1000, 60));
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(entry) = Entry::parse(bytes, &key(), 1000.into()) {
                prop_assert!(AccessToken::parse(entry.token.access_token.expose()).is_some());
            }
        }
    }
}
