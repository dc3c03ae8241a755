//! Asks for credentials on the terminal, never on standard output or input, which belong to the calling script. The only
//! file that names rpassword.

use std::io;

use super::terminal::{SignalGuard, Terminal};

/// Why there is no answer.
#[derive(Debug)]
pub enum PromptError {
    /// Options or variables forbid to prompt.
    Forbidden,
    /// The process has no terminal.
    NoTerminal,
    /// The input ended (Ctrl-D).
    Ended,
    /// Ctrl-C.
    Interrupted,
    /// The terminal failed.
    Failed(io::Error),
}

/// Asks for one line, with echo.
///
/// # Errors
/// As [`PromptError`] lists.
pub fn visible(question: &str, no_input: bool) -> Result<String, PromptError> {
    match terminal(no_input)?.ask(question) {
        Ok(Some(answer)) => Ok(answer),
        Ok(None) => Err(PromptError::Ended),
        Err(error) => Err(PromptError::Failed(error)),
    }
}

/// Asks for one line, without echo. On Unix the echo is on again whatever signal ends the process.
///
/// # Errors
/// As [`PromptError`] lists.
pub fn hidden(question: &str, no_input: bool) -> Result<String, PromptError> {
    let terminal = terminal(no_input)?;
    let guard = SignalGuard::new(Some(&terminal)).map_err(PromptError::Failed)?;
    guard.silence().map_err(PromptError::Failed)?;
    rpassword::prompt_password(question).map_err(|error| match error.kind() {
        // rpassword has raised SIGINT, which ends the process when the guard is dropped; on Windows it has not.
        io::ErrorKind::Interrupted => PromptError::Interrupted,
        io::ErrorKind::UnexpectedEof => PromptError::Ended,
        _ => PromptError::Failed(error),
    })
}

fn terminal(no_input: bool) -> Result<Terminal, PromptError> {
    if no_input {
        return Err(PromptError::Forbidden);
    }
    Terminal::open().ok_or(PromptError::NoTerminal)
}
