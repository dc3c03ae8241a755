//! What can go wrong, and the exit code of each: the only place where the two meet.

use crate::oauth::{TokenError, TokenErrorKind};
use crate::problem::Problem;

/// Why there is no token.
#[derive(Debug)]
pub enum Error {
    /// Options, variables or URLs that cannot be right.
    Usage(Problem),
    /// No usable credentials, and nobody to ask.
    NoCredentials(Problem),
    /// The authorization server, or the way to it, gave no token.
    Token(TokenError),
    /// Ctrl-C where the signal itself could not end the process.
    Interrupted,
    /// A local failure that nobody foresaw.
    Other(anyhow::Error),
}

impl Error {
    /// The exit code that tells a script what this is.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Other(_) => Exit::Unexpected,
            Self::Usage(_) => Exit::Usage,
            Self::NoCredentials(_) => Exit::NoCredentials,
            Self::Token(error) => match error.kind {
                TokenErrorKind::Refused => Exit::Refused,
                TokenErrorKind::Unreachable => Exit::Unreachable,
                TokenErrorKind::Unavailable => Exit::Unavailable,
                TokenErrorKind::Invalid => Exit::Invalid,
            },
            Self::Interrupted => Exit::Interrupted,
        }
    }

    /// The error in words.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Usage(problem) | Self::NoCredentials(problem) => problem.clone(),
            Self::Token(error) => error.problem.clone(),
            Self::Interrupted => Problem::new("interrupted", "run it again when you are ready"),
            Self::Other(error) => Problem::new(
                format!("{error:#}"),
                "this is a failure of the machine, not of your credentials; -v tells more",
            ),
        }
    }
}

impl From<TokenError> for Error {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

impl From<anyhow::Error> for Error {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

/// The exit codes of every verb but `run` and `sandbox`, which pass on their command's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Unexpected failure, standard output included.
    Unexpected = 1,
    /// Options, variables or URLs that cannot be right.
    Usage = 2,
    /// No usable credentials, and nobody to ask.
    NoCredentials = 3,
    /// The credentials were refused.
    Refused = 4,
    /// The service cannot be reached.
    Unreachable = 5,
    /// The service is unavailable or limits requests.
    Unavailable = 6,
    /// The answer is not a token response.
    Invalid = 7,
    /// Interrupted.
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
    fn each_error_has_its_exit_code_and_words() {
        let problem = || Problem::new("what", "hint");
        let token = |kind| Error::from(TokenError::new(kind, "what", "hint"));
        for (error, code) in [
            (Error::from(anyhow::anyhow!("what")), 1),
            (Error::Usage(problem()), 2),
            (Error::NoCredentials(problem()), 3),
            (token(TokenErrorKind::Refused), 4),
            (token(TokenErrorKind::Unreachable), 5),
            (token(TokenErrorKind::Unavailable), 6),
            (token(TokenErrorKind::Invalid), 7),
            (Error::Interrupted, 130),
        ] {
            assert_eq!(error.exit() as u8, code, "{error:?}");
            let Problem { what, hint } = error.problem();
            assert!(what == "what" || code == 130, "{what}");
            assert!(!hint.is_empty());
        }
    }
}
