//! Deletes cached tokens and remembered failures. Lock files stay: another process may be waiting for one.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use super::key::split_name;
use super::{ENTRY, FAILURES, Forgotten, Key, LOCK, SealedJson};
use crate::lock_file::LockFile;
use crate::private_file;
use crate::time::Deadline;

/// Deletes what is cached in `dir` for one identity, or for all. Waits for a process that is fetching, but only until
/// `deadline`.
///
/// # Errors
/// If the directory cannot be read or a file cannot be deleted.
pub fn forget(dir: &Path, key: Option<&Key>, deadline: Deadline) -> io::Result<Vec<Forgotten>> {
    let files = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        files => files?,
    };
    // All files of an identity begin with its digest, temporary files that a killed process left included.
    let mut identities: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files {
        let Ok(name) = file?.file_name().into_string() else {
            continue;
        };
        if let Some((digest, suffix)) = split_name(&name)
            && key.is_none_or(|key| key.digest == digest)
        {
            let suffixes = identities.entry(digest.to_owned()).or_default();
            suffixes.push(suffix.to_owned());
        }
    }
    let mut forgotten = Vec::new();
    for (digest, suffixes) in identities {
        let path = |suffix: &str| dir.join(format!("{digest}.{suffix}"));
        let lock = LockFile::open(&path(LOCK)).ok();
        // Without a lock if its holder hangs.
        let _guard = lock
            .as_ref()
            .and_then(|lock| lock.lock_before(deadline).ok().flatten());
        let bytes = private_file::read(&path(ENTRY)).ok().flatten();
        let entry = bytes.and_then(SealedJson::from_bytes);
        forgotten.extend(entry.and_then(|entry| entry.content::<Forgotten>()));
        // Entry and failures may be newer than the list of files.
        let listed = suffixes.iter().map(String::as_str);
        for suffix in listed
            .chain([ENTRY, FAILURES])
            .filter(|suffix| *suffix != LOCK)
        {
            private_file::remove(&path(suffix))?;
        }
    }
    Ok(forgotten)
}
