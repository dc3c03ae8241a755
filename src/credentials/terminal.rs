//! The controlling terminal, wherever standard input and output go, and a guard that restores its modes and ends the secret
//! command when a signal ends the process.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};

#[cfg(unix)]
const INPUT: &str = "/dev/tty";
#[cfg(unix)]
const OUTPUT: &str = "/dev/tty";
#[cfg(windows)]
const INPUT: &str = "CONIN$";
#[cfg(windows)]
const OUTPUT: &str = "CONOUT$";

/// An open terminal.
pub struct Terminal {
    input: File,
    output: File,
}

impl Terminal {
    /// Opens the terminal that controls this process, if there is one.
    pub fn open() -> Option<Self> {
        // Windows grants access to a console's mode only to handles that may both read and write.
        let open = |path| File::options().read(true).write(true).open(path).ok();
        Some(Self {
            input: open(INPUT)?,
            output: open(OUTPUT)?,
        })
    }

    /// Asks for one line, with echo. `None` if the input ended.
    ///
    /// # Errors
    /// If the terminal cannot be read or written.
    pub fn ask(&self, question: &str) -> io::Result<Option<String>> {
        (&self.output).write_all(question.as_bytes())?;
        let mut answer = String::new();
        let length = BufReader::new(&self.input).read_line(&mut answer)?;
        let answer = answer.trim_end_matches(['\r', '\n']).to_owned();
        Ok((length > 0).then_some(answer))
    }

    /// The input of the terminal, for a child process.
    pub fn into_input(self) -> File {
        self.input
    }
}

