//! Reads files that the user names. Such a file may be a FIFO or a device that never ends, so a read has a size limit and
//! a deadline.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use zeroize::Zeroizing;

use crate::blocking;
use crate::time::Deadline;

/// The contents of a file, wiped from memory when dropped.
pub type Bytes = Zeroizing<Vec<u8>>;

/// Reads a file.
///
/// # Errors
/// If it cannot be read, is longer than `limit` bytes, or does not end before the deadline.
pub fn read(path: &Path, limit: usize, deadline: Deadline) -> io::Result<Bytes> {
    if path.metadata()?.is_file() {
        return read_to_end(File::open(path)?, limit);
    }
    let path = path.to_owned();
    blocking::run(
        deadline,
        || {},
        move || read_to_end(File::open(path)?, limit),
    )?
}

/// Reads standard input.
///
/// # Errors
/// As for [`read`].
pub fn read_stdin(limit: usize, deadline: Deadline) -> io::Result<Bytes> {
    blocking::run(
        deadline,
        || {},
        move || read_to_end(io::stdin().lock(), limit),
    )?
}

/// Reads to the end.
///
/// # Errors
/// If there are more than `limit` bytes.
pub fn read_to_end(source: impl Read, limit: usize) -> io::Result<Bytes> {
    // Allocated once: a buffer that grows leaves copies of a secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit + 1));
    source.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    match bytes.len() > limit {
        true => Err(io::Error::new(
            ErrorKind::FileTooLarge,
            format!("it is longer than {} KiB", limit / 1024),
        )),
        false => Ok(bytes),
    }
}
