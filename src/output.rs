//! Standard output: the token in the form asked for, in one write, or nothing.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::oauth::Token;
use crate::time::Timestamp;

/// Where a token came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The token endpoint, just now.
    Server,
    /// The cache.
    Cache,
}

/// The form of the one line on standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form<'a> {
    /// The token.
    Raw,
    /// The server's members and ours.
    Json,
    /// A header field (RFC 6750 §2.1).
    Header,
    /// This variable, set to the token.
    Env(&'a str),
}

/// A token in that form, without the end of the line. A b64token needs no quotes in any of them.
pub fn render(token: &Token, origin: Origin, form: Form<'_>, now: Timestamp) -> Zeroizing<String> {
    let access_token = token.access_token.expose();
    Zeroizing::new(match form {
        Form::Raw => access_token.to_owned(),
        Form::Json => json(token, origin, now),
        Form::Header => format!("Authorization: Bearer {access_token}"),
        Form::Env(name) => format!("{name}={access_token}"),
    })
}

fn json(token: &Token, origin: Origin, now: Timestamp) -> String {
    let or_null = |text: Option<String>| text.map_or(Value::Null, Value::from);
    let mut members: Map<_, _> = token.members.clone();
    members.insert("access_token".into(), token.access_token.expose().into());
    members.insert(
        "expires_in".into(),
        token.remaining(now).as_ref().map(Duration::as_secs).into(),
    );
    for (name, value) in [
        ("obtained_at", Value::from(token.obtained_at.to_string())),
        (
            "expires_at",
            or_null(token.expires_at.map(|time| time.to_string())),
        ),
        ("from_cache", Value::from(origin == Origin::Cache)),
    ] {
        // The server's own member of that name, should it have one, must not decide the place.
        members.shift_remove(name);
        members.insert(name.into(), value);
    }
    Value::Object(members).to_string()
}

/// Writes `line` and a newline to standard output.
///
/// # Errors
/// If standard output cannot be written.
pub fn write_stdout(line: &str) -> anyhow::Result<()> {
    let bytes = Zeroizing::new(format!("{line}\n"));
    let mut stdout = io::stdout().lock();
    forgive_broken_pipe(
        stdout
            .write_all(bytes.as_bytes())
            .and_then(|()| stdout.flush()),
    )
}

/// A reader that went away has what it wanted.
///
/// # Errors
/// Any other failure to write.
pub fn forgive_broken_pipe(written: io::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::AccessToken;

    fn token(expires_at: Option<i64>) -> Token {
        let members = ["z", "expires_in", "access_token", "from_cache", "a"];
        Token {
            access_token: AccessToken::parse("t").unwrap(),
            members: members
                .map(|name| (name.to_owned(), Value::Null))
                .into_iter()
                .collect(),
            obtained_at: 1000.into(),
            expires_at: expires_at.map(Timestamp::from),
        }
    }

    #[test]
    fn raw_is_the_token_and_json_what_the_server_said_and_more() {
        let now = Timestamp::from(1010);
        for (format, origin, expires_at, expected) in [
            (Form::Raw, Origin::Server, Some(1060), "t"),
            (
                Form::Json,
                Origin::Server,
                Some(1060),
                r#"{"z":null,"expires_in":50,"access_token":"t","a":null,"obtained_at":"1970-01-01T00:16:40Z","expires_at":"1970-01-01T00:17:40Z","from_cache":false}"#,
            ),
            (
                Form::Json,
                Origin::Cache,
                None,
                r#"{"z":null,"expires_in":null,"access_token":"t","a":null,"obtained_at":"1970-01-01T00:16:40Z","expires_at":null,"from_cache":true}"#,
            ),
        ] {
            let shown = render(&token(expires_at), origin, format, now);
            assert_eq!(shown.as_str(), expected);
        }
    }

    #[test]
    fn only_a_reader_that_went_away_is_forgiven() {
        use io::ErrorKind::{BrokenPipe, StorageFull};
        assert!(forgive_broken_pipe(Ok(())).is_ok());
        assert!(forgive_broken_pipe(Err(BrokenPipe.into())).is_ok());
        assert!(forgive_broken_pipe(Err(StorageFull.into())).is_err());
    }
}
