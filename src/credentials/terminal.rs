//! The controlling terminal, wherever standard input and output go, and a guard that restores its modes even if a signal
//! ends the process.

use std::fs::File;
use std::io::{self, Read as _, Write as _};

use zeroize::Zeroizing;

#[cfg(unix)]
const INPUT: &str = "/dev/tty";
#[cfg(unix)]
const OUTPUT: &str = "/dev/tty";
#[cfg(windows)]
const INPUT: &str = "CONIN$";
#[cfg(windows)]
const OUTPUT: &str = "CONOUT$";

/// The longest line that a terminal on Linux passes on, in bytes.
const LONGEST_LINE: usize = 4096;

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

    /// Asks for one line. `None` if the input ended.
    ///
    /// # Errors
    /// If the terminal cannot be read or written.
    pub fn ask(&self, question: &str) -> io::Result<Option<Zeroizing<String>>> {
        (&self.output).write_all(question.as_bytes())?;
        // Allocated once: a buffer that grows leaves copies of a secret behind.
        let mut line = Zeroizing::new(Vec::with_capacity(LONGEST_LINE));
        let mut byte = [0];
        while !line.ends_with(b"\n") && (&self.input).read(&mut byte)? > 0 {
            line.extend(byte);
        }
        let text = str::from_utf8(&line)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        Ok((!text.is_empty()).then(|| Zeroizing::new(text.to_owned())))
    }

    /// Asks for one line without echo. `None` if the input ended.
    ///
    /// # Errors
    /// If the terminal cannot be read or written.
    #[cfg(unix)]
    pub fn ask_without_echo(&self, question: &str) -> io::Result<Option<Zeroizing<String>>> {
        let _guard = ModeGuard::without_echo(self)?;
        self.ask(question)
    }

    /// The same on Windows, where the console belongs to rpassword.
    #[cfg(windows)]
    pub fn ask_without_echo(&self, question: &str) -> io::Result<Option<Zeroizing<String>>> {
        match rpassword::prompt_password(question) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            answer => Ok(Some(Zeroizing::new(answer?))),
        }
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
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::{io, thread};

    use rustix::termios::{InputModes, LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
    use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    use signal_hook::iterator::{Handle, Signals};
    use signal_hook::{flag, low_level};

    use super::Terminal;

    /// Signals that end a process at a prompt.
    const ENDING: [i32; 4] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT];

    /// Restores the modes that a terminal had when the guard was created: when it is dropped, or a signal ends the process.
    pub struct ModeGuard {
        modes: Arc<Modes>,
        is_over: Arc<AtomicBool>,
        is_signalled: Arc<AtomicBool>,
        watcher: Handle,
    }

    struct Modes {
        terminal: File,
        saved: Termios,
        /// The modes for a prompt without echo.
        silent: Option<Termios>,
    }

    impl ModeGuard {
        /// Turns the echo off.
        ///
        /// # Errors
        /// If the modes cannot be changed or signals cannot be caught.
        pub fn without_echo(terminal: &Terminal) -> io::Result<Self> {
            let mut silent = tcgetattr(&terminal.input)?;
            silent.local_modes.remove(LocalModes::ECHO);
            let modes = LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG;
            silent.local_modes.insert(modes);
            silent.input_modes.insert(InputModes::ICRNL);
            Self::new(terminal, Some(silent))
        }

        /// Leaves the modes to another program.
        ///
        /// # Errors
        /// If the modes cannot be read or signals cannot be caught.
        pub fn for_command(terminal: &Terminal) -> io::Result<Self> {
            Self::new(terminal, None)
        }

        fn new(terminal: &Terminal, silent: Option<Termios>) -> io::Result<Self> {
            let modes = Arc::new(Modes {
                terminal: terminal.input.try_clone()?,
                saved: tcgetattr(&terminal.input)?,
                silent,
            });
            let is_over = Arc::new(AtomicBool::new(false));
            let is_signalled = Arc::new(AtomicBool::new(false));
            for signal in ENDING {
                // signal-hook never uninstalls its handler; once the guard is dropped, this one acts as the default.
                flag::register_conditional_default(signal, Arc::clone(&is_over))?;
                flag::register(signal, Arc::clone(&is_signalled))?;
            }
            let mut signals = Signals::new(ENDING)?;
            signals.add_signal(SIGCONT)?;
            let watcher = signals.handle();
            let watched = Arc::clone(&modes);
            let watch = move || {
                for signal in signals.forever() {
                    match signal {
                        // The shell has set its own modes since Ctrl-Z.
                        SIGCONT => drop(watched.silence()),
                        _ => {
                            watched.restore();
                            let _ = low_level::emulate_default_handler(signal);
                        }
                    }
                }
            };
            thread::Builder::new()
                .name("signals".to_owned())
                .spawn(watch)?;
            modes.silence()?;
            Ok(Self {
                modes,
                is_over,
                is_signalled,
                watcher,
            })
        }
    }

    impl Drop for ModeGuard {
        fn drop(&mut self) {
            self.modes.restore();
            self.is_over.store(true, Ordering::SeqCst);
            // The watcher is about to end the process.
            while self.is_signalled.load(Ordering::SeqCst) {
                thread::park();
            }
            self.watcher.close();
        }
    }

    impl Modes {
        fn silence(&self) -> io::Result<()> {
            match &self.silent {
                Some(silent) => Ok(tcsetattr(&self.terminal, OptionalActions::Now, silent)?),
                None => Ok(()),
            }
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
}
