//! Deletes what is cached, and leaves the lock files: somebody may be waiting at them.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use std::{fs, io, thread};

use super::key::{Key, digest_of};
use super::{ENTRY, Guard, LOCK, LockFile, OUTCOME, entry};
use crate::oauth::{ClientId, TokenEndpoint};
use crate::private_file as file;
use crate::time::{Deadline, Timestamp};

/// How often to look whether a lock is free.
const POLL: Duration = Duration::from_millis(10);

/// A token that is cached no more.
#[derive(Debug, PartialEq, Eq)]
pub struct Forgotten {
    /// Whose it was.
    pub client_id: String,
    /// Where it came from.
    pub token_url: String,
    /// Until when it is accepted all the same.
    pub expires_at: Timestamp,
}

/// Forgets what is cached of one identity, after waiting for whoever fetches for it, at most until
/// `patience` ends.
///
/// # Errors
/// If a file is there and cannot be deleted.
pub fn forget(
    dir: &Path,
    endpoint: &TokenEndpoint,
    client_id: &ClientId,
    patience: Deadline,
) -> io::Result<Option<Forgotten>> {
    forget_digest(dir, &Key::new(endpoint, client_id).digest, patience)
}

/// Forgets everything that is cached, half-written files included.
///
/// # Errors
/// If the folder cannot be read or a file cannot be deleted.
pub fn forget_all(dir: &Path, patience: Deadline) -> io::Result<Vec<Forgotten>> {
    let files = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        files => files?,
    };
    let mut digests = BTreeSet::new();
    for entry in files {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        match digest_of(&name) {
            Some(digest) => drop(digests.insert(digest.to_owned())),
            // A folder of that name is none of ours.
            None if name.starts_with(file::TEMPORARY) && entry.file_type()?.is_file() => {
                file::remove(&entry.path())?;
            }
            None => {}
        }
    }
    let forgotten = digests
        .iter()
        .filter_map(|digest| forget_digest(dir, digest, patience).transpose());
    forgotten.collect()
}

fn forget_digest(dir: &Path, digest: &str, patience: Deadline) -> io::Result<Option<Forgotten>> {
    let path = |extension| dir.join(format!("{digest}.{extension}"));
    if !dir.is_dir() {
        return Ok(None);
    }
    let lock = LockFile::open(&path(LOCK))?;
    let _guard = loop {
        match lock.try_lock() {
            Ok(Some(guard)) => break guard,
            Ok(None) if !patience.remaining().is_zero() => thread::sleep(POLL),
            // A holder that hangs, or no locks here.
            Ok(None) | Err(_) => break Guard::overdue(),
        }
    };
    let bytes = file::read(&path(ENTRY)).ok().flatten();
    let forgotten = bytes.and_then(|bytes| entry::identity(&bytes)).map(
        |(client_id, token_url, expires_at)| Forgotten {
            client_id,
            token_url,
            expires_at,
        },
    );
    file::remove(&path(ENTRY))?;
    file::remove(&path(OUTCOME))?;
    Ok(forgotten)
}
