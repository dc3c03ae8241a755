//! Tokens on disk, so that parallel and repeated runs cost one request a token lifetime. Knows
//! neither credentials' sources nor the network. Whatever it finds that it cannot trust is a miss.
//!
//! For each token URL and client id there is an entry (the token), a lock file (who fetches) and an
//! outcome file (what failed, for those who waited). None of them holds the client secret.

mod entry;
mod failure;
mod fingerprint;
mod forget;
mod key;

use std::fmt::Display;
use std::path::{Path, PathBuf};

pub use crate::lock_file::{Guard, LockFile};
pub use crate::private_file::Stamp;
pub use entry::Entry;
#[cfg(feature = "server")]
pub use failure::LONGEST_LIMIT;
pub use failure::{Failure, Route};
pub use fingerprint::Fingerprint;
pub use forget::{Forgotten, forget, forget_all};
pub use key::Key;

use crate::oauth::{ClientId, TokenEndpoint};
use crate::private_file as file;
use crate::report::Reporter;
use crate::secret::ClientSecret;
use crate::time::Timestamp;

const ENTRY: &str = "json";
const LOCK: &str = "lock";
const OUTCOME: &str = "outcome";

/// Where entries are kept, and how sure the user is about that.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder.
    pub dir: PathBuf,
    /// Whether an option or variable named it, so that its failings deserve a warning.
    pub is_explicit: bool,
}

impl Settings {
    /// Whether the folder is ours, or not there yet. Warns if not.
    pub fn is_usable(&self, report: Reporter) -> bool {
        let checked = file::check_folder(&self.dir);
        if let Err(why) = checked {
            let dir = self.dir.display();
            report.warning(&format!("the cache is off: the folder {dir} {why}"));
        }
        checked.is_ok()
    }
}

/// The place of one identity: a token URL and a client id.
#[derive(Debug)]
pub struct Cache {
    dir: PathBuf,
    is_explicit: bool,
    key: Key,
    birth: Birth,
    report: Reporter,
}

/// When the first file of an identity is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Birth {
    /// With the lock, before the first request.
    Lock,
    /// With the first token: whoever makes up identities makes no files.
    #[cfg(feature = "server")]
    Success,
}

impl Cache {
    /// The place for that identity; `None`, with a warning, if the folder is somebody else's.
    pub fn open(
        settings: &Settings,
        endpoint: &TokenEndpoint,
        client_id: &ClientId,
        report: Reporter,
    ) -> Option<Self> {
        if !settings.is_usable(report) {
            return None;
        }
        let Settings { dir, is_explicit } = settings.clone();
        Some(Self {
            dir,
            is_explicit,
            key: Key::new(endpoint, client_id),
            birth: Birth::Lock,
            report,
        })
    }

    /// The same, but no file is made before the first token.
    #[cfg(feature = "server")]
    pub fn create_on_first_success(self) -> Self {
        Self {
            birth: Birth::Success,
            ..self
        }
    }

    /// Whether no file may be made yet, and nobody else has made one: there is nobody to wait for, and no limit to
    /// heed.
    pub fn must_not_create_yet(&self) -> bool {
        let made = [self.entry_path(), self.lock_path()];
        self.birth != Birth::Lock && made.iter().all(|path| file::stamp(path).is_none())
    }

    /// The entry, if there is one that can be trusted.
    pub fn entry(&self, now: Timestamp) -> Option<Entry> {
        let bytes = self.read(&self.entry_path())?;
        let parsed = Entry::parse(&bytes, &self.key, now);
        self.or_ignore(&self.entry_path(), parsed)
    }

    /// Replaces the entry. Only who holds the guard may.
    pub fn put(&self, _: &Guard, entry: &Entry) {
        self.write(&self.entry_path(), &entry.to_bytes(&self.key));
    }

    /// The failures that are remembered.
    pub fn failures(&self, now: Timestamp) -> Vec<Failure> {
        let path = self.outcome_path();
        self.read(&path)
            .and_then(|bytes| self.or_ignore(&path, failure::parse(&bytes, now)))
            .unwrap_or_default()
    }

    /// Remembers the failure of `secret`, beside those of others.
    pub fn put_failure(&self, _: &Guard, failure: Failure, secret: &ClientSecret, now: Timestamp) {
        let mut failures = self.failures(now);
        failures.retain(|earlier| !earlier.concerns(secret, &failure.route));
        let failures = failure::with(failures, failure);
        self.write(&self.outcome_path(), &failure::to_bytes(&failures));
    }

    /// What entry and outcome look like from outside: changes when one of them is replaced.
    pub fn stamps(&self) -> [Option<Stamp>; 2] {
        [
            file::stamp(&self.entry_path()),
            file::stamp(&self.outcome_path()),
        ]
    }

    /// The lock file, made if need be; `None` if that cannot be, so that nobody can be waited for.
    pub fn lock_file(&self) -> Option<LockFile> {
        let path = self.lock_path();
        let opened = file::make_folder(&self.dir).and_then(|()| LockFile::open(&path));
        opened
            .map_err(|error| self.cannot("locked", &path, &error))
            .ok()
    }

    /// Where the entry is, or would be.
    pub fn entry_path(&self) -> PathBuf {
        self.dir.join(self.key.file_name(ENTRY))
    }

    fn lock_path(&self) -> PathBuf {
        self.dir.join(self.key.file_name(LOCK))
    }

    fn outcome_path(&self) -> PathBuf {
        self.dir.join(self.key.file_name(OUTCOME))
    }

    fn read(&self, path: &Path) -> Option<Vec<u8>> {
        self.or_ignore(path, file::read(path)).flatten()
    }

    /// What cannot be trusted is a miss.
    fn or_ignore<T>(&self, path: &Path, read: Result<T, impl Display>) -> Option<T> {
        read.map_err(|why| {
            self.report
                .verbose(|| format!("cache: {} is ignored: {why}", path.display()));
        })
        .ok()
    }

    fn write(&self, path: &Path, bytes: &[u8]) {
        match file::make_folder(&self.dir).and_then(|()| file::replace(path, bytes)) {
            Ok(()) => self
                .report
                .verbose(|| format!("cache: wrote {}", path.display())),
            Err(error) => self.cannot("written", path, &error),
        }
    }

    /// The token is printed all the same, so this is worth a warning only where the user named the
    /// folder.
    fn cannot(&self, what: &str, path: &Path, error: &std::io::Error) {
        let text = format!("cache: {} cannot be {what}: {error}", path.display());
        if self.is_explicit {
            self.report.warning(&text);
        } else {
            self.report.verbose(|| text);
        }
    }
}
