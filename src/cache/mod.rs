//! Access tokens on disk: parallel and repeated runs need one request per token lifetime. Whatever cannot be trusted is
//! a cache miss.
//!
//! Each token URL and client id has three files: an entry (the token), the failures that the service answered instead,
//! and a lock, which the process that fetches holds.

mod entry;
mod failure;
mod forget;
mod key;
mod sealed;

use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use entry::{Entry, Forgotten};
#[cfg(feature = "server")]
pub use failure::MAX_LIMIT;
pub use failure::{Failure, Route};
pub use forget::forget;
pub use key::Key;
pub use sealed::SealedJson;

use crate::lock_file::{Guard, LockFile};
use crate::oauth::{ClientId, Token, TokenEndpoint};
use crate::private_file::{self, Stamp};
use crate::report::Reporter;
use crate::secret::ClientSecret;
use crate::time::Timestamp;

/// Suffixes of the three files.
const ENTRY: &str = "json";
const FAILURES: &str = "failures";
const LOCK: &str = "lock";

/// A date that lies further ahead of this machine's clock is not trusted.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// The cache directory.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its path.
    pub dir: PathBuf,
    /// The home directory that the default location depends on; `None` if an option or variable named the directory.
    pub home: Option<PathBuf>,
}

impl Settings {
    /// Whether the directory can be used, or created.
    ///
    /// # Errors
    /// Why not; reported as a warning, or as a note if the default location is not meant for this user.
    pub fn check(&self, report: Reporter) -> Result<(), String> {
        let found = private_file::check_dir(&self.dir);
        if found == Ok(true) {
            return Ok(());
        }
        if let Some(home) = &self.home {
            // Run by sudo, it must not leave root's files among those of another user.
            let home_fault = match private_file::check_dir(home) {
                Ok(true) => None,
                Ok(false) => Some("does not exist"),
                Err(why) => Some(why),
            };
            let parent = self.dir.parent().filter(|parent| {
                private_file::check_dir(parent) == Err(private_file::ANOTHER_USERS)
            });
            let fault = home_fault.map(|why| (home.as_path(), why));
            let fault = fault.or(parent.map(|parent| (parent, private_file::ANOTHER_USERS)));
            if let Some((dir, why)) = fault {
                let why = format!("the folder {} {why}", dir.display());
                report.verbose(|| format!("the cache is off: {why}"));
                return Err(why);
            }
        }
        found.map(drop).map_err(|why| {
            let why = format!("the folder {} {why}", self.dir.display());
            report.warning(&format!("the cache is off: {why}"));
            why
        })
    }
}

/// The cached token and failures of one token URL and client id.
#[derive(Debug)]
pub struct Cache {
    settings: Settings,
    key: Key,
    create_on_first_success: bool,
    report: Reporter,
}

impl Cache {
    /// The cache for this token URL and client id. Creates no file yet.
    ///
    /// # Errors
    /// Why the directory cannot be used, which has been reported.
    pub fn open(
        settings: &Settings,
        endpoint: &TokenEndpoint,
        client_id: &ClientId,
        report: Reporter,
    ) -> Result<Self, String> {
        settings.check(report)?;
        Ok(Self {
            settings: settings.clone(),
            key: Key::new(endpoint, client_id),
            create_on_first_success: false,
            report,
        })
    }

    /// Creates no file before the first token, so that invented client ids leave none.
    #[cfg(feature = "server")]
    pub fn create_on_first_success(self) -> Self {
        Self {
            create_on_first_success: true,
            ..self
        }
    }

    /// Reads the entry; `None` if there is none.
    ///
    /// # Errors
    /// Why it cannot be trusted, or written.
    pub fn lookup(&self, now: Timestamp) -> Result<Option<Entry>, String> {
        let path = self.entry_path();
        let untrusted = |why| format!("{} is ignored: {why}", path.display());
        match private_file::read(&path).map_err(untrusted)? {
            Some(bytes) => match Entry::parse(bytes, &self.key, now) {
                Ok(entry) => Ok(Some(entry)),
                Err(why) => Err(untrusted(why.to_owned())),
            },
            None if private_file::is_readable_by_others(&self.path(LOCK)) => Err(format!(
                "no token is stored in {}: other users can read every file there",
                self.settings.dir.display()
            )),
            None => Ok(None),
        }
    }

