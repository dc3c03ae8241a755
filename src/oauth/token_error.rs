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
    /// Why, where failures of the same kind are handled differently.
    #[serde(skip)]
    pub reason: Reason,
    /// The service's answer; `None` if there was none, or if another process received it.
    #[serde(skip)]
    pub answer: Option<Arc<Response>>,
}

/// The reason for a failure, where that matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reason {
    /// Any other failure.
    #[default]
    Other,
    /// A rate limit (429, RFC 6585 §4).
    RateLimited,
    /// A timeout.
    TimedOut,
}

impl TokenError {
    /// Creates a failure of this kind that is not retried; `what` and `hint` as in [`Problem`].
    pub fn new(kind: TokenErrorKind, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            kind,
            problem: Problem::new(what, hint),
            retry: Retry::Never,
            reason: Reason::Other,
            answer: None,
        }
    }

    /// Turns it into a rate limit that ends at `until`.
    pub fn with_rate_limit(self, until: Timestamp) -> Self {
        Self {
            retry: Retry::After(until),
            reason: Reason::RateLimited,
            ..self
        }
    }

    /// Whether a later request may succeed without any change by the user.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.kind,
            TokenErrorKind::Unreachable | TokenErrorKind::Unavailable
        )
    }

    /// The end of the rate limit, if this is one and the service said when it ends.
    pub fn rate_limited_until(&self) -> Option<Timestamp> {
        match self.retry {
            Retry::After(until) if self.reason == Reason::RateLimited => Some(until),
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
