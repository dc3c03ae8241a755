//! The client secret from a file or standard input.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::SecretSource;
use crate::problem::Problem;
use crate::secret::ClientSecret;

/// No client secret is longer; a device or a wrong file may be.
const LONGEST_SECRET: usize = 64 * 1024;

/// Reads the file at `path`, which `source` names.
///
/// # Errors
/// If it cannot be read, is too long or is not UTF-8.
pub fn read(path: &Path, source: &SecretSource) -> Result<ClientSecret, Problem> {
    File::open(path)
        .map_err(|error| unreadable(source, &error))
        .and_then(|file| read_from(file, source))
}

/// Reads standard input to its end, because `source` said so.
///
/// # Errors
/// If it is a terminal, which would show the secret, or as for [`read`].
pub fn read_stdin(source: &SecretSource) -> Result<ClientSecret, Problem> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Err(Problem::new(
            "standard input is a terminal, which would show the client secret as it is typed",
            "leave out --client-secret-file to be asked without an echo",
        ));
    }
    read_from(stdin.lock(), source)
}

fn read_from(reader: impl Read, source: &SecretSource) -> Result<ClientSecret, Problem> {
    // The whole room at once: growing would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST_SECRET + 1));
    reader
        .take(LONGEST_SECRET as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(source, &error))?;
    if bytes.len() > LONGEST_SECRET {
        return Err(no_secret(source, "is over 64 KiB"));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(ClientSecret::new(text.to_owned())),
        Err(_) => Err(no_secret(source, "is not UTF-8")),
    }
}

fn unreadable(source: &SecretSource, error: &io::Error) -> Problem {
    Problem::new(
        format!("cannot read the client secret from {source}: {error}"),
        "name a readable file that holds nothing but the secret",
    )
}

fn no_secret(source: &SecretSource, why: &str) -> Problem {
    Problem::new(
        format!("what was read from {source} is no client secret: it {why}"),
        "name a file that holds nothing but the secret",
    )
}
