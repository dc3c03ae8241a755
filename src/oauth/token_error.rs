//! Why there is no token, for the exit code, for another attempt, and for those who wait.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Response;
use super::retry::Retry;
use crate::problem::Problem;
use crate::time::Timestamp;

/// Which of the four ways there is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenErrorKind {
    /// The credentials were refused.
    Refused,
    /// There was no answer of the service.
    Unreachable,
    /// The service cannot answer now, or limits requests.
    Unavailable,
    /// The answer makes no sense.
    Invalid,
}

/// Why the authorization server, or the way to it, gave no token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenError {
    /// Decides the exit code.
    pub kind: TokenErrorKind,
    /// The same in words.
    pub problem: Problem,
    /// Whether asking again may help.
    #[serde(skip)]
    pub retry: Retry,
    /// What more than its kind a passer-on has to know.
    #[serde(skip)]
    pub cause: Cause,
    /// The answer that says so, if there was one and it is not remembered from another process.
    #[serde(skip)]
    pub answer: Option<Arc<Response>>,
}

/// Failures that are treated in a way of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// None of these.
    #[default]
    Other,
    /// A limit on requests (429, RFC 6585 §4).
    Limit,
    /// Nothing came in time.
    Timeout,
}

impl TokenError {
    /// That kind of failure; `what` and `hint` as in [`Problem`].
    pub fn new(kind: TokenErrorKind, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            kind,
            problem: Problem::new(what, hint),
            retry: Retry::Never,
            cause: Cause::Other,
            answer: None,
        }
    }

    /// The same because of a limit that lasts until then.
    pub fn limited(self, until: Timestamp) -> Self {
        Self {
            retry: Retry::After(until),
            cause: Cause::Limit,
            ..self
        }
    }

    /// Whether another answer is to be expected without any change here.
    pub fn is_away(&self) -> bool {
        matches!(
            self.kind,
            TokenErrorKind::Unreachable | TokenErrorKind::Unavailable
        )
    }

    /// Until when the service asks to be left alone, if this is a limit and it said so.
    pub fn limited_until(&self) -> Option<Timestamp> {
        match self.retry {
            Retry::After(until) if self.cause == Cause::Limit => Some(until),
            _ => None,
        }
    }
}
