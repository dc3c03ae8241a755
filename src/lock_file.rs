//! Lock files: one process at a time writes or fetches a token. The operating system releases the lock of a process
//! that dies.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;
use std::{io, thread};

use crate::private_file;
use crate::time::Deadline;

/// Interval between attempts to take a lock that another process holds.
pub const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// An open lock file.
pub struct LockFile(File);

/// Permission to write what the lock protects. Releases the lock when dropped.
pub struct Guard<'a>(Option<&'a LockFile>);

impl LockFile {
    /// Opens the lock file at `path`, and creates it if it is missing.
    ///
    /// # Errors
    /// If it cannot be opened or created.
    pub fn open(path: &Path) -> io::Result<Self> {
        private_file::open_or_create(path).map(Self)
    }

    /// Takes the lock, unless another process holds it.
    ///
    /// # Errors
    /// If the file system does not support locks.
    #[expect(clippy::disallowed_methods, reason = "the one place that locks")]
    pub fn try_lock(&self) -> io::Result<Option<Guard<'_>>> {
        match self.0.try_lock() {
            Ok(()) => Ok(Some(Guard(Some(self)))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Takes the lock, and waits for it until `deadline` if another process holds it; `None` if it still does then.
    ///
    /// # Errors
    /// If the file system does not support locks.
    pub fn lock_before(&self, deadline: Deadline) -> io::Result<Option<Guard<'_>>> {
        loop {
            match self.try_lock()? {
                None if !deadline.remaining().is_zero() => thread::sleep(POLL_INTERVAL),
                result => return Ok(result),
            }
        }
    }
}

impl Guard<'_> {
    /// Permission to write without the lock, where there are no locks or their holder may hang. Files are replaced
    /// atomically, so the worst case is one extra request.
    pub fn without_lock() -> Self {
        Self(None)
    }

    /// Whether no other process can hold the lock.
    pub fn is_exclusive(&self) -> bool {
        self.0.is_some()
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if let Some(LockFile(file)) = self.0 {
            let _ = file.unlock();
        }
    }
}
