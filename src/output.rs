//! Standard output: the token in the form asked for, in one write, or nothing.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::cli::Format;
use crate::oauth::Token;
use crate::time::Timestamp;

/// The line that `format` makes of a token, without its end; `env_name` is the variable that
/// `Format::Env` sets. A b64token needs no quotes, in whatever reads these lines.
pub fn render(token: &Token, format: Format, env_name: &str, now: Timestamp) -> Zeroizing<String> {
    let access_token = token.access_token.expose();
    Zeroizing::new(match format {
        Format::Raw => access_token.to_owned(),
        Format::Json => json(token, now),
        Format::Header => format!("Authorization: Bearer {access_token}"),
        Format::Env => format!("{env_name}={access_token}"),
    })
}

fn json(token: &Token, now: Timestamp) -> String {
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
        ("from_cache", Value::from(false)),
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
