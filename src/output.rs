//! Standard output: the result in the requested format, in one write, or nothing.

use std::io;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::oauth::Token;
use crate::server_text::escaped_json;
use crate::time::Timestamp;

/// Where a token came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The token endpoint.
    Server,
    /// The cache.
    Cache,
}

/// The format of the one line on standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form<'a> {
    /// The token.
    Raw,
    /// A JSON object: the server's members, and the times.
    Json,
    /// A header field (RFC 6750 §2.1).
    Header,
    /// An assignment of the token to this variable.
    Env(&'a str),
}

/// Renders `token` without a newline. A b64token needs no quotes in any format.
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
        // Ours come last, even where the server sent a member of that name.
        members.shift_remove(name);
        members.insert(name.into(), value);
    }
    escaped_json(Value::Object(members).to_string())
}

/// Writes `text` and a newline to standard output. A closed pipe is not an error: the reader has what it needs.
///
/// # Errors
/// If standard output cannot be written.
pub fn write_stdout(text: &str) -> anyhow::Result<()> {
    let bytes = Zeroizing::new(format!("{text}\n"));
    ignore_broken_pipe(write_all(bytes.as_bytes()))
}

/// Bypasses std's handle, which reports success if the descriptor is not open for writing.
#[cfg(unix)]
fn write_all(mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(io::stdout(), bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn write_all(bytes: &[u8]) -> io::Result<()> {
    use io::Write as _;
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush())
}

fn ignore_broken_pipe(written: io::Result<()>) -> anyhow::Result<()> {
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
    fn json_has_the_servers_members_and_the_times() {
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
    fn a_broken_pipe_alone_is_ignored() {
        use io::ErrorKind::{BrokenPipe, StorageFull};
        assert!(ignore_broken_pipe(Ok(())).is_ok());
        assert!(ignore_broken_pipe(Err(BrokenPipe.into())).is_ok());
        assert!(ignore_broken_pipe(Err(StorageFull.into())).is_err());
    }
}