    /// Reads the entry. One that cannot be trusted is a cache miss.
    pub fn entry(&self, now: Timestamp) -> Option<Entry> {
        self.lookup(now).unwrap_or_else(|why| {
            self.report.verbose(|| format!("cache: {why}"));
            None
        })
    }

    /// Replaces the entry. A token that is over, or never known to expire, is not stored, and no older one is kept.
    pub fn put(&self, guard: &Guard, token: &Token, secret: &ClientSecret, now: Timestamp) {
        let lives = token.remaining(now).is_some_and(|left| !left.is_zero());
        match entry::seal(token, &self.key, secret).filter(|_| lives) {
            Some(sealed) => self.write(guard, &self.entry_path(), sealed.as_bytes()),
            None => drop(private_file::remove(&self.entry_path())),
        }
    }

    /// The remembered failures of `secret`.
    pub fn failures(&self, secret: &ClientSecret, now: Timestamp) -> Vec<Failure> {
        let bytes = self.failure_bytes();
        let failures = failure::parse(&bytes, secret, now);
        if failures.len() < bytes.lines().count() {
            self.report.verbose(|| {
                let path = self.path(FAILURES);
                let path = path.display();
                format!("cache: {path}: a failure is ignored: another secret's, or damaged")
            });
        }
        failures
    }

    /// Remembers a failure of `secret`.
    pub fn put_failure(&self, guard: &Guard, failure: &Failure, secret: &ClientSecret) {
        if !self.is_waiting_for_success()
            && let Some(bytes) = failure::add(&self.failure_bytes(), failure, secret)
        {
            self.write(guard, &self.path(FAILURES), &bytes);
        }
    }

    fn failure_bytes(&self) -> Vec<u8> {
        let path = self.path(FAILURES);
        let bytes = private_file::read(&path).unwrap_or_else(|why| {
            self.report
                .verbose(|| format!("cache: {} is ignored: {why}", path.display()));
            None
        });
        bytes.unwrap_or_default()
    }

    /// The versions of entry and failures: one of them changes when a process stores its result.
    pub fn stamps(&self) -> [Option<Stamp>; 2] {
        [ENTRY, FAILURES].map(|suffix| private_file::stamp(&self.path(suffix)))
    }

    /// Opens the lock file, and creates it if it is missing; `None` if that is impossible or too early, so that this
    /// process cannot wait for others.
    pub fn lock_file(&self) -> Option<LockFile> {
        if self.is_waiting_for_success() {
            return None;
        }
        let path = self.path(LOCK);
        let opened =
            private_file::create_dir(&self.settings.dir).and_then(|()| LockFile::open(&path));
        opened
            .inspect_err(|error| {
                self.report
                    .verbose(|| format!("cache: {} cannot be opened: {error}", path.display()));
            })
            .ok()
    }

    /// Whether no file may be created yet.
    fn is_waiting_for_success(&self) -> bool {
        let exists = |suffix| private_file::stamp(&self.path(suffix)).is_some();
        self.create_on_first_success && !exists(ENTRY) && !exists(LOCK)
    }

    /// The path of the entry, whether it exists or not.
    pub fn entry_path(&self) -> PathBuf {
        self.path(ENTRY)
    }

    fn path(&self, suffix: &str) -> PathBuf {
        self.settings.dir.join(self.key.file_name(suffix))
    }

    fn write(&self, guard: &Guard, path: &Path, bytes: &[u8]) {
        let written = private_file::create_dir(&self.settings.dir)
            .and_then(|()| private_file::replace(path, bytes, guard));
        let path_shown = path.display();
        let Err(error) = written else {
            return self.report.verbose(|| format!("cache: wrote {path_shown}"));
        };
        // The next run must not use what this one meant to replace.
        let _ = private_file::remove(path);
        let text = format!("cache: {path_shown} cannot be written: {error}");
        // The token is printed all the same.
        match self.settings.home {
            None => self.report.warning(&text),
            Some(_) => self.report.verbose(|| text),
        }
    }
}
