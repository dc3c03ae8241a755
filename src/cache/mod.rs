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

use std::fs;
use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

pub use entry::{Entry, Forgotten};
#[cfg(feature = "server")]
pub use failure::MAX_LIMIT;
pub use failure::{Failure, Route};
pub use forget::forget;
pub use key::Key;
pub use sealed::SealedJson;

use crate::lock_file::{Guard, LockFile};
use crate::oauth::{ClientId, Token, TokenEndpoint};
use crate::private_file;
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
        if found != Ok(true)
            && let Some(home) = &self.home
        {
            private_file::check_default_location(&self.dir, home)
                .inspect_err(|why| report.verbose(|| format!("the cache is off: {why}")))?;
        }
        found
            .map(drop)
            .inspect_err(|why| report.warning(&format!("the cache is off: {why}")))
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
        let path = self.path(ENTRY);
        match private_file::read(&path) {
            Ok(Some(bytes)) => Entry::parse(bytes, &self.key, now)
                .map(Some)
                .map_err(str::to_owned),
            Ok(None) if private_file::is_readable_by_others(&self.path(LOCK)) => {
                let dir = self.settings.dir.display();
                return Err(format!(
                    "no token is stored in {dir}: other users can read every file there"
                ));
            }
            Ok(None) => Ok(None),
            Err(why) => Err(why),
        }
        .map_err(|why| format!("{} is ignored: {why}", path.display()))
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
            Some(sealed) => self.write(guard, &self.path(ENTRY), sealed.as_bytes()),
            None => drop(private_file::remove(&self.path(ENTRY))),
        }
    }

    /// The remembered failures of `secret`.
    pub fn failures(&self, secret: &ClientSecret, now: Timestamp) -> Vec<Failure> {
        let path = self.path(FAILURES);
        let ignored = |why: &str| {
            self.report
                .verbose(|| format!("cache: {} is ignored: {why}", path.display()));
        };
        let bytes = private_file::read(&path).unwrap_or_else(|why| {
            ignored(&why);
            None
        });
        let bytes = bytes.unwrap_or_default();
        let failures = failure::parse(&bytes, secret, now);
        if failures.len() < bytes.lines().count() {
            ignored("a failure in it is another secret's, or damaged");
        }
        failures
    }

    /// Remembers a failure of `secret`.
    pub fn put_failure(&self, guard: &Guard, failure: &Failure, secret: &ClientSecret) {
        let path = self.path(FAILURES);
        let earlier = private_file::read(&path).ok().flatten();
        if !self.is_waiting_for_success()
            && let Some(bytes) = failure::add(&earlier.unwrap_or_default(), failure, secret)
        {
            self.write(guard, &path, &bytes);
        }
    }

    /// When entry and failures were written: one of them changes when a process stores its result.
    pub fn stamps(&self) -> [Option<SystemTime>; 2] {
        [ENTRY, FAILURES].map(|suffix| {
            let found = fs::symlink_metadata(self.path(suffix)).ok()?;
            found.modified().ok()
        })
    }

    /// Opens the lock file, and creates it if it is missing; `None` if that is impossible or too early, so that this
    /// process cannot wait for others.
    pub fn lock_file(&self) -> Option<LockFile> {
        if self.is_waiting_for_success() {
            return None;
        }
        let path = self.path(LOCK);
        LockFile::open(&path)
            .inspect_err(|error| {
                self.report
                    .verbose(|| format!("cache: {} cannot be opened: {error}", path.display()));
            })
            .ok()
    }

    /// Whether no file may be created yet.
    fn is_waiting_for_success(&self) -> bool {
        self.create_on_first_success && !self.path(ENTRY).exists() && !self.path(LOCK).exists()
    }

    /// The path of the file with this suffix, whether it exists or not.
    fn path(&self, suffix: &str) -> PathBuf {
        self.settings
            .dir
            .join(format!("{}.{suffix}", self.key.digest))
    }

    /// The path of the entry, whether it exists or not.
    pub fn entry_path(&self) -> PathBuf {
        self.path(ENTRY)
    }

    fn write(&self, guard: &Guard, path: &Path, bytes: &[u8]) {
        let path_shown = path.display();
        let Err(error) = private_file::replace(path, bytes, guard) else {
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
