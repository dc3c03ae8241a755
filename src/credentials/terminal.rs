//! The controlling terminal, wherever standard input and output go.

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
        let _guard = unix::EchoGuard::new(self)?;
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
mod unix {
    use std::fs::File;
    use std::sync::Arc;
    use std::{io, thread};

    use rustix::process::getpgrp;
    use rustix::termios::{
        InputModes, LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr,
    };
    use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    use super::Terminal;

    /// Keeps the echo off. Restores the modes of the terminal when it is dropped, or a signal ends the process.
    pub struct EchoGuard(Arc<Modes>);

    struct Modes {
        terminal: File,
        saved: Termios,
        silent: Termios,
    }

    impl EchoGuard {
        /// Turns the echo off.
        ///
        /// # Errors
        /// If the modes cannot be changed or signals cannot be caught.
        pub fn new(terminal: &Terminal) -> io::Result<Self> {
            let saved = tcgetattr(&terminal.input)?;
            let mut silent = saved.clone();
            silent.local_modes.remove(LocalModes::ECHO);
            // A line at a time, and signals by Ctrl-C and Ctrl-Z, whatever mode another program has left.
            let modes = LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG;
            silent.local_modes.insert(modes);
            silent.input_modes.insert(InputModes::ICRNL);
            let modes = Arc::new(Modes {
                terminal: terminal.input.try_clone()?,
                saved,
                silent,
            });
            let guarded = Arc::downgrade(&modes);
            let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCONT])?;
            // It goes on after the guard is dropped: signal-hook never uninstalls its handlers.
            let watch = move || {
                for signal in signals.forever() {
                    match (signal, guarded.upgrade()) {
                        // The shell has set its own modes since Ctrl-Z.
                        (SIGCONT, modes) => drop(modes.map(|modes| modes.set(&modes.silent))),
                        (_, modes) => {
                            drop(modes.map(|modes| modes.set(&modes.saved)));
                            let _ = emulate_default_handler(signal);
                        }
                    }
                }
            };
            let thread = thread::Builder::new().name("signals".to_owned());
            thread.spawn(watch)?;
            modes.set(&modes.silent)?;
            Ok(Self(modes))
        }
    }

    impl Drop for EchoGuard {
        fn drop(&mut self) {
            let _ = self.0.set(&self.0.saved);
        }
    }

    impl Modes {
        /// Does nothing in a background job, which it would stop (SIGTTOU).
        fn set(&self, modes: &Termios) -> io::Result<()> {
            if tcgetpgrp(&self.terminal)? == getpgrp() {
                tcsetattr(&self.terminal, OptionalActions::Now, modes)?;
            }
            Ok(())
        }
    }
}
