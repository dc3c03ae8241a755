//! Standard output: the result in the requested format, in one write, or nothing.

use std::io;

use anyhow::Context as _;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::cli::Format;
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

/// Renders `token` without a newline. A b64token needs no quotes in any format. `env_name` is the variable of `-o env`.
pub fn render(
    token: &Token,
    origin: Origin,
    format: Format,
    env_name: &str,
    now: Timestamp,
) -> Zeroizing<String> {
    let access_token = token.access_token.expose();
    Zeroizing::new(match format {
        Format::Raw => access_token.to_owned(),
        Format::Json => json(token, origin, now),
        Format::Header => format!("Authorization: Bearer {access_token}"),
        Format::Env => format!("{env_name}={access_token}"),
    })
}

fn json(token: &Token, origin: Origin, now: Timestamp) -> String {
    let expires_in = token.remaining(now).map(|left| left.as_secs());
    let expires_at = token.expires_at.map(|time| time.to_string());
    let mut members: Map<_, _> = token.members.clone();
    members.insert("access_token".into(), token.access_token.expose().into());
    members.insert("expires_in".into(), expires_in.into());
    for (name, value) in [
        ("obtained_at", token.obtained_at.to_string().into()),
        ("expires_at", expires_at.into()),
        ("from_cache", (origin == Origin::Cache).into()),
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
    match write_all(bytes.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
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
