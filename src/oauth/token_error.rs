//! Why there is no token: the kind of failure, its message, and whether a retry may help.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Response;
use super::retry::Retry;
use crate::problem::Problem;
use crate::time::Timestamp;

/// The kind of failure, which decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenErrorKind {
    /// The credentials were refused.
    Refused,
    /// The service did not answer.
    Unreachable,
    /// The service is unavailable or limits requests.
    Unavailable,
    /// The answer is not a token response.
    Invalid,
}

/// Why the authorization server, or the way to it, gave no token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenError {
    /// The kind of failure.
    pub kind: TokenErrorKind,
    /// The message and hint.
    pub problem: Problem,
    /// Whether another attempt may succeed.
    #[serde(skip)]
    pub retry: Retry,
    /// Failures within a kind that are handled in a different way.
    #[serde(skip)]
    pub cause: Cause,
    /// The service's answer; `None` if there was none, or if another process received it.
    #[serde(skip)]
    pub answer: Option<Arc<Response>>,
}

/// Distinguishes failures of the same kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// Any other failure.
    #[default]
    Other,
    /// A rate limit (429, RFC 6585 §4).
    Limit,
    /// A timeout.
    Timeout,
}

impl TokenError {
    /// Creates a failure of this kind that is not retried; `what` and `hint` as in [`Problem`].
    pub fn new(kind: TokenErrorKind, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            kind,
            problem: Problem::new(what, hint),
            retry: Retry::Never,
            cause: Cause::Other,
            answer: None,
        }
    }

    /// Turns it into a rate limit that ends at `until`.
    pub fn limited(self, until: Timestamp) -> Self {
        Self {
            retry: Retry::After(until),
            cause: Cause::Limit,
            ..self
        }
    }

    /// Whether a later request may succeed without any change by the user.
    pub fn is_away(&self) -> bool {
        matches!(
            self.kind,
            TokenErrorKind::Unreachable | TokenErrorKind::Unavailable
        )
    }

    /// The end of the rate limit, if this is one and the service said when it ends.
    pub fn limited_until(&self) -> Option<Timestamp> {
        match self.retry {
            Retry::After(until) if self.cause == Cause::Limit => Some(until),
            _ => None,
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem.what)
    }
}

impl std::error::Error for TokenError {}
