//! A line a request on standard error, one whose caller left too (status 499), written by a thread of its own: whoever
//! reads it slowly, or not at all, holds up nobody.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread;
use std::time::Duration;

use super::places::lock;
use crate::report::Reporter;

/// Lines that wait to be written; more are lost, and counted.
const MOST_WAITING: usize = 4096;
/// Lines in one write.
const AT_ONCE: usize = 64;
/// How long the end waits for the last of them.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where lines go.
pub struct AccessLog {
    lines: Option<SyncSender<String>>,
    lost: AtomicU64,
    done: Mutex<Receiver<()>>,
}

impl AccessLog {
    /// Starts to write with this verbosity.
    ///
    /// # Errors
    /// If there can be no thread for it.
    pub fn start(report: Reporter) -> anyhow::Result<Self> {
        let (lines, waiting) = mpsc::sync_channel(MOST_WAITING);
        let (end, done) = mpsc::channel();
        thread::Builder::new()
            .name("access log".to_owned())
            .spawn(move || {
                write(&waiting, report);
                // Who waited has left.
                let _ = end.send(());
            })?;
        Ok(Self {
            lines: Some(lines),
            lost: AtomicU64::new(0),
            done: Mutex::new(done),
        })
    }

    /// Writes a line, soon.
    pub fn line(&self, line: String) {
        let Some(lines) = &self.lines else { return };
        if let Err(TrySendError::Full(_)) = lines.try_send(line) {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0
            && lines
                .try_send(format!("{lost} lines of the access log were lost"))
                .is_err()
        {
            self.lost.fetch_add(lost, Ordering::Relaxed);
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        drop(self.lines.take());
        let _ = lock(&self.done).recv_timeout(PATIENCE);
    }
}

fn write(waiting: &Receiver<String>, report: Reporter) {
    while let Ok(first) = waiting.recv() {
        let more = waiting.try_iter().take(AT_ONCE - 1);
        report.info_lines([first].into_iter().chain(more));
    }
}