#[cfg(unix)]
pub use unix::SignalGuard;

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io;
    use std::process::Child;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::{self, Sender};
    use std::sync::{Arc, OnceLock};
    use std::thread::{self, JoinHandle};
    use std::time::Duration;

    use rustix::process::{Pid, Signal, kill_current_process_group, kill_process};
    use rustix::termios::{
        LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
    };
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    use signal_hook::iterator::{Handle, Signals};
    use signal_hook::{flag, low_level};

    use super::Terminal;

    /// Signals that end a process at a prompt.
    const ENDING: [i32; 4] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT];

    /// How long the watcher waits for the prompt or command to end before it restores the terminal. At Ctrl-C both end
    /// by themselves, and their own changes to the modes must come first.
    const GRACE: Duration = Duration::from_millis(200);

    /// Catches the signals that end the process. When one arrives, it is passed on to the child, the modes of the terminal
    /// are restored, and then the process ends by it. The modes are also restored when the guard is dropped.
    pub struct SignalGuard {
        modes: Option<Modes>,
        child: Arc<OnceLock<Pid>>,
        is_over: Arc<AtomicBool>,
        is_signalled: Arc<AtomicBool>,
        handle: Handle,
        /// Dropped when the prompt or command has ended.
        running: Option<Sender<()>>,
        watcher: Option<JoinHandle<()>>,
    }

    /// The modes that a terminal had at first.
    struct Modes {
        terminal: File,
        saved: Termios,
    }

    impl SignalGuard {
        /// Starts to catch signals, and saves the modes of the terminal if there is one.
        ///
        /// # Errors
        /// If the modes cannot be read or signals cannot be caught.
        pub fn new(terminal: Option<&Terminal>) -> io::Result<Self> {
            let modes = terminal.map(Modes::save).transpose()?;
            let watched = terminal.map(Modes::save).transpose()?;
            let child = Arc::new(OnceLock::new());
            let is_over = Arc::new(AtomicBool::new(false));
            let is_signalled = Arc::new(AtomicBool::new(false));
            for signal in ENDING {
                // signal-hook never uninstalls its handler; once the guard is dropped, this one acts as the default.
                flag::register_conditional_default(signal, Arc::clone(&is_over))?;
                flag::register(signal, Arc::clone(&is_signalled))?;
            }
            let mut signals = Signals::new(ENDING)?;
            let handle = signals.handle();
            let (running, ended) = mpsc::channel();
            let of_watcher = Arc::clone(&child);
            let watch = move || {
                for signal in signals.forever() {
                    pass_on(signal, &of_watcher, watched.is_some());
                    let _ = ended.recv_timeout(GRACE);
                    if let Some(modes) = &watched {
                        modes.restore();
                        // As the terminal would have done, so that the calling script stops too.
                        if signal == SIGINT {
                            let _ = kill_current_process_group(Signal::INT);
                        }
                    }
                    let _ = low_level::emulate_default_handler(signal);
                }
            };
            let watcher = thread::Builder::new()
                .name("signals".to_owned())
                .spawn(watch)?;
            Ok(Self {
                modes,
                child,
                is_over,
                is_signalled,
                handle,
                running: Some(running),
                watcher: Some(watcher),
            })
        }

        /// Passes signals on to `child`, which must not be waited for until the guard is dropped.
        pub fn pass_on_to(&self, child: &Child) {
            let _ = self.child.set(Pid::from_child(child));
        }

        /// Turns the echo off. rpassword does so too, but only after it has written the question: a quick answer would
        /// be echoed, and the terminal would act on its Ctrl-C or Ctrl-D.
        ///
        /// # Errors
        /// If the terminal refuses.
        pub fn silence(&self) -> io::Result<()> {
            let Some(modes) = &self.modes else {
                return Ok(());
            };
            let mut silent = modes.saved.clone();
            silent.local_modes.remove(
                LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG,
            );
            silent.special_codes[SpecialCodeIndex::VMIN] = 1;
            silent.special_codes[SpecialCodeIndex::VTIME] = 0;
            Ok(tcsetattr(&modes.terminal, OptionalActions::Now, &silent)?)
        }
    }

    impl Drop for SignalGuard {
        fn drop(&mut self) {
            self.running = None;
            if let Some(modes) = &self.modes {
                modes.restore();
            }
            self.is_over.store(true, Ordering::SeqCst);
            // The watcher ends the process for a signal that came before; else it ends itself.
            if !self.is_signalled.load(Ordering::SeqCst) {
                self.handle.close();
            }
            if let Some(watcher) = self.watcher.take() {
                let _ = watcher.join();
            }
        }
    }

    impl Modes {
        fn save(terminal: &Terminal) -> io::Result<Self> {
            let terminal = terminal.input.try_clone()?;
            let saved = tcgetattr(&terminal)?;
            Ok(Self { terminal, saved })
        }

        /// Leaves modes alone that nobody changed: setting them would stop a background job (SIGTTOU).
        fn restore(&self) {
            let is_changed = |current: Termios| {
                current.local_modes != self.saved.local_modes
                    || current.input_modes != self.saved.input_modes
            };
            if tcgetattr(&self.terminal).is_ok_and(is_changed) {
                let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.saved);
            }
        }
    }

    /// The terminal sends SIGINT and SIGQUIT to the child itself; some programs obey the second one differently.
    fn pass_on(signal: i32, child: &OnceLock<Pid>, has_terminal: bool) {
        if has_terminal && matches!(signal, SIGINT | SIGQUIT) {
            return;
        }
        if let (Some(child), Some(signal)) = (child.get(), Signal::from_named_raw(signal)) {
            let _ = kill_process(*child, signal);
        }
    }
}

/// Elsewhere rpassword restores the console, and the console sends Ctrl-C to the command too.
#[cfg(not(unix))]
pub struct SignalGuard;

#[cfg(not(unix))]
impl SignalGuard {
    /// Does nothing.
    ///
    /// # Errors
    /// None.
    pub fn new(_: Option<&Terminal>) -> io::Result<Self> {
        Ok(Self)
    }

    /// Does nothing.
    pub fn pass_on_to(&self, _: &std::process::Child) {}

    /// rpassword turns the echo off.
    ///
    /// # Errors
    /// None.
    pub fn silence(&self) -> io::Result<()> {
        Ok(())
    }
}
