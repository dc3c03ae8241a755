//! The controlling terminal, wherever standard input and output go, and a guard that restores its modes however the
//! prompt or the secret command ends.

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

    /// Saves the terminal's modes until the guard is dropped or a signal ends the process.
    ///
    /// # Errors
    /// If the modes cannot be read or signals cannot be caught.
    pub fn guard(&self) -> io::Result<ModeGuard> {
        ModeGuard::new(&self.input)
    }

    /// The input of the terminal, for a child process.
    pub fn into_input(self) -> File {
        self.input
    }
}

#[cfg(unix)]
pub use unix::ModeGuard;

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::{self, Sender};
    use std::thread::{self, JoinHandle};
    use std::time::Duration;

    use rustix::process::{Signal, kill_current_process_group};
    use rustix::termios::{
        LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
    };
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    use signal_hook::iterator::{Handle, Signals};
    use signal_hook::{flag, low_level};

    /// Signals that end a process at a prompt.
    const ENDING: [i32; 4] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT];

    /// How long the watcher waits for the prompt or command to end before it restores the terminal. At Ctrl-C both end
    /// by themselves, and their own changes to the modes must come first.
    const GRACE: Duration = Duration::from_millis(200);

    /// Restores the modes of the terminal when dropped, or when a signal ends the process. SIGINT is passed on to the
    /// process group first, as the terminal would have done, so that the calling script stops too.
    pub struct ModeGuard {
        terminal: File,
        saved: Termios,
        is_over: Arc<AtomicBool>,
        is_signalled: Arc<AtomicBool>,
        handle: Handle,
        /// Dropped when the prompt or command has ended.
        running: Option<Sender<()>>,
        watcher: Option<JoinHandle<()>>,
    }

    impl ModeGuard {
        pub(super) fn new(terminal: &File) -> io::Result<Self> {
            let terminal = terminal.try_clone()?;
            let saved = tcgetattr(&terminal)?;
            let is_over = Arc::new(AtomicBool::new(false));
            let is_signalled = Arc::new(AtomicBool::new(false));
            for signal in ENDING {
                // signal-hook never uninstalls its handler; once the guard is dropped, this one acts as the default.
                flag::register_conditional_default(signal, Arc::clone(&is_over))?;
                flag::register(signal, Arc::clone(&is_signalled))?;
            }
            let mut signals = Signals::new(ENDING)?;
            let handle = signals.handle();
            let (watched, modes) = (terminal.try_clone()?, saved.clone());
            let (running, ended) = mpsc::channel();
            let watch = move || {
                for signal in signals.forever() {
                    let _ = ended.recv_timeout(GRACE);
                    restore(&watched, &modes);
                    if signal == SIGINT {
                        let _ = kill_current_process_group(Signal::INT);
                    }
                    let _ = low_level::emulate_default_handler(signal);
                }
            };
            let watcher = thread::Builder::new()
                .name("signals".to_owned())
                .spawn(watch)?;
            Ok(Self {
                terminal,
                saved,
                is_over,
                is_signalled,
                handle,
                running: Some(running),
                watcher: Some(watcher),
            })
        }

        /// Turns the echo off. rpassword does so too, but only after it has written the question: a quick answer would
        /// be echoed, and the terminal would act on its Ctrl-C or Ctrl-D.
        ///
        /// # Errors
        /// If the terminal refuses.
        pub fn silence(&self) -> io::Result<()> {
            let mut silent = self.saved.clone();
            silent.local_modes.remove(
                LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG,
            );
            silent.special_codes[SpecialCodeIndex::VMIN] = 1;
            silent.special_codes[SpecialCodeIndex::VTIME] = 0;
            Ok(tcsetattr(&self.terminal, OptionalActions::Now, &silent)?)
        }
    }

    impl Drop for ModeGuard {
        fn drop(&mut self) {
            self.running = None;
            restore(&self.terminal, &self.saved);
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

    /// Leaves modes alone that nobody changed: setting them would stop a background job (SIGTTOU).
    fn restore(terminal: &File, saved: &Termios) {
        let is_changed = |current: Termios| {
            current.local_modes != saved.local_modes || current.input_modes != saved.input_modes
        };
        if tcgetattr(terminal).is_ok_and(is_changed) {
            let _ = tcsetattr(terminal, OptionalActions::Now, saved);
        }
    }
}

/// Elsewhere rpassword restores the console, and a command restores what it changed.
#[cfg(not(unix))]
pub struct ModeGuard;

#[cfg(not(unix))]
impl ModeGuard {
    fn new(_: &File) -> io::Result<Self> {
        Ok(Self)
    }

    /// rpassword turns the echo off.
    ///
    /// # Errors
    /// None.
    pub fn silence(&self) -> io::Result<()> {
        Ok(())
    }
}
