//! What an answer means (RFC 6749 §5): a token, or which kind of failure, in words.

use std::ops::Range;
use std::time::Duration;

use serde_json::{Map, Value};

use super::answer::BODY_LIMIT;
use super::error_response::Diagnosis;
use super::token_error::TokenError;
use super::{Response, Token, TokenEndpoint, jwt};
use crate::secret::AccessToken;
use crate::server_text::Redactor;
use crate::time::Timestamp;

/// Reads an answer of `endpoint`; the `exchange` lasted from just before the request was sent until
/// the answer was there.
///
/// # Errors
/// Which kind of failure it is follows the order: 408, 429 and 5xx by their status; a proxy's 407;
/// an error object by its code (§5.2); a bare 401; and whatever else is not a token response.
pub fn parse(
    response: &Response,
    endpoint: &TokenEndpoint,
    exchange: Range<Timestamp>,
    redactor: &Redactor,
) -> Result<Token, TokenError> {
    let answer = Answer::read(response);
    let diagnosis = Diagnosis {
        response,
        endpoint,
        redactor,
        answered_at: exchange.end,
    };
    let requested_at = exchange.start;
    let error = match &answer {
        Answer::Members(members) => ErrorResponse::read(members),
        Answer::Bare(_) | Answer::TooLong | Answer::Nonsense(_) => None,
    };
    match (response.status, error) {
        (408 | 429 | 500..=599, error) => Err(diagnosis.unavailable(error)),
        (407, _) => Err(diagnosis.proxy_authentication()),
        (_, Some(error)) => Err(diagnosis.error(error)),
        (401, None) => Err(diagnosis.refused(None)),
        (200, None) => {
            let token = match answer {
                Answer::Members(members) => token(members, requested_at),
                Answer::Bare(access_token) => Ok(bare(access_token, requested_at)),
                Answer::TooLong => Err(TOO_LONG),
                Answer::Nonsense(why) => Err(why),
            };
            let mut token = token.map_err(|why| diagnosis.invalid(why))?;
            redactor.clean(&mut token.members);
            Ok(token)
        }
        (300..=399, None) => Err(diagnosis.redirect()),
        _ => Err(diagnosis.invalid(match answer {
            // Its words may be in what was not read.
            Answer::TooLong => TOO_LONG,
            _ => "the status is not 200",
        })),
    }
}

const TOO_LONG: &str = "it is over 64 KiB";

/// The forms of answer that are understood, whatever the status.
enum Answer {
    /// A JSON object, or one encoded in a JSON string.
    Members(Map<String, Value>),
    /// A JWT by itself, as a JSON string or as plain text.
    Bare(AccessToken),
    /// One that is not read to its end.
    TooLong,
    /// None of these, and why.
    Nonsense(&'static str),
}

impl Answer {
    fn read(response: &Response) -> Self {
        if response.body.len() > BODY_LIMIT {
            return Self::TooLong;
        }
        let Ok(text) = std::str::from_utf8(&response.body) else {
            return Self::Nonsense("it is not UTF-8");
        };
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            return Self::Nonsense("it is empty");
        }
        match serde_json::from_str(text) {
            Ok(Value::Object(members)) => Self::Members(members),
            Ok(Value::String(text)) => Self::read_encoded(text.trim()),
            Ok(_) => Self::Nonsense("it is neither a JSON object nor a token"),
            Err(_) if response.is_plain_text() => Self::read_encoded(text),
            Err(_) => Self::Nonsense("it is not JSON"),
        }
    }

    /// `{ String }` in the vendor's notation: an object in a string, or nothing but the token.
    fn read_encoded(text: &str) -> Self {
        if let Ok(members) = serde_json::from_str(text) {
            return Self::Members(members);
        }
        match AccessToken::parse(text).filter(|_| jwt::is_jwt(text)) {
            Some(access_token) => Self::Bare(access_token),
            None => Self::Nonsense("it is neither a JSON object nor a token"),
        }
    }
}

/// An error object: OAuth's (RFC 6749 §5.2), or the vendor's `{"Error":{"Code":…}}`.
pub struct ErrorResponse<'a> {
    /// The code.
    pub error: &'a str,
    /// More words.
    pub error_description: Option<&'a str>,
    /// Whether it has the vendor's form.
    pub is_vendors_own: bool,
}

impl<'a> ErrorResponse<'a> {
    fn read(members: &'a Map<String, Value>) -> Option<Self> {
        let text =
            |value: Option<&'a Value>| value?.as_str().filter(|text| !text.trim().is_empty());
        match (members.get("error"), members.get("Error")) {
            (Some(Value::String(error)), _) if !error.is_empty() => Some(Self {
                error,
                error_description: text(members.get("error_description")),
                is_vendors_own: false,
            }),
            (_, Some(Value::Object(vendors))) => Some(Self {
                error: text(vendors.get("Code")).unwrap_or("an error without a code"),
                error_description: text(vendors.get("Message"))
                    .or_else(|| text(vendors.get("Description"))),
                is_vendors_own: true,
            }),
            _ => None,
        }
    }
}

fn token(mut members: Map<String, Value>, requested_at: Timestamp) -> Result<Token, &'static str> {
    match members.get("token_type") {
        None | Some(Value::Null) => {}
        Some(Value::String(name)) if name.eq_ignore_ascii_case("bearer") => {}
        Some(_) => return Err("its token_type is not bearer"),
    }
    let access_token = match members.get_mut("access_token").map(Value::take) {
        Some(Value::String(text)) => {
            AccessToken::parse(&text).ok_or("its access_token is not a b64token (RFC 6750 §2.1)")?
        }
        _ => return Err("it has no access_token"),
    };
    let lifetime = members
        .get("expires_in")
        .and_then(expires_in)
        .or_else(|| jwt::lifetime(access_token.expose()));
    Ok(Token {
        access_token,
        members,
        obtained_at: requested_at,
        expires_at: lifetime.map(|lifetime| requested_at.plus(lifetime)),
    })
}

fn bare(access_token: AccessToken, requested_at: Timestamp) -> Token {
    let lifetime = jwt::lifetime(access_token.expose());
    Token {
        access_token,
        members: Map::from_iter([("access_token".to_owned(), Value::Null)]),
        obtained_at: requested_at,
        expires_at: lifetime.map(|lifetime| requested_at.plus(lifetime)),
    }
}

/// Seconds (RFC 6749 §5.1), as a number or in a string; a lifetime that is over is none at all.
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
