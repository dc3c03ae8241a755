//! Runs a command while this program goes on, and passes signals on to it.

use std::io;
use std::process::ExitStatus;

use tokio::process::Command;

use super::not_started;
use crate::error::Error;

/// Runs `command` to its end; signals meant to end this program go to the command.
///
/// # Errors
/// If the command is not found, cannot be executed or cannot be waited for.
pub async fn run(mut command: Command) -> Result<ExitStatus, Error> {
    let own = |error: io::Error, doing| {
        Error::from(anyhow::Error::new(error).context(doing)).before_command()
    };
    let signals = Signals::catch().map_err(|error| own(error, "cannot watch for signals"))?;
    let program = command.as_std().get_program().to_owned();
    let mut child = command
        .spawn()
        .map_err(|error| not_started(&program, &error))?;
    signals.pass_on_to(&child);
    child
        .wait()
        .await
        .map_err(|error| own(error, "cannot wait for the command"))
}

#[cfg(unix)]
use unix::Signals;

#[cfg(unix)]
mod unix {
    use std::io;

    use rustix::process::{Pid, Signal, kill_process};
    use tokio::process::Child;
    use tokio::signal::unix::{self, SignalKind};

    /// Handlers for the signals that would end this program before its command.
    pub struct Signals([(unix::Signal, Signal); 2]);

    impl Signals {
        pub fn catch() -> io::Result<Self> {
            // The terminal sends these to the command as well. Ignored signals would stay ignored in the command.
            for of_the_terminal in [SignalKind::interrupt(), SignalKind::quit()] {
                // The handler stays installed after the stream is dropped.
                let _ = unix::signal(of_the_terminal)?;
            }
            Ok(Self([
                (unix::signal(SignalKind::terminate())?, Signal::TERM),
                (unix::signal(SignalKind::hangup())?, Signal::HUP),
            ]))
        }

        /// Passes on signals sent to this process alone, until the runtime ends. The child is reaped by the poll that
        /// sees its end, so its process id cannot have been reused.
        pub fn pass_on_to(self, child: &Child) {
            let pid = child
                .id()
                .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
            let Some(pid) = pid else { return };
            for (mut signals, signal) in self.0 {
                tokio::spawn(async move {
                    while signals.recv().await.is_some() {
                        let _ = kill_process(pid, signal);
                    }
                });
            }
        }
    }
}

#[cfg(windows)]
use windows::Signals;

#[cfg(windows)]
mod windows {
    use std::io;

    use tokio::process::Child;
    use tokio::signal::windows::{CtrlBreak, CtrlC, ctrl_break, ctrl_c};

    /// Handlers for events that the console sends to the command as well.
    pub struct Signals(CtrlC, CtrlBreak);

    impl Signals {
        pub fn catch() -> io::Result<Self> {
            Ok(Self(ctrl_c()?, ctrl_break()?))
        }

        /// Passes nothing on, but keeps listening until the runtime ends: an event without a listener ends the program.
        pub fn pass_on_to(self, _: &Child) {
            let Self(mut ctrl_c, mut ctrl_break) = self;
            tokio::spawn(async move { while ctrl_c.recv().await.is_some() {} });
            tokio::spawn(async move { while ctrl_break.recv().await.is_some() {} });
        }
    }
}
