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
    /// A verb that runs a command failed itself, for this reason; the other codes are the command's.
    BeforeCommand(Box<Self>),
    /// The command to run is there and cannot be run.
    CannotRun(Problem),
    /// There is no such command.
    NotFound(Problem),
    /// Nobody can connect to the address that was named.
    #[cfg_attr(
        not(any(feature = "server", test)),
        expect(dead_code, reason = "only who listens can fail to")
    )]
    CannotListen(Problem),
    /// A local failure that nobody foresaw.
    Other(anyhow::Error),
}

impl Error {
    /// The exit code that tells a script what this is.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Other(_) | Self::CannotListen(_) => Exit::Unexpected,
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

    /// The same, of a verb that passes on its command's status.
    pub fn before_command(self) -> Self {
        Self::BeforeCommand(Box::new(self))
    }

    /// The error in words.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Usage(problem)
            | Self::NoCredentials(problem)
            | Self::CannotListen(problem)
            | Self::CannotRun(problem)
            | Self::NotFound(problem) => problem.clone(),
            Self::BeforeCommand(error) => error.problem(),
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

macro_rules! exits {
    ($($code:ident = $number:literal: $about:literal;)*) => {
        /// The exit codes. A verb that runs a command passes on its status, and has codes of its own
        /// for what comes before it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Exit {
            $(#[doc = $about] $code = $number,)*
        }

        impl Exit {
            /// Every code, in the order of the manual.
            #[cfg(test)]
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// What it tells a script, for the manual.
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
    Done = 0: "Done.";
    Unexpected = 1: "Unexpected failure, standard output included.";
    Usage = 2: "Options, variables or URLs that cannot be right.";
    NoCredentials = 3: "No usable credentials, and nobody to ask.";
    Refused = 4: "The credentials were refused.";
    Unreachable = 5: "The service cannot be reached (name lookup, connection, TLS, proxy, timeout): trying again may help.";
    Unavailable = 6: "The service is unavailable or limits requests, after the retries: trying again later helps.";
    Invalid = 7: "The answer is not a token response.";
    BeforeCommand = 125: "run or sandbox itself failed, whatever the reason, usage included.";
    CannotRun = 126: "The command of run or sandbox cannot be run.";
    NotFound = 127: "The command of run or sandbox is not found.";
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
    fn each_error_has_its_exit_code_and_words() {
        let problem = || Problem::new("what", "hint");
        let token = |kind| Error::from(TokenError::new(kind, "what", "hint"));
        for (error, code) in [
            (Error::from(anyhow::anyhow!("what")), 1),
            (Error::CannotListen(problem()), 1),
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
