//! What a token request ends in, for every caller that waited for it, and the response to each of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use axum::http::header::{AGE, RETRY_AFTER};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

use super::cached_token::CachedToken;
use super::metrics::{CACHED, FETCHED, LOCAL, UPSTREAM};
use super::response::{self, ErrorObject};
use crate::cache::MAX_LIMIT;
use crate::error::Error;
use crate::oauth::{self, Reason, TokenError, TokenErrorKind};
use crate::secret::ClientSecret;
use crate::server_text::Redactor;
use crate::time::Timestamp;

/// The longest `error` code that is passed on to a caller with a key.
const MAX_CODE: usize = 40;

/// The outcome of a token request.
#[derive(Clone)]
pub enum Outcome {
    /// A token issued just now, and the answer that brought it.
    Fetched(Arc<CachedToken>, Arc<oauth::Response>),
    /// A token from memory or disk.
    Cached(Arc<CachedToken>),
    /// No token.
    Failed(Failure),
}

/// Who gets the response.
#[derive(Clone, Copy)]
pub enum Caller<'a> {
    /// A client that sent its own credentials.
    Client,
    /// A caller with a key, who must not learn this secret: the upstream's bytes and header fields may quote it.
    Key(&'a ClientSecret),
}

impl Outcome {
    /// A transient failure of our own; `wait` is for how long the caller is rejected.
    pub fn transient(status: StatusCode, why: &'static str, wait: Option<Duration>) -> Self {
        Self::Failed(Failure {
            answer: None,
            error: ErrorObject::new(status, why),
            retry_at: wait.map(|wait| Instant::now() + wait),
            is_transient: true,
        })
    }

    /// The outcome of a request that failed.
    pub fn failed(error: &Error, now: Timestamp) -> Self {
        use TokenErrorKind::{Refused, Unavailable, Unreachable};
        let token_error = match error {
            Error::Token(error) => Some(error),
            _ => None,
        };
        // Clients can be given an answer as it is if it came from the upstream, is complete, and has a final status.
        let answer = token_error
            .filter(|error| error.kind != Unreachable)
            .and_then(|error| error.answer.clone())
            .filter(|answer| answer.is_whole() && answer.status >= 200);
        let answer_status = answer.as_ref().map(|answer| answer.status);
        let status = match (answer_status, token_error.map(|it| (it.kind, it.reason))) {
            (Some(status @ 400..), _) => StatusCode::from_u16(status).ok(),
            (None, Some((Unreachable, Reason::TimedOut))) => Some(StatusCode::GATEWAY_TIMEOUT),
            (None, Some((Unavailable, _))) => Some(StatusCode::SERVICE_UNAVAILABLE),
            // Another process was refused and shared the fact, not the answer.
            (None, Some((Refused, _))) => Some(StatusCode::UNAUTHORIZED),
            _ => None,
        };
        let status = status.unwrap_or(StatusCode::BAD_GATEWAY);
        let limited_until = token_error.and_then(TokenError::rate_limited_until);
        Self::Failed(Failure {
            answer,
            error: ErrorObject::new(status, error.problem().what.clone()),
            retry_at: limited_until.map(|until| Instant::now() + until.since(now).min(MAX_LIMIT)),
            is_transient: token_error.is_some_and(TokenError::is_transient),
        })
    }

    /// The response to `caller`.
    pub fn response(&self, caller: Caller<'_>, now: Timestamp) -> Response {
        let (source, mut response) = match (self, caller) {
            (Self::Fetched(_, answer), Caller::Client) => (FETCHED, response::pass_on(answer)),
            (Self::Fetched(token, _), _) => (FETCHED, token.response(caller, now)),
            (Self::Cached(token), _) => {
                let mut response = token.response(caller, now);
                response.headers_mut().insert(AGE, token.age(now).into());
                (CACHED, response)
            }
            (Self::Failed(failure), _) => match failure.answer {
                Some(_) => (UPSTREAM, failure.response(caller)),
                None => (LOCAL, failure.response(caller)),
            },
        };
        response.extensions_mut().insert(source);
        response
    }

    /// The end of the rate limit that this is about.
    pub fn retry_at(&self) -> Option<Instant> {
        match self {
            Self::Failed(failure) => failure.retry_at,
            _ => None,
        }
    }

    /// Memory it takes, in bytes.
    pub fn size(&self) -> usize {
        let body = match self {
            Self::Failed(Failure { answer, .. }) => answer.as_ref().map_or(0, |it| it.body.len()),
            _ => 0,
        };
        size_of::<Self>() + size_of::<oauth::Response>() + body
    }
}

/// Why there is no token.
#[derive(Clone)]
pub struct Failure {
    /// The upstream's answer, if clients can be given it as it is.
    answer: Option<Arc<oauth::Response>>,
    /// What they are given otherwise.
    error: ErrorObject,
    /// The end of a rate limit.
    retry_at: Option<Instant>,
    /// Whether an old token may be used instead.
    pub is_transient: bool,
}

impl Failure {
    fn response(&self, caller: Caller<'_>) -> Response {
        let mut response = match (&self.answer, caller) {
            (Some(answer), Caller::Client) => response::pass_on(answer),
            (None, Caller::Client) => self.error.clone().into_response(),
            (answer, Caller::Key(secret)) => {
                let mut error = ErrorObject::new(self.error.status, "no token could be obtained");
                if let Some(code) = answer.as_ref().and_then(|answer| code(answer, secret)) {
                    error.code = code.into();
                }
                error.into_response()
            }
        };
        if let Some(at) = self.retry_at {
            let wait = at.saturating_duration_since(Instant::now());
            // Rounded up (RFC 9110 §10.2.3).
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// The `error` member of an answer, if it looks like a code and not like a quotation.
fn code(answer: &oauth::Response, secret: &ClientSecret) -> Option<String> {
    let object: Value = serde_json::from_slice(&answer.body).ok()?;
    let code = object.get("error")?.as_str()?;
    let has_code_chars = code
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let is_code = (1..=MAX_CODE).contains(&code.len()) && has_code_chars;
    (is_code && !Redactor::new(secret).quotes_secret(code)).then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_limit_is_remembered_for_an_hour_at_most() {
        let now = Timestamp::from(1_000);
        for (seconds, remembered) in [(60, 60), (7_200, 3_600)] {
            let until = now.plus(Duration::from_secs(seconds));
            let error = TokenError::new(TokenErrorKind::Unavailable, "what", "hint");
            let error = error.with_rate_limit(until).into();
            let before = Instant::now();
            let retry_at = Outcome::failed(&error, now).retry_at().unwrap();
            let left = (retry_at - before).as_secs();
            assert!((remembered..remembered + 5).contains(&left), "{left}");
        }
    }
}
