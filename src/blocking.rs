//! Runs work that may block for ever, such as a name lookup or a read from a FIFO, and stops waiting at a deadline.

use std::io::{self, ErrorKind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;

use crate::time::Deadline;

const TICK: Duration = Duration::from_millis(100);

/// Threads at once. Blocked ones outlive their deadline, and a process that makes many requests must not collect them.
const MAX_THREADS: usize = 40;

/// Each thread holds a reference, and this is one more.
static THREADS: LazyLock<Arc<()>> = LazyLock::new(Arc::default);

/// Runs `work` on a thread of its own, which is abandoned at the deadline. Calls `tick` ten times a second meanwhile.
///
/// # Errors
/// `TimedOut` after the deadline; others if there is no thread, or it panicked.
pub fn run<T: Send + 'static>(
    deadline: Deadline,
    mut tick: impl FnMut(),
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let counted = Arc::clone(&THREADS);
    if Arc::strong_count(&counted) > MAX_THREADS + 1 {
        return Err(io::Error::other("too many earlier requests are blocked"));
    }
    let (sender, receiver) = mpsc::sync_channel(1);
    let run = move || {
        let _counted = counted;
        // The receiver is gone after the deadline.
        let _ = sender.send(work());
    };
    thread::Builder::new().spawn(run)?;
    loop {
        let remaining = deadline.remaining();
        match receiver.recv_timeout(remaining.min(TICK)) {
            Ok(result) => return Ok(result),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(io::Error::other("its thread panicked"));
            }
            Err(RecvTimeoutError::Timeout) if remaining.is_zero() => {
                let why = "it did not end before the timeout";
                return Err(io::Error::new(ErrorKind::TimedOut, why));
            }
            Err(RecvTimeoutError::Timeout) => tick(),
        }
    }
}
