//! What a token request ends in, for every caller that waited for it, and the response to each of them.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER};
use serde_json::Value;

use super::cached_token::CachedToken;
use super::response::{self, Response};
use crate::error::Error;
use crate::oauth::{self, Reason, TokenError, TokenErrorKind};
use crate::secret::ClientSecret;
use crate::server_text::Redactor;
use crate::time::Timestamp;

/// The longest `error` code that is passed on to a caller with a key.
const MAX_CODE: usize = 40;

/// The outcome of a token request.
#[derive(Clone)]
pub enum TokenOutcome {
    /// A token issued just now, and the answer that brought it.
    Fetched(Arc<CachedToken>, Arc<oauth::Response>),
    /// A token from memory or disk.
    Cached(Arc<CachedToken>),
    /// An answer of the upstream that is not a token.
    Upstream(UpstreamAnswer),
    /// An error of our own.
    Local(LocalError),
}

/// Who gets the response.
#[derive(Clone, Copy)]
pub enum Caller<'a> {
    /// A client that sent its own credentials.
    Client,
    /// A caller with a key, who must not learn this secret: the upstream's bytes and header fields may quote it.
    Key(&'a ClientSecret),
}

/// Where a response came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A token from the upstream.
    Fetched,
    /// A token from memory or disk.
    Cached,
    /// An error from the upstream.
    Upstream,
    /// Everything else.
    Local,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fetched => "fetched",
            Self::Cached => "cached",
            Self::Upstream => "upstream",
            Self::Local => "local",
        })
    }
}

impl TokenOutcome {
    /// Whether it is a token.
    pub fn is_token(&self) -> bool {
        matches!(self, Self::Fetched(..) | Self::Cached(_))
    }

    /// The outcome of a request that failed. `retry_at` is the end of a rate limit.
    pub fn failure(error: &Error, retry_at: Option<Instant>) -> Self {
        let status = match error {
            Error::Token(TokenError {
                answer: Some(answer),
                kind,
                ..
            }) if *kind != TokenErrorKind::Unreachable && can_be_passed_on(answer) => {
                let response = Arc::clone(answer);
                return Self::Upstream(UpstreamAnswer { response, retry_at });
            }
            Error::Token(error) => local_status(error),
            _ => StatusCode::BAD_GATEWAY,
        };
        Self::Local(LocalError {
            detail: Some(error.problem().what.clone()),
            retry_at,
            ..LocalError::new(status, "no token could be obtained")
        })
    }

    /// Memory it takes, in bytes.
    pub fn size(&self) -> usize {
        let body = match self {
            Self::Upstream(answer) => answer.response.body.len(),
            _ => 0,
        };
        size_of::<Self>() + size_of::<oauth::Response>() + body
    }

    /// The response to `caller`.
    pub fn response(&self, caller: Caller<'_>, now: Timestamp) -> Response {
        let (mut response, source) = match (self, caller) {
            (Self::Fetched(token, _) | Self::Cached(token), Caller::Key(secret))
                if token.contains(secret) =>
            {
                let why = "the access token contains the client secret";
                let error = LocalError::new(StatusCode::BAD_GATEWAY, why);
                (error.response(caller), Source::Local)
            }
            (Self::Fetched(_, answer), Caller::Client) => (pass_on(answer), Source::Fetched),
            (Self::Fetched(token, _), _) => (token.response(caller, now), Source::Fetched),
            (Self::Cached(token), _) => {
                let mut response = token.response(caller, now);
                token.add_age(&mut response, now);
                (response, Source::Cached)
            }
            (Self::Upstream(answer), _) => (answer.response(caller), Source::Upstream),
            (Self::Local(error), _) => (error.response(caller), Source::Local),
        };
        response.extensions_mut().insert(source);
        response
    }
}

/// An answer of the upstream that is not a token.
#[derive(Clone)]
pub struct UpstreamAnswer {
    /// As it came.
    pub response: Arc<oauth::Response>,
    /// The end of the rate limit that it announces.
    pub retry_at: Option<Instant>,
}

