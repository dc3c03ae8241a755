//! The terminal of the person at the keyboard, wherever standard input and output go, and the
//! promise that it echoes again whatever ends the prompt.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};

use super::prompt::PromptError;

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

/// Opens the terminal that controls this process.
///
/// # Errors
/// `NoTerminal` if there is none.
pub fn open() -> Result<Terminal, PromptError> {
    // Windows grants a console's mode only to handles that may both read and write.
    let open = |path| File::options().read(true).write(true).open(path);
    match (open(INPUT), open(OUTPUT)) {
        (Ok(input), Ok(output)) => Ok(Terminal { input, output }),
        _ => Err(PromptError::NoTerminal),
    }
}

impl Terminal {
    /// Asks for one line, echoed.
    ///
    /// # Errors
    /// `Ended` if the input ended first; `Failed` if the terminal did.
    pub fn ask(&self, question: &str) -> Result<String, PromptError> {
        let ask = || {
            (&self.output).write_all(question.as_bytes())?;
            let mut answer = String::new();
            let length = BufReader::new(&self.input).read_line(&mut answer)?;
            Ok((length > 0).then_some(answer))
        };
        match ask() {
            Ok(Some(answer)) => Ok(answer.trim_end_matches(['\r', '\n']).to_owned()),
            Ok(None) => Err(PromptError::Ended),
            Err(error) => Err(PromptError::Failed(error)),
        }
    }

    /// Switches the echo off, and watches over the terminal until it may be on again.
    ///
    /// # Errors
    /// If signals cannot be watched.
    pub fn guard_echo(&self) -> io::Result<EchoGuard> {
        EchoGuard::new(self)
    }
}

#[cfg(unix)]
pub use unix::EchoGuard;

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

    use super::Terminal;

    /// The signals that end a process at a prompt.
    const ENDING: [i32; 4] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT];

    /// How long a signal waits for the prompt to return. For Ctrl-C it does: rpassword sets the terminal as it found it
    /// after it has raised SIGINT. A signal from elsewhere may come between the question and rpassword's own silence,
    /// which must not be the last word.
    const RETURN: Duration = Duration::from_millis(200);

    /// While this lives, the terminal does not echo, and a signal that ends the process first lets it
    /// echo again. SIGINT is passed on to the process group, as the terminal itself would have done, so that the
    /// script around us stops too.
    pub struct EchoGuard {
        terminal: File,
        echoing: Termios,
        is_over: Arc<AtomicBool>,
        handle: Handle,
        /// Dropped when the prompt has returned.
        prompting: Option<Sender<()>>,
        watcher: Option<JoinHandle<()>>,
    }

    impl EchoGuard {
        pub(super) fn new(terminal: &Terminal) -> io::Result<Self> {
            let terminal = terminal.input.try_clone()?;
            let echoing = tcgetattr(&terminal)?;
            let is_over = Arc::new(AtomicBool::new(false));
            for signal in ENDING {
                // signal-hook never gives a signal back; this makes it act as if it did.
                flag::register_conditional_default(signal, Arc::clone(&is_over))?;
            }
            let mut signals = Signals::new(ENDING)?;
            let handle = signals.handle();
            let (watched, restored) = (terminal.try_clone()?, echoing.clone());
            let (prompting, returned) = mpsc::channel();
            let watch = move || {
                for signal in signals.forever() {
                    let _ = returned.recv_timeout(RETURN);
                    let _ = tcsetattr(&watched, OptionalActions::Now, &restored);
                    if signal == SIGINT {
                        let _ = kill_current_process_group(Signal::INT);
                    }
                    let _ = low_level::emulate_default_handler(signal);
                }
            };
            let watcher = Some(
                thread::Builder::new()
                    .name("signals".to_owned())
                    .spawn(watch)?,
            );
            // As rpassword will set it, but it writes the question first: a quick answer would be
            // echoed, and its Ctrl-C or Ctrl-D taken by the line discipline.
            let mut silent = echoing.clone();
            silent.local_modes.remove(
                LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG,
            );
            silent.special_codes[SpecialCodeIndex::VMIN] = 1;
            silent.special_codes[SpecialCodeIndex::VTIME] = 0;
            tcsetattr(&terminal, OptionalActions::Now, &silent)?;
            Ok(Self {
                terminal,
                echoing,
                is_over,
                handle,
                prompting: Some(prompting),
                watcher,
            })
        }

        /// Ctrl-C was typed and its SIGINT raised: waits for the watcher to end the process.
        pub fn interrupted(mut self) {
            self.prompting = None;
            if let Some(watcher) = self.watcher.take() {
                let _ = watcher.join();
            }
        }
    }

    impl Drop for EchoGuard {
        fn drop(&mut self) {
            let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.echoing);
            self.is_over.store(true, Ordering::SeqCst);
            self.handle.close();
            if let Some(watcher) = self.watcher.take() {
                let _ = watcher.join();
            }
        }
    }
}

/// Elsewhere the console belongs to rpassword alone.
#[cfg(not(unix))]
pub struct EchoGuard;

#[cfg(not(unix))]
impl EchoGuard {
    fn new(_: &Terminal) -> io::Result<Self> {
        Ok(Self)
    }

    /// Nothing to wait for.
    pub fn interrupted(self) {}
}
