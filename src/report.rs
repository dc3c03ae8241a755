//! Messages on standard error: `error:`, `hint:`, `warning:`, and the story that `-v` tells.
//!
//! Whatever is said passes through `escaped`, because part of it may have been chosen by a server.
//! A standard error that cannot be written is no reason to fail, so write errors are ignored.

use std::borrow::Cow;
use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use console::Term;

use crate::error::Error;

/// How often what is waited for is looked at.
const TICK: Duration = Duration::from_millis(100);

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// Errors and warnings.
    Normal,
    /// And why each decision was taken.
    Verbose,
}

/// Says things on standard error.
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
            shows_progress: verbosity == Verbosity::Normal,
        }
    }

    /// The same where nobody waits at the terminal for what takes long.
    #[cfg(feature = "server")]
    pub fn without_progress(self) -> Self {
        Self {
            shows_progress: false,
            ..self
        }
    }

    /// How much it says.
    #[cfg(feature = "server")]
    pub fn verbosity(self) -> Verbosity {
        self.verbosity
    }

    /// What ended the program, and what to do about it.
    pub fn error(self, error: &Error) {
        let problem = error.problem();
        say("cells-token: error: ", &problem.what);
        say("hint: ", &problem.hint);
    }

    /// Something the user should know although it worked.
    pub fn warning(self, text: &str) {
        if self.verbosity >= Verbosity::Normal {
            say("cells-token: warning: ", text);
        }
    }

    /// What was done or can be used now, where standard output has nothing to show for it.
    pub fn info(self, text: &str) {
        if self.verbosity >= Verbosity::Normal {
            say("cells-token: ", text);
        }
    }

    /// The same of each, in one write.
    #[cfg(feature = "server")]
    pub fn info_lines(self, texts: impl Iterator<Item = String>) {
        if self.verbosity >= Verbosity::Normal {
            let line = |text: String| format!("cells-token: {}\n", escaped(&text));
            let lines: String = texts.map(line).collect();
            let _ = io::stderr().write_all(lines.as_bytes());
        }
    }

    /// Something is waited for from now on. With `-v` the story says it already.
    pub fn progress(self, what: impl Into<String>) -> Progress {
        Progress {
            what: what.into(),
            since: Instant::now(),
            is_allowed: self.shows_progress,
            terminal: None,
            shown_seconds: 0,
        }
    }

    /// A line to copy from the terminal, below what `done` said.
    pub fn indented(self, line: &str) {
        if self.verbosity >= Verbosity::Normal {
            say("  ", line);
        }
    }

    /// A decision and its reason. Takes a closure so that silence costs nothing.
    pub fn verbose(self, text: impl FnOnce() -> String) {
        if self.verbosity >= Verbosity::Verbose {
            say("cells-token: ", &text());
        }
    }
}

/// Shows on a terminal what is waited for, and how long already; gone when dropped.
pub struct Progress {
    what: String,
    since: Instant,
    is_allowed: bool,
    terminal: Option<Term>,
    shown_seconds: u64,
}

impl Progress {
    /// To be called often while waiting. Nothing is shown in the first second.
    pub fn tick(&mut self) {
        let seconds = self.since.elapsed().as_secs();
        if seconds == self.shown_seconds || !self.is_allowed {
            return;
        }
        let terminal = self.terminal.get_or_insert_with(Term::stderr);
        if !terminal.is_term() {
            self.is_allowed = false;
            return;
        }
        // What does not fit into one line could not be cleared.
        let (_, width) = terminal.size();
        let line: String = format!(
            "cells-token: waiting for {} ({seconds} s)",
            escaped(&self.what)
        )
        .chars()
        .take(width.into())
        .collect();
        let _ = terminal
            .clear_line()
            .and_then(|()| terminal.write_str(&line));
        self.shown_seconds = seconds;
    }

    /// Waits that long.
    pub fn sleep(&mut self, duration: Duration) {
        let end = Instant::now() + duration;
        while let Some(left) = end
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero())
        {
            thread::sleep(left.min(TICK));
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

fn say(prefix: &str, text: &str) {
    // One write a line, so that parallel jobs do not mix theirs.
    let line = format!("{prefix}{}\n", escaped(text));
    let _ = io::stderr().write_all(line.as_bytes());
}

/// `text` with every character escaped that could move the cursor, end the line, or reorder or
/// hide what is read (Unicode's bidirectional controls and zero-width characters).
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(is_deceptive) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_deceptive(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown.into()
}

fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_bidirectional_characters_are_escaped() {
        for (text, shown) in [
            ("plain é 漢", "plain é 漢"),
            ("\u{1b}[31mred\r\n", "\\u{1b}[31mred\\r\\n"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{202e}evil\u{2066}", "\\u{202e}evil\\u{2066}"),
            ("a\u{200b}b\u{feff}", "a\\u{200b}b\\u{feff}"),
            ("nul\0del\u{7f}", "nul\\u{0}del\\u{7f}"),
        ] {
            assert_eq!(escaped(text), shown);
        }
    }
}
