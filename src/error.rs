//! The errors that end the program, and the exit code of each.

use crate::oauth::{TokenError, TokenErrorKind};
use crate::problem::Problem;

/// Why a command failed.
#[derive(Debug)]
pub enum Error {
    /// Invalid options, variables or URLs.
    Usage(Problem),
    /// No usable credentials, and no terminal to prompt on.
    NoCredentials(Problem),
    /// The request for a token failed.
    Token(TokenError),
    /// Ctrl-C, where the signal did not end the process.
    Interrupted,
    /// `run` or `sandbox` failed itself, before or beside the program it runs.
    BeforeCommand(Box<Self>),
    /// The program to run exists but cannot be executed.
    CannotRun(Problem),
    /// The program to run does not exist.
    NotFound(Problem),
    /// The address to listen on cannot be used.
    #[cfg_attr(
        not(any(feature = "server", test)),
        expect(dead_code, reason = "only the server listens")
    )]
    CannotListen(Problem),
    /// The operating system's keyring cannot be used.
    Keyring(Problem),
    /// Any other local failure.
    Other(anyhow::Error),
}

impl Error {
    /// The exit code for scripts.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Other(_) | Self::Keyring(_) | Self::CannotListen(_) => Exit::Unexpected,
            Self::Usage(_) => Exit::Usage,
            Self::NoCredentials(_) => Exit::NoCredentials,
            Self::Token(error) => match error.kind {
                TokenErrorKind::Refused => Exit::Refused,
                TokenErrorKind::Unreachable => Exit::Unreachable,
                TokenErrorKind::Unavailable => Exit::Unavailable,
                TokenErrorKind::Invalid => Exit::Invalid,
            },
            Self::BeforeCommand(_) => Exit::BeforeCommand,
            Self::CannotRun(_) => Exit::CannotRun,
            Self::NotFound(_) => Exit::NotFound,
            Self::Interrupted => Exit::Interrupted,
        }
    }

    /// Wraps an error of `run` or `sandbox`, whose other exit codes belong to the program they run.
    pub fn before_command(self) -> Self {
        Self::BeforeCommand(Box::new(self))
    }

    /// The message and hint to print.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Usage(problem)
            | Self::NoCredentials(problem)
            | Self::CannotListen(problem)
            | Self::Keyring(problem)
            | Self::CannotRun(problem)
            | Self::NotFound(problem) => problem.clone(),
            Self::BeforeCommand(error) => error.problem(),
            Self::Token(error) => error.problem.clone(),
            Self::Interrupted => Problem::new("interrupted", "run the command again"),
            Self::Other(error) => {
                Problem::new(format!("{error:#}"), "run again with --verbose for details")
            }
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

macro_rules! exits {
    ($($code:ident = $number:literal: $about:literal;)*) => {
        /// The exit codes. `run` and `sandbox` pass on the status of the program they run, and use 125 to 127 for
        /// their own failures.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Exit {
            $(#[doc = $about] $code = $number,)*
        }

        impl Exit {
            /// Every code, in the order of the man page.
            #[cfg(test)]
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// Its meaning, for the man page.
            #[cfg(test)]
            pub fn about(self) -> &'static str {
                match self {
                    $(Self::$code => $about,)*
                }
            }
        }
    };
}

exits! {
    Success = 0: "Success.";
    Unexpected = 1: "Unexpected failure, including failures of standard output and the keyring.";
    Usage = 2: "Invalid options, variables, profiles or URLs.";
    NoCredentials = 3: "No usable credentials, and no terminal to prompt on.";
    Refused = 4: "The service refused the credentials.";
    Unreachable = 5: "The service cannot be reached (DNS, connection, TLS, proxy, timeout); retrying may help.";
    Unavailable = 6: "The service is unavailable or limits the request rate, even after retries; retry later.";
    Invalid = 7: "The answer is not a token response.";
    BeforeCommand = 125: "run or sandbox failed itself, usage errors included.";
    CannotRun = 126: "run or sandbox cannot execute the command.";
    NotFound = 127: "run or sandbox cannot find the command.";
    Interrupted = 130: "Interrupted.";
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
    fn each_error_has_an_exit_code_and_a_message() {
        let problem = || Problem::new("what", "hint");
        let token = |kind| Error::from(TokenError::new(kind, "what", "hint"));
        for (error, code) in [
            (Error::from(anyhow::anyhow!("what")), 1),
            (Error::CannotListen(problem()), 1),
            (Error::Keyring(problem()), 1),
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
