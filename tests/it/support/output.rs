//! The result of a finished run, assertions on it, and the rules that every run must follow.

use std::time::Duration;

use serde_json::Value;

/// A finished run.
pub struct Output {
    /// The command line, for messages.
    pub args: String,
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub elapsed: Duration,
}

impl Output {
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "exit code of {self}");
        self
    }

    #[track_caller]
    pub fn prints(&self, stdout: &str) -> &Self {
        assert_eq!(self.stdout, stdout, "stdout of {self}");
        self
    }

    /// stderr contains this text.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(
            self.stderr.contains(text),
            "{text:?} is missing from stderr of {self}"
        );
        self
    }

    /// stderr doesn't contain this text.
    #[track_caller]
    pub fn never_says(&self, text: &str) -> &Self {
        assert!(
            !self.stderr.contains(text),
            "{text:?} is in stderr of {self}"
        );
        self
    }

    /// stderr contains this text, ignoring case.
    #[track_caller]
    pub fn mentions(&self, text: &str) -> &Self {
        let (stderr, lower) = (self.stderr.to_lowercase(), text.to_lowercase());
        assert!(
            stderr.contains(&lower),
            "{text:?} is not mentioned in stderr of {self}"
        );
        self
    }

    /// A hint contains this text.
    #[track_caller]
    pub fn hints(&self, text: &str) -> &Self {
        let mut hints = self
            .stderr
            .lines()
            .filter(|line| line.starts_with("hint: "));
        assert!(
            hints.any(|hint| hint.contains(text)),
            "no hint names {text:?}: {self}"
        );
        self
    }

    /// stdout as a JSON object that ends with a newline.
    #[track_caller]
    pub fn json(&self) -> Value {
        self.exits(0);
        assert!(self.stdout.ends_with("}\n"), "stdout of {self}");
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// Messages have the documented form. For runs of the program itself, not of a shell.
    pub fn assert_message_format(&self) {
        self.assert_safe_stderr();
        let failed = self.code != Some(0);
        if failed {
            assert_eq!(
                self.stdout, "",
                "a failed run prints nothing to stdout: {self}"
            );
        }
        if !matches!(self.code, Some(1..=7)) {
            return;
        }
        let lines: Vec<&str> = self.stderr.lines().collect();
        let is_error = |line: &&str| line.starts_with("cells-token: error: ");
        assert_eq!(
            lines.iter().copied().filter(|line| is_error(line)).count(),
            1,
            "one error line: {self}"
        );
        let error = lines.iter().position(is_error).unwrap();
        let message = &lines[error]["cells-token: error: ".len()..];
        assert!(
            !starts_with_capital(message),
            "the error begins in lower case: {self}"
        );
        let is_verbose = self.args.contains("\"-v\"") || self.args.contains("\"--verbose\"");
        let first = lines
            .iter()
            .find(|line| !line.starts_with("cells-token: warning: "))
            .unwrap();
        assert!(
            is_verbose || is_error(first),
            "the error comes first: {self}"
        );
        let has_hint = lines[error..].iter().any(|line| line.starts_with("hint: "));
        let is_quiet = self.args.contains("\"-q\"") || self.args.contains("\"--quiet\"");
        assert!(has_hint || is_quiet, "a hint follows: {self}");
    }

    /// stderr has no panic, backtrace, control or bidirectional character.
    pub fn assert_safe_stderr(&self) {
        for word in ["panicked", "RUST_BACKTRACE", "stack backtrace"] {
            self.never_says(word);
        }
        let is_unsafe = |c: &char| (c.is_control() && *c != '\n') || is_bidi(*c);
        let found = self.stderr.chars().find(is_unsafe);
        assert!(found.is_none(), "{found:?} in stderr of {self}");
    }
}

/// Whether it begins with a capitalized word. A name such as `CELLS_BASE_URL` or `ProductClientId` is none.
fn starts_with_capital(message: &str) -> bool {
    let mut first_word = message.split(' ').next().unwrap().chars();
    first_word.next().is_some_and(char::is_uppercase) && !first_word.any(char::is_uppercase)
}

/// Bidirectional control characters, which reorder the text on screen (UAX #9).
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            args,
            code,
            signal,
            stdout,
            stderr,
            elapsed,
        } = self;
        write!(
            f,
            "{args}\n  code {code:?}, signal {signal:?}, {elapsed:.2?}\n"
        )?;
        write!(f, "  stdout: {stdout:?}\n  stderr: {stderr:?}\n")
    }
}
