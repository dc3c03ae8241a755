//! What a response means (RFC 6749 §5): a token, or which kind of failure. Pure.

use std::ops::Range;
use std::time::Duration;

use serde_json::{Map, Value};

use super::error_response::{ErrorObject, ErrorResponse};
use super::token_error::TokenError;
use super::{Response, Token, TokenEndpoint, jwt};
use crate::secret::AccessToken;
use crate::server_text::Redactor;
use crate::time::Timestamp;

/// Reads a response of `endpoint`. The `exchange` lasted from just before the request was sent until the response was
/// there.
///
/// # Errors
/// The kind of failure is decided in this order: 408, 429 and 5xx by their status; a proxy's 407; an error object by its
/// code (§5.2); 401; everything else is not a token response.
pub fn parse(
    response: &Response,
    endpoint: &TokenEndpoint,
    exchange: Range<Timestamp>,
    redactor: &Redactor,
) -> Result<Token, TokenError> {
    let body = Body::read(response);
    let failed = ErrorResponse {
        response,
        endpoint,
        redactor,
        received_at: exchange.end,
    };
    let error = match &body {
        Ok(Body::Object(members)) => ErrorObject::read(members),
        _ => None,
    };
    match (response.status, error) {
        (408 | 429 | 500..=599, error) => Err(failed.unavailable(error)),
        (407, _) => Err(failed.proxy_authentication()),
        (_, Some(error)) => Err(failed.error(error)),
        (401, None) => Err(failed.unauthorized()),
        (200, None) => {
            let token = body.and_then(|body| body.token(exchange.start));
            let mut token = token.map_err(|reason| failed.invalid(reason))?;
            redactor.clean(&mut token.members);
            Ok(token)
        }
        (300..=399, None) => Err(failed.redirect()),
        _ if !response.is_whole() => Err(failed.invalid(TOO_LONG)),
        _ => Err(failed.invalid("the status is not 200")),
    }
}

const NOT_TEXT: &str = "the body is not text";
const TOO_LONG: &str = "the body is over 64 KiB";

/// The bodies that are understood, whatever the status.
enum Body {
    /// A JSON object, or one encoded in a JSON string.
    Object(Map<String, Value>),
    /// A JWT as a JSON string or as plain text.
    Jwt(AccessToken),
}

impl Body {
    /// # Errors
    /// Why it is none of these.
    fn read(response: &Response) -> Result<Self, &'static str> {
        if !response.is_whole() {
            return Err(TOO_LONG);
        }
        let text = response.utf8().ok_or(NOT_TEXT)?;
        if text.is_empty() {
            return Err("the body is empty");
        }
        match serde_json::from_str(text) {
            Ok(Value::Object(members)) => Ok(Self::Object(members)),
            Ok(Value::String(text)) => Self::read_encoded(text.trim()),
            Ok(_) => Err("the body is neither a JSON object nor a token"),
            Err(_) if response.is_plain_text() => Self::read_encoded(text),
            Err(_) if response.text().is_none() => Err(NOT_TEXT),
            Err(_) => Err("the body is not JSON"),
        }
    }

    /// `{ String }` in the vendor's notation: an object in a string, or nothing but the token.
    fn read_encoded(text: &str) -> Result<Self, &'static str> {
        if let Ok(members) = serde_json::from_str(text) {
            return Ok(Self::Object(members));
        }
        let token = AccessToken::parse(text).filter(|_| jwt::is_jwt(text));
        let token = token.ok_or("the body is neither a JSON object nor a token")?;
        Ok(Self::Jwt(token))
    }

    /// The token of a successful response (§5.1).
    fn token(self, obtained_at: Timestamp) -> Result<Token, &'static str> {
        let (access_token, members) = match self {
            Self::Jwt(token) => (
                token,
                Map::from_iter([("access_token".to_owned(), Value::Null)]),
            ),
            Self::Object(members) => split(members)?,
        };
        let lifetimes = [
            members.get("expires_in").and_then(expires_in),
            jwt::lifetime(access_token.expose()),
        ];
        let lifetime = lifetimes.into_iter().flatten().min();
        Ok(Token {
            access_token,
            members,
            obtained_at,
            expires_at: lifetime.map(|lifetime| obtained_at.plus(lifetime)),
        })
    }
}

/// Takes the token out of the members; its name keeps its place.
fn split(
    mut members: Map<String, Value>,
) -> Result<(AccessToken, Map<String, Value>), &'static str> {
    let is_bearer = match members.get("token_type") {
        None | Some(Value::Null) => true,
        Some(name) => {
            let name = name.as_str().unwrap_or_default().trim_start();
            name.get(..6)
                .is_some_and(|start| start.eq_ignore_ascii_case("bearer"))
        }
    };
    if !is_bearer {
        return Err("its token_type is not bearer");
    }
    match members.get_mut("access_token").map(Value::take) {
        Some(Value::String(text)) => {
            let token = AccessToken::parse(&text);
            let token = token.ok_or("its access_token is not a b64token of RFC 6750")?;
            Ok((token, members))
        }
        _ => Err("it has no access_token"),
    }
}

/// Seconds (§5.1) as a number or in a string; at least zero.
fn expires_in(value: &Value) -> Option<Duration> {
    let seconds: f64 = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds.max(0.0))
        .ok()
        .filter(|_| !seconds.is_nan())
}

#[cfg(test)]
mod tests;
