//! Writes messages on a separate thread while `serve` runs, so that a standard error that is read slowly or not at all
//! delays no request.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Lines that may wait. Further ones are dropped and counted.
const MAX_WAITING: usize = 4096;
const MAX_LINES_PER_WRITE: usize = 64;
/// How long the end waits for lines to be written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

static QUEUE: Mutex<Option<SyncSender<String>>> = Mutex::new(None);
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Messages are written in the background until this is dropped.
pub struct BackgroundWriter {
    ended: Receiver<()>,
}

impl BackgroundWriter {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start() -> io::Result<Self> {
        let (queue, lines) = mpsc::sync_channel(MAX_WAITING);
        let (end, ended) = mpsc::channel();
        thread::Builder::new()
            .name("messages".to_owned())
            .spawn(move || {
                write(&lines);
                // Fails if the receiver has timed out.
                let _ = end.send(());
            })?;
        *lock() = Some(queue);
        Ok(Self { ended })
    }
}

impl Drop for BackgroundWriter {
    fn drop(&mut self) {
        drop(lock().take());
        let _ = self.ended.recv_timeout(FLUSH_TIMEOUT);
    }
}

/// Queues a line, including its newline. Returns it if no thread is running.
pub fn queue(line: String) -> Option<String> {
    let queue = lock();
    let Some(lines) = queue.as_ref() else {
        return Some(line);
    };
    match lines.try_send(line) {
        Ok(()) => {
            let dropped = DROPPED.swap(0, Ordering::Relaxed);
            let note = format!("cells-token: {dropped} messages were dropped\n");
            if dropped > 0 && lines.try_send(note).is_err() {
                DROPPED.fetch_add(dropped, Ordering::Relaxed);
            }
            None
        }
        Err(TrySendError::Full(_)) => {
            DROPPED.fetch_add(1, Ordering::Relaxed);
            None
        }
        Err(TrySendError::Disconnected(line)) => Some(line),
    }
}

fn write(lines: &Receiver<String>) {
    while let Ok(first) = lines.recv() {
        let more = lines.try_iter().take(MAX_LINES_PER_WRITE - 1);
        let text: String = [first].into_iter().chain(more).collect();
        let _ = io::stderr().write_all(text.as_bytes());
    }
}

fn lock() -> MutexGuard<'static, Option<SyncSender<String>>> {
    QUEUE.lock().unwrap_or_else(PoisonError::into_inner)
}