impl UpstreamAnswer {
    fn response(&self, caller: Caller<'_>) -> Response {
        let mut response = match caller {
            Caller::Client => pass_on(&self.response),
            Caller::Key(secret) => self.error_object(secret),
        };
        let retry_after = self.response.retry_after.as_deref();
        match (self.retry_at, caller) {
            (Some(at), _) => add_retry_after(&mut response, at),
            (None, Caller::Client) => {
                if let Some(Ok(value)) = retry_after.map(HeaderValue::try_from) {
                    response.headers_mut().insert(RETRY_AFTER, value);
                }
            }
            (None, Caller::Key(_)) => {}
        }
        response
    }

    /// Our own error object with the upstream's status and `error` code.
    fn error_object(&self, secret: &ClientSecret) -> Response {
        let status = match StatusCode::from_u16(self.response.status) {
            Ok(status) if status.is_client_error() || status.is_server_error() => status,
            _ => StatusCode::BAD_GATEWAY,
        };
        let code = self.code(secret);
        let why = format!(
            "the token service answered with status {}",
            self.response.status
        );
        let code = code.as_deref().unwrap_or(error_code(status));
        response::error(status, code, &why)
    }

    /// The `error` member, if it looks like a code and not like a quotation.
    fn code(&self, secret: &ClientSecret) -> Option<String> {
        let object: Value = serde_json::from_slice(&self.response.body).ok()?;
        let code = object.get("error")?.as_str()?;
        let is_code = (1..=MAX_CODE).contains(&code.len())
            && code
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            && !Redactor::new(secret).quotes_secret(code);
        is_code.then(|| code.to_owned())
    }
}

/// An error of our own (RFC 6749 §5.2).
#[derive(Clone)]
pub struct LocalError {
    /// Decides the `error` code too.
    pub status: StatusCode,
    /// In our words.
    pub description: &'static str,
    /// In words that may show text of the upstream, for clients.
    pub detail: Option<String>,
    /// When to try again.
    pub retry_at: Option<Instant>,
}

impl LocalError {
    /// An error without further details.
    pub fn new(status: StatusCode, description: &'static str) -> Self {
        Self {
            status,
            description,
            detail: None,
            retry_at: None,
        }
    }

    fn response(&self, caller: Caller<'_>) -> Response {
        let description = match (caller, &self.detail) {
            (Caller::Client, Some(detail)) => detail,
            _ => self.description,
        };
        let mut response = response::error(self.status, error_code(self.status), description);
        if let Some(at) = self.retry_at {
            add_retry_after(&mut response, at);
        }
        response
    }
}

/// The `error` code for a status of our own, or of an answer without a code.
fn error_code(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "invalid_client",
        429 | 503 | 504 => "temporarily_unavailable",
        500.. => "server_error",
        _ => "invalid_request",
    }
}

/// The status of our own for a request that failed without an answer that can be passed on.
fn local_status(error: &TokenError) -> StatusCode {
    match (error.kind, error.reason) {
        (TokenErrorKind::Unreachable, Reason::TimedOut) => StatusCode::GATEWAY_TIMEOUT,
        (TokenErrorKind::Unavailable, _) => StatusCode::SERVICE_UNAVAILABLE,
        // Another process was refused and shared the fact, not the answer.
        (TokenErrorKind::Refused, _) => StatusCode::UNAUTHORIZED,
        (TokenErrorKind::Unreachable | TokenErrorKind::Invalid, _) => StatusCode::BAD_GATEWAY,
    }
}

/// Whether a client can be given this answer as it is: complete, and with a final status.
fn can_be_passed_on(answer: &oauth::Response) -> bool {
    answer.is_whole() && (200..1000).contains(&answer.status)
}

fn pass_on(answer: &oauth::Response) -> Response {
    let content_type = answer.content_type.as_deref().map(HeaderValue::try_from);
    response::bytes(
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY),
        content_type.and_then(Result::ok),
        answer.body.clone(),
    )
}

/// Adds the seconds until `at`, rounded up (RFC 9110 §10.2.3).
fn add_retry_after(response: &mut Response, at: Instant) {
    let wait = at.saturating_duration_since(Instant::now());
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    response.headers_mut().insert(RETRY_AFTER, seconds.into());
}
