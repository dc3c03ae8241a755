//! Messages on standard error: `error:`, `hint:`, `warning:`, the steps that `-v` explains, and a progress line.
//!
//! Every message is escaped, because parts of it may come from a server. Write errors are ignored: a closed standard
//! error must not make a command fail.

#[cfg(feature = "server")]
mod background;

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use console::Term;
use textwrap::{WordSeparator, WordSplitter, WrapAlgorithm};

use crate::problem::Problem;
use crate::server_text::escaped;
use crate::time::Deadline;

#[cfg(feature = "server")]
pub use background::BackgroundWriter;

/// How often the progress line is checked while sleeping.
const TICK: Duration = Duration::from_millis(100);

/// Which messages are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors.
    Quiet,
    /// Errors, warnings and results.
    Normal,
    /// Also each step and its reason.
    Verbose,
}

/// Prints messages to standard error.
#[derive(Clone, Copy, Debug)]
pub struct Reporter {
    verbosity: Verbosity,
    shows_progress: bool,
}

impl Reporter {
    /// Creates a reporter with the given verbosity.
    pub fn new(verbosity: Verbosity) -> Self {
        Self {
            verbosity,
            // With `-v`, a message already explains each wait.
            shows_progress: verbosity == Verbosity::Normal,
        }
    }

    /// Turns off the progress line, for the server.
    #[cfg(feature = "server")]
    pub fn without_progress(self) -> Self {
        Self {
            shows_progress: false,
            ..self
        }
    }

    /// Which messages are printed.
    #[cfg(feature = "server")]
    pub fn verbosity(self) -> Verbosity {
        self.verbosity
    }

    /// Prints the error that ends the program, and its hint.
    pub fn error(self, problem: &Problem) {
        print("cells-token: error: ", &problem.what);
        print("hint: ", &problem.hint);
    }

    /// Prints a warning about something that did not prevent success.
    pub fn warning(self, text: &str) {
        if self.verbosity >= Verbosity::Normal {
            print("cells-token: warning: ", text);
        }
    }

    /// Prints a result that does not belong on standard output.
    pub fn info(self, text: &str) {
        if self.verbosity >= Verbosity::Normal {
            print("cells-token: ", text);
        }
    }

    /// Prints a line of a log, without wrapping it.
    #[cfg(feature = "server")]
    pub fn log_line(self, text: &str) {
        if self.verbosity >= Verbosity::Normal {
            write(format!("cells-token: {}\n", escaped(text)));
        }
    }

    /// Explains a step. Takes a closure, so that nothing is formatted without `-v`.
    pub fn verbose(self, text: impl FnOnce() -> String) {
        if self.verbosity >= Verbosity::Verbose {
            print("cells-token: ", &text());
        }
    }

    /// Starts waiting for `what`: a terminal shows it after a second.
    pub fn progress(self, what: impl Into<String>) -> Progress {
        Progress {
            what: what.into(),
            start: Instant::now(),
            terminal: self.shows_progress.then(Term::stderr).filter(Term::is_term),
            shown_seconds: 0,
        }
    }
}

/// A line on the terminal that says what the program waits for. Dropping it clears the line.
pub struct Progress {
    what: String,
    start: Instant,
    terminal: Option<Term>,
    shown_seconds: u64,
}

impl Progress {
    /// Updates the line once a second. Call it often while waiting.
    pub fn tick(&mut self) {
        let seconds = self.start.elapsed().as_secs();
        let Some(terminal) = &self.terminal else {
            return;
        };
        if seconds == self.shown_seconds {
            return;
        }
        let text = format!("cells-token: waiting for {} ({seconds} s)", self.what);
        // A line wider than the terminal could not be cleared.
        let (_, width) = terminal.size();
        let line: String = escaped(&text).chars().take(width.into()).collect();
        let _ = terminal
            .clear_line()
            .and_then(|()| terminal.write_str(&line));
        self.shown_seconds = seconds;
    }

    /// Sleeps for `duration` and keeps the line up to date.
    pub fn sleep(&mut self, duration: Duration) {
        let end = Deadline::after(duration);
        while !end.remaining().is_zero() {
            thread::sleep(end.remaining().min(TICK));
            self.tick();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let (Some(terminal), 1..) = (&self.terminal, self.shown_seconds) {
            let _ = terminal.clear_line();
        }
    }
}

/// Prints one message, wrapped at the width of the terminal if standard error is one.
fn print(prefix: &str, text: &str) {
    let mut line = format!("{prefix}{}", escaped(text));
    if let Some((_, width)) = Term::stderr().size_checked() {
        line = wrapped(&line, width.into());
    }
    write(line + "\n");
}

/// Wraps `text` between words. A word that is longer than a line, such as a URL, stays whole.
fn wrapped(text: &str, width: usize) -> String {
    let options = textwrap::Options::new(width)
        .subsequent_indent("  ")
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit);
    textwrap::fill(text, options)
}

/// Writes a whole message at once, so that lines of parallel processes don't mix.
fn write(text: String) {
    #[cfg(feature = "server")]
    let Some(text) = background::queue(text) else {
        return;
    };
    let _ = io::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_messages_wrap_between_words() {
        let url = "https://api.aspose.cloud/v4.0/cells/connect/token";
        for (text, lines) in [
            ("short", &["short"][..]),
            (
                "eight words would not fit on one line",
                &["eight words would", "  not fit on one", "  line"],
            ),
            (
                &format!("see {url} or not"),
                &["see", &format!("  {url}"), "  or not"],
            ),
            (
                "a-hyphenated-long-name stays",
                &["a-hyphenated-long-name", "  stays"],
            ),
        ] {
            assert_eq!(wrapped(text, 18), lines.join("\n"));
        }
    }
}
