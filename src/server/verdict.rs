//! What comes of a request for a token: what the service said, what it said before, or words of our own (RFC 6749 §5.2).

use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{AGE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

use super::answer;
use super::kept::Kept;
use super::memory::Limit;
use crate::error::Error;
use crate::oauth::{self, Cause, TokenError, TokenErrorKind};
use crate::time::Timestamp;

/// The same for all who wait for it.
#[derive(Clone)]
pub enum Verdict {
    /// A token as the service gave it just now.
    Token(Arc<oauth::Response>),
    /// Whatever else it said, to be passed on as it is too.
    Said(Arc<oauth::Response>),
    /// What it said before.
    Kept(Arc<Kept>),
    /// What it said before of a limit, and until when that lasts.
    Limited(Arc<oauth::Response>, Timestamp),
    /// Words of our own.
    Own(Own),
}

/// An error of our own.
#[derive(Clone)]
pub struct Own {
    status: StatusCode,
    error: &'static str,
    description: String,
    retry_after: Option<Duration>,
}

/// Where an answer came from, for the access log.
#[derive(Clone, Copy)]
pub enum Source {
    /// A token of the service's, just now.
    Fetched,
    /// A token that was here.
    Cached,
    /// An error of the service's.
    Upstream,
    /// An error of our own.
    Local,
}

impl Verdict {
    /// Nobody may try secrets of this client id for a while.
    pub fn too_many_guesses(wait: Duration) -> Self {
        Self::Own(Own {
            status: StatusCode::TOO_MANY_REQUESTS,
            error: "temporarily_unavailable",
            description: "too many secrets were refused for this client id within a minute".into(),
            retry_after: Some(wait),
        })
    }

    /// There was no turn in time.
    pub fn no_turn() -> Self {
        Self::Own(Own::unavailable(
            "too many requests are waiting for the service".into(),
        ))
    }

    /// What should not happen.
    pub fn failed(why: &str) -> Self {
        Self::Own(Own {
            status: StatusCode::BAD_GATEWAY,
            error: "server_error",
            description: why.to_owned(),
            retry_after: None,
        })
    }

    /// A limit that was told before.
    pub fn limited(limit: Limit, now: Timestamp) -> Self {
        match limit.answer {
            Some(answer) => Self::Limited(answer, limit.until),
            None => Self::Own(Own {
                retry_after: Some(limit.until.since(now)),
                ..Own::unavailable("the service limits the request rate".into())
            }),
        }
    }

    /// A token could not be had: the service's own words if it answered, else ours.
    pub fn of(error: &Error, now: Timestamp) -> Self {
        match error {
            Error::Token(error) => match &error.answer {
                Some(answer) if error.kind != TokenErrorKind::Unreachable && can_pass(answer) => {
                    Self::Said(Arc::clone(answer))
                }
                _ => Self::Own(Own::of(error, now)),
            },
            other => Self::failed(&other.problem().what),
        }
    }

    /// Whether it has a token in it.
    pub fn is_token(&self) -> bool {
        matches!(self, Self::Token(_) | Self::Kept(_))
    }

    /// As it goes over the wire.
    pub fn answer(&self, now: Timestamp) -> Response<Full<Bytes>> {
        match self {
            Self::Token(said) => marked(passed_on(said), Source::Fetched),
            Self::Said(said) => {
                let mut answer = passed_on(said);
                let retry_after = said.retry_after.as_deref();
                if let Some(Ok(value)) = retry_after.map(HeaderValue::try_from) {
                    answer.headers_mut().insert(RETRY_AFTER, value);
                }
                marked(answer, Source::Upstream)
            }
            Self::Limited(said, until) => {
                let mut answer = passed_on(said);
                answer::add_seconds(&mut answer, RETRY_AFTER, whole_seconds(until.since(now)));
                marked(answer, Source::Upstream)
            }
            Self::Kept(kept) => {
                let mut answer = answer::bytes(StatusCode::OK, kept.content_type(), kept.body(now));
                let age = now.since(kept.token.obtained_at).as_secs();
                answer::add_seconds(&mut answer, AGE, age);
                marked(answer, Source::Cached)
            }
            Self::Own(own) => {
                let mut answer = answer::error(own.status, own.error, &own.description);
                if let Some(wait) = own.retry_after {
                    answer::add_seconds(&mut answer, RETRY_AFTER, whole_seconds(wait));
                }
                marked(answer, Source::Local)
            }
        }
    }
}

impl Own {
    fn of(error: &TokenError, now: Timestamp) -> Self {
        let (status, code) = match (error.kind, error.cause) {
            (TokenErrorKind::Unreachable, Cause::Timeout) => {
                (StatusCode::GATEWAY_TIMEOUT, "temporarily_unavailable")
            }
            (TokenErrorKind::Unreachable, _) => {
                (StatusCode::BAD_GATEWAY, "temporarily_unavailable")
            }
            (TokenErrorKind::Unavailable, _) => {
                (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable")
            }
            // Another process beside this one was refused, and kept no more than the fact.
            (TokenErrorKind::Refused, _) => (StatusCode::UNAUTHORIZED, "invalid_client"),
            (TokenErrorKind::Invalid, _) => (StatusCode::BAD_GATEWAY, "server_error"),
        };
        Self {
            status,
            error: code,
            description: error.problem.what.clone(),
            retry_after: error.limited_until().map(|until| until.since(now)),
        }
    }

    fn unavailable(description: String) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            error: "temporarily_unavailable",
            description,
            retry_after: None,
        }
    }
}

/// Whether it can be passed on as it is: all of it is there, and its status ends an exchange.
fn can_pass(said: &oauth::Response) -> bool {
    said.is_whole() && (200..1000).contains(&said.status)
}

fn passed_on(said: &oauth::Response) -> Response<Full<Bytes>> {
    let content_type = said.content_type.as_deref().map(HeaderValue::try_from);
    answer::bytes(
        StatusCode::from_u16(said.status).unwrap_or(StatusCode::BAD_GATEWAY),
        content_type.and_then(Result::ok),
        said.body.clone(),
    )
}

fn marked(mut answer: Response<Full<Bytes>>, source: Source) -> Response<Full<Bytes>> {
    answer.extensions_mut().insert(source);
    answer
}

/// Not a moment too early.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}
