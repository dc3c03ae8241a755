//! Who fetches: one process at a time for each identity. The operating system takes the lock back
//! from a process that dies.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use crate::private_file;

/// The lock file of an identity, open.
pub struct LockFile(File);

/// The right to fetch, and to write what came of it.
pub struct Guard<'a>(Option<&'a LockFile>);

impl LockFile {
    /// Opens the lock file, and makes it if need be.
    ///
    /// # Errors
    /// If that cannot be.
    pub fn open(path: &Path) -> io::Result<Self> {
        private_file::open_or_make(path).map(Self)
    }

    /// Takes the lock if nobody has it.
    ///
    /// # Errors
    /// If the file system has no locks.
    #[expect(clippy::disallowed_methods, reason = "the one place that locks")]
    pub fn try_lock(&self) -> io::Result<Option<Guard<'_>>> {
        match self.0.try_lock() {
            Ok(()) => Ok(Some(Guard(Some(self)))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Guard<'_> {
    /// For who has waited long enough for a holder that may hang: what it writes replaces a file
    /// whole, so the worst is a request too many.
    pub fn overdue() -> Self {
        Self(None)
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if let Some(LockFile(file)) = self.0 {
            let _ = file.unlock();
        }
    }
}
