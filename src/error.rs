//! The errors that end the program, and the exit code of each.

use crate::oauth::{TokenError, TokenErrorKind};
use crate::problem::Problem;

/// Why a command failed.
#[derive(Debug)]
pub enum Error {
    /// The request for a token failed.
    Token(TokenError),
    /// Anything else, with the exit code it has.
    Local(Exit, Problem),
}

impl Error {
    /// The exit code for scripts.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Local(exit, _) => *exit,
            Self::Token(error) => match error.kind {
                TokenErrorKind::Refused => Exit::Refused,
                TokenErrorKind::Unreachable => Exit::Unreachable,
                TokenErrorKind::Unavailable => Exit::Unavailable,
                TokenErrorKind::Invalid => Exit::Invalid,
            },
        }
    }

    /// The message and hint to print.
    pub fn problem(&self) -> &Problem {
        match self {
            Self::Local(_, problem) => problem,
            Self::Token(error) => &error.problem,
        }
    }

    /// The same as an error of `run` or `sandbox`, whose other exit codes belong to the program they run.
    pub fn before_command(self) -> Self {
        Self::Local(Exit::BeforeCommand, self.problem().clone())
    }
}

/// What is wrong with options, variables, profiles and URLs.
impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Local(Exit::Usage, problem)
    }
}

impl From<TokenError> for Error {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

impl From<anyhow::Error> for Error {
    fn from(error: anyhow::Error) -> Self {
        let hint = "run again with --verbose for details";
        Self::Local(Exit::Unexpected, Problem::new(format!("{error:#}"), hint))
    }
}

/// The exit codes. `run` and `sandbox` pass on the status of the program they run, and use 125 to 127 for their own
/// failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Success.
    Success = 0,
    /// An unexpected failure, including failures of standard output and the keyring.
    Unexpected = 1,
    /// Invalid options, variables, profiles or URLs.
    Usage = 2,
    /// No usable credentials, and no terminal to prompt on.
    NoCredentials = 3,
    /// The service refused the credentials.
    Refused = 4,
    /// The service cannot be reached.
    Unreachable = 5,
    /// The service is unavailable or limits the request rate.
    Unavailable = 6,
    /// The answer is not a token response.
    Invalid = 7,
    /// `run` or `sandbox` failed itself, usage errors included.
    BeforeCommand = 125,
    /// `run` or `sandbox` cannot execute the command.
    CannotRun = 126,
    /// `run` or `sandbox` cannot find the command.
    NotFound = 127,
    /// Ctrl-C, where the signal did not end the process.
    Interrupted = 130,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        (exit as u8).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_failure_has_an_exit_code() {
        let token = |kind| Error::from(TokenError::new(kind, "what", "hint"));
        for (error, code) in [
            (Error::from(anyhow::anyhow!("what")), 1),
            (Error::from(Problem::new("what", "hint")), 2),
            (token(TokenErrorKind::Refused), 4),
            (token(TokenErrorKind::Unreachable), 5),
            (token(TokenErrorKind::Unavailable), 6),
            (token(TokenErrorKind::Invalid), 7),
        ] {
            assert_eq!(error.exit() as u8, code, "{error:?}");
            assert_eq!(error.problem().what, "what");
            assert_eq!(error.before_command().exit() as u8, 125);
        }
    }
}
