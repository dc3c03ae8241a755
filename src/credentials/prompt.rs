//! Asks a person, on the terminal itself: never on standard output or input, which belong to the
//! script around us. The only file that names rpassword.

use std::io;

use super::terminal;
use crate::error::Error;
use crate::problem::Problem;

/// Why nothing was entered.
#[derive(Debug)]
pub enum PromptError {
    /// Options or variables forbid to ask.
    Forbidden,
    /// There is no terminal.
    NoTerminal,
    /// The person ended the input without an answer.
    Ended,
    /// Ctrl-C.
    Interrupted,
    /// The terminal failed.
    Failed(io::Error),
}

impl PromptError {
    /// The error for a run that `missing` variables would have made silent.
    pub fn explain(self, missing: &[&str]) -> Error {
        let what = match missing {
            [_] if missing[0].ends_with("SECRET") => "there is no client secret",
            [_] => "there is no client id",
            _ => "there are no client id and secret",
        };
        let why = match self {
            Self::Forbidden => "and asking is forbidden by --no-input, CELLS_NO_INPUT or CI",
            Self::NoTerminal => "and no terminal to ask on",
            Self::Ended => "because the input ended",
            Self::Interrupted => return Error::Interrupted,
            Self::Failed(error) => {
                return Error::Other(
                    anyhow::Error::new(error).context("cannot ask on the terminal"),
                );
            }
        };
        Error::NoCredentials(Problem::new(
            format!("{what}, {why}"),
            format!("set {}", missing.join(" and ")),
        ))
    }
}

/// Asks for one line, which is echoed.
///
/// # Errors
/// As [`PromptError`] lists.
pub fn visible(question: &str, no_input: bool) -> Result<String, PromptError> {
    if no_input {
        return Err(PromptError::Forbidden);
    }
    terminal::open()?.ask(question)
}

/// Asks for one line, which is not echoed. On Unix, whatever signal ends the process meanwhile, the
/// terminal echoes again first.
///
/// # Errors
/// As [`PromptError`] lists.
pub fn hidden(question: &str, no_input: bool) -> Result<String, PromptError> {
    if no_input {
        return Err(PromptError::Forbidden);
    }
    let terminal = terminal::open()?;
    let guard = terminal.guard_echo().map_err(PromptError::Failed)?;
    match rpassword::prompt_password(question) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            guard.interrupted();
            Err(PromptError::Interrupted)
        }
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(PromptError::Ended),
        Err(error) => Err(PromptError::Failed(error)),
    }
}
