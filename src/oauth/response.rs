//! What an answer means (RFC 6749 §5): a token, or which kind of failure, in words.

use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::http::{BODY_LIMIT, Response};
use super::redact::Redactor;
use super::retry::{self, Retry};
use super::{Token, TokenEndpoint, jwt};
use crate::problem::Problem;
use crate::secret::AccessToken;
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
    /// Whether it is a limit on requests (429, RFC 6585 §4).
    #[serde(skip)]
    pub is_limit: bool,
}

impl TokenError {
    /// That kind of failure; `what` and `hint` as in [`Problem`].
    pub fn new(kind: TokenErrorKind, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            kind,
            problem: Problem::new(what, hint),
            retry: Retry::Never,
            is_limit: false,
        }
    }

    /// Until when the service asks to be left alone, if this is a limit and it said so.
    pub fn limited_until(&self) -> Option<Timestamp> {
        match self.retry {
            Retry::After(until) if self.is_limit => Some(until),
            _ => None,
        }
    }
}

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
    let reader = Reader {
        response,
        endpoint,
        redactor,
        answered_at: exchange.end,
    };
    let requested_at = exchange.start;
    let error = match &answer {
        Answer::Members(members) => ErrorResponse::read(members),
        Answer::Bare(_) | Answer::Nonsense(_) => None,
    };
    match (response.status, error) {
        (408 | 429 | 500.., error) => Err(reader.unavailable(error)),
        (407, _) => Err(reader.proxy_authentication()),
        (_, Some(error)) => Err(reader.error(error)),
        (401, None) => Err(reader.refused(None)),
        (200, None) => {
            let token = match answer {
                Answer::Members(members) => token(members, requested_at),
                Answer::Bare(access_token) => Ok(bare(access_token, requested_at)),
                Answer::Nonsense(why) => Err(why),
            };
            token.map_err(|why| reader.invalid(why))
        }
        (300..=399, None) => Err(reader.redirect()),
        _ => Err(reader.invalid("the status is not 200")),
    }
}

/// The forms of answer that are understood, whatever the status.
enum Answer {
    /// A JSON object, or one encoded in a JSON string.
    Members(Map<String, Value>),
    /// A JWT by itself, as a JSON string or as plain text.
    Bare(AccessToken),
    /// Neither, and why.
    Nonsense(&'static str),
}

impl Answer {
    fn read(response: &Response) -> Self {
        if response.body.len() > BODY_LIMIT {
            return Self::Nonsense("it is over 64 KiB");
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
struct ErrorResponse<'a> {
    error: &'a str,
    error_description: Option<&'a str>,
    is_vendors_own: bool,
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

/// Words a failure with what the answer says of itself.
struct Reader<'a> {
    response: &'a Response,
    endpoint: &'a TokenEndpoint,
    redactor: &'a Redactor,
    answered_at: Timestamp,
}

impl Reader<'_> {
    fn unavailable(&self, error: Option<ErrorResponse>) -> TokenError {
        let status = self.response.status;
        let what = match status {
            429 => "limits the number of requests",
            408 => "did not get the request in time",
            _ => "is unavailable",
        };
        let when = self.response.retry_after.as_deref();
        let when = when.and_then(|value| retry::retry_after(value, self.answered_at));
        let hint = match (status, when) {
            (_, Some(when)) => format!("the credentials are not at fault; try again after {when}"),
            (429, None) => {
                "an account has 60 to 100 requests a minute; try again in a minute".to_owned()
            }
            _ => "the credentials are not at fault; trying again later helps".to_owned(),
        };
        let retry = match (status, when) {
            (408 | 429 | 500 | 502 | 503 | 504, Some(when)) => Retry::After(when),
            (408 | 429 | 500 | 502 | 503 | 504, None) => Retry::Soon,
            _ => Retry::Never,
        };
        TokenError {
            retry,
            is_limit: status == 429,
            ..self.failure(TokenErrorKind::Unavailable, what, error, hint)
        }
    }

    fn proxy_authentication(&self) -> TokenError {
        TokenError::new(
            TokenErrorKind::Unreachable,
            format!(
                "a proxy on the way to {} asks for a user name and password (status 407)",
                self.endpoint
            ),
            "the client id and secret are not at fault; ask whoever runs the network for the proxy's",
        )
    }

    fn error(&self, error: ErrorResponse) -> TokenError {
        match error.error {
            "invalid_client" | "unauthorized_client" | "access_denied" => self.refused(Some(error)),
            "temporarily_unavailable" | "server_error" => self.unavailable(Some(error)),
            _ if error.is_vendors_own => self.refused(Some(error)),
            _ => self.failure(
                TokenErrorKind::Invalid,
                "did not accept the request",
                Some(error),
                "check that --base-url or --token-url names a Get Token API".to_owned(),
            ),
        }
    }

    fn refused(&self, error: Option<ErrorResponse>) -> TokenError {
        let hint = "check the client id and secret (was the secret rotated?); a new application's \
                    are refused until it is active, a few minutes after it was created";
        self.failure(
            TokenErrorKind::Refused,
            "refused the credentials",
            error,
            hint.to_owned(),
        )
    }

    fn failure(
        &self,
        kind: TokenErrorKind,
        what: &str,
        error: Option<ErrorResponse>,
        hint: String,
    ) -> TokenError {
        let said = error.map_or_else(String::new, |error| {
            let code = self.redactor.show(error.error);
            match error.error_description {
                Some(description) => format!("{code}: {}, ", self.redactor.show(description)),
                None => format!("{code}, "),
            }
        });
        let what = format!(
            "{} {what} ({said}status {})",
            self.endpoint, self.response.status
        );
        TokenError::new(kind, what, hint)
    }

    fn redirect(&self) -> TokenError {
        let target = self
            .response
            .location
            .as_deref()
            .map_or("nowhere".to_owned(), |location| self.target(location));
        TokenError::new(
            TokenErrorKind::Invalid,
            format!(
                "{} redirects to {target} (status {}); the secret is not sent there",
                self.endpoint, self.response.status
            ),
            "if that is the right place, name it by --base-url or --token-url; a captive portal or a VPN can also be the reason",
        )
    }

    /// Origin and path: userinfo and query may hold what is not for every eye.
    fn target(&self, location: &str) -> String {
        match self.endpoint.join(location) {
            Some(url) => {
                let origin = self.redactor.show(&url.origin().ascii_serialization());
                format!("{origin}{}", self.redactor.show(url.path()))
            }
            None => "a place that is not a URL".to_owned(),
        }
    }

    fn invalid(&self, why: &str) -> TokenError {
        let Response { status, body, .. } = self.response;
        let content_type = match &self.response.content_type {
            Some(content_type) => self.redactor.show(content_type).to_string(),
            None => "no content type".to_owned(),
        };
        let beginning = self.redactor.show(&String::from_utf8_lossy(body));
        let hint = if self.response.is_html() {
            "a web page came instead: a gateway, a captive portal or a VPN may stand in between; open the URL in a browser to see it"
        } else {
            "check that --base-url or --token-url names a Get Token API"
        };
        TokenError::new(
            TokenErrorKind::Invalid,
            format!(
                "the answer of {} is not a token response: {why} (status {status}, {content_type}, \"{beginning}\")",
                self.endpoint
            ),
            hint,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::ClientSecret;
    use TokenErrorKind::{Invalid, Refused, Unavailable, Unreachable};

    const NOW: i64 = 1_800_000_000;
    /// `{"alg":"none"}`, `{"iat":100,"exp":3700}`, `x`
    const JWT: &str = "eyJhbGciOiJub25lIn0.eyJpYXQiOjEwMCwiZXhwIjozNzAwfQ.eA";

    fn read(status: u16, content_type: &str, body: &str) -> Result<Token, TokenError> {
        let response = Response {
            status,
            content_type: Some(content_type.to_owned()),
            location: Some("https://user:word@elsewhere.invalid/login?key=value#part".to_owned()),
            retry_after: None,
            body: body.into(),
        };
        let endpoint =
            TokenEndpoint::parse("https://host.invalid/token", "--token-url", false).unwrap();
        let redactor = Redactor::new(&ClientSecret::new("s3cret/s3cret".to_owned()));
        let exchange = Timestamp::from(NOW)..Timestamp::from(NOW + 1);
        parse(&response, &endpoint, exchange, &redactor)
    }

    #[test]
    fn tokens_are_understood_in_every_form() {
        let quoted_object = r#""{\"access_token\":\"t\",\"expires_in\":60}""#;
        let quoted_jwt = format!("\"{JWT}\"");
        for (content_type, body, token, lifetime) in [
            (
                "application/json",
                r#"{"access_token":"t","expires_in":3600}"#,
                "t",
                Some(3600),
            ),
            (
                "application/json",
                r#"{"access_token":"t","expires_in":"3600"}"#,
                "t",
                Some(3600),
            ),
            (
                "application/json",
                r#"{"access_token":"t","expires_in":" 60 "}"#,
                "t",
                Some(60),
            ),
            (
                "application/json",
                r#"{"access_token":"t","expires_in":59.5}"#,
                "t",
                Some(59),
            ),
            (
                "application/json",
                r#"{"access_token":"t","expires_in":null}"#,
                "t",
                None,
            ),
            ("application/json", r#"{"access_token":"t"}"#, "t", None),
            (
                "application/json",
                r#"{"access_token":"t","expires_in":-1}"#,
                "t",
                Some(0),
            ),
            (
                "application/json",
                r#"{"access_token":"t","expires_in":1e400}"#,
                "t",
                None,
            ),
            (
                "application/json",
                r#"{"access_token":"t","expires_in":"NaN"}"#,
                "t",
                None,
            ),
            (
                "application/json",
                r#"{"access_token":"t","expires_in":"soon"}"#,
                "t",
                None,
            ),
            (
                "application/json",
                r#"{"access_token":"t","token_type":"BEARER","error":null}"#,
                "t",
                None,
            ),
            (
                "application/json",
                "\u{feff} {\"access_token\":\"t\",\"token_type\":null} ",
                "t",
                None,
            ),
            ("text/html", r#"{"access_token":"t"}"#, "t", None),
            ("application/json", quoted_object, "t", Some(60)),
            (
                "text/plain; charset=utf-8",
                r#"{"access_token":"t"}"#,
                "t",
                None,
            ),
            ("application/json", &quoted_jwt, JWT, Some(3600)),
            ("Text/Plain", JWT, JWT, Some(3600)),
            ("text/plain", &format!("{JWT}\r\n"), JWT, Some(3600)),
            (
                "application/json",
                &format!(r#"{{"access_token":"{JWT}"}}"#),
                JWT,
                Some(3600),
            ),
            (
                "application/json",
                &format!(r#"{{"access_token":"{JWT}","expires_in":5}}"#),
                JWT,
                Some(5),
            ),
        ] {
            let read =
                read(200, content_type, body).unwrap_or_else(|error| panic!("{body}: {error:?}"));
            assert_eq!(read.access_token.expose(), token, "{body}");
            let remaining = read
                .remaining(NOW.into())
                .map(|remaining| remaining.as_secs());
            assert_eq!(remaining, lifetime, "{body}");
        }
    }

    #[test]
    fn each_failure_is_of_the_right_kind() {
        let invalid_client = r#"{"error":"invalid_client","error_description":"No such client."}"#;
        let vendors = r#"{"RequestId":"1","Error":{"Code":"errorAuthorization","Message":"Authorization failed"}}"#;
        let token = r#"{"access_token":"t"}"#;
        for (status, content_type, body, kind) in [
            (408, "text/plain", "", Unavailable),
            (429, "application/json", invalid_client, Unavailable),
            (500, "application/json", invalid_client, Unavailable),
            (503, "text/html", "<html>", Unavailable),
            (599, "application/json", token, Unavailable),
            (407, "application/json", invalid_client, Unreachable),
            (200, "application/json", invalid_client, Refused),
            (400, "application/json", invalid_client, Refused),
            (401, "application/json", invalid_client, Refused),
            (
                400,
                "application/json",
                r#"{"error":"unauthorized_client"}"#,
                Refused,
            ),
            (
                403,
                "application/json",
                r#"{"error":"access_denied"}"#,
                Refused,
            ),
            (404, "application/json", vendors, Refused),
            (200, "application/json", vendors, Refused),
            (400, "application/json", r#"{"Error":{}}"#, Refused),
            (
                400,
                "application/json",
                r#"{"error":"temporarily_unavailable"}"#,
                Unavailable,
            ),
            (
                400,
                "application/json",
                r#"{"Error":{"Code":"server_error"}}"#,
                Unavailable,
            ),
            (
                400,
                "application/json",
                r#"{"error":"invalid_request"}"#,
                Invalid,
            ),
            (
                401,
                "application/json",
                r#"{"error":"invalid_scope"}"#,
                Invalid,
            ),
            (
                200,
                "application/json",
                r#"{"access_token":"t","error":"invalid_grant"}"#,
                Invalid,
            ),
            (
                400,
                "application/json",
                &Value::from(invalid_client).to_string(),
                Refused,
            ),
            (401, "text/html", "<html>", Refused),
            (401, "", "", Refused),
            (401, "application/json", token, Refused),
            (403, "text/html", "<html>", Invalid),
            (404, "text/html", "<html>", Invalid),
            (201, "application/json", token, Invalid),
            (204, "application/json", "", Invalid),
            (302, "text/html", "<html>", Invalid),
            (307, "application/json", token, Invalid),
            (200, "text/html", "<html>", Invalid),
            (200, "application/json", "", Invalid),
            (200, "application/json", r#"{"access_token":"t""#, Invalid),
            (200, "application/json", "null", Invalid),
            (200, "application/json", "[]", Invalid),
            (200, "application/json", &"[".repeat(60 * 1024), Invalid),
            (
                200,
                "application/json",
                &format!("{token}{}", " ".repeat(BODY_LIMIT)),
                Invalid,
            ),
            (200, "application/json", "{}", Invalid),
            (200, "application/json", r#"{"access_token":null}"#, Invalid),
            (200, "application/json", r#"{"access_token":7}"#, Invalid),
            (200, "application/json", r#"{"access_token":""}"#, Invalid),
            (
                200,
                "application/json",
                r#"{"access_token":"a\nb"}"#,
                Invalid,
            ),
            (
                200,
                "application/json",
                r#"{"access_token":"a\"b"}"#,
                Invalid,
            ),
            (
                200,
                "application/json",
                r#"{"access_token":"a\u001b[31m"}"#,
                Invalid,
            ),
            (
                200,
                "application/json",
                r#"{"access_token":"t","token_type":"mac"}"#,
                Invalid,
            ),
            (
                200,
                "application/json",
                r#"{"access_token":"t","token_type":7}"#,
                Invalid,
            ),
            (200, "text/plain", "OK", Invalid),
            (200, "application/json", r#""Unauthorized""#, Invalid),
            (200, "application/json", JWT, Invalid),
            (200, "text/html", JWT, Invalid),
            (200, "text/plain", &format!("{JWT} {JWT}"), Invalid),
        ] {
            let error = read(status, content_type, body).expect_err(body);
            assert_eq!(error.kind, kind, "{status} {body}: {error:?}");
            assert!(
                error.problem.what.contains(&status.to_string()),
                "{error:?}"
            );
            assert!(!error.problem.hint.is_empty());
        }
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for status in [408, 429, 500, 502, 503, 504] {
            let error = read(status, "text/html", "").unwrap_err();
            assert_eq!(error.retry, Retry::Soon, "{status}");
        }
        for status in [200, 302, 400, 401, 403, 404, 407, 501, 505, 599] {
            let error = read(status, "text/html", "").unwrap_err();
            assert_eq!(error.retry, Retry::Never, "{status}");
        }
        let busy = r#"{"error":"temporarily_unavailable"}"#;
        assert_eq!(
            read(400, "application/json", busy).unwrap_err().retry,
            Retry::Never
        );
    }

    #[test]
    fn what_a_server_says_is_shown_without_secrets() {
        let error = read(
            400,
            "application/json",
            r#"{"error":"invalid_client","error_description":"s3cret\/s3cret?"}"#,
        );
        assert_eq!(
            error.unwrap_err().problem.what,
            "https://host.invalid/token refused the credentials (invalid_client: [redacted]?, status 400)"
        );
        let error = read(302, "text/html", "").unwrap_err();
        assert!(
            error
                .problem
                .what
                .contains("redirects to https://elsewhere.invalid/login (status 302)"),
            "{error:?}"
        );
    }

    #[test]
    fn unknown_members_keep_their_place_and_digits() {
        let body = r#"{"z":1.50,"access_token":"t","a":12345678901234567890123,"b":{"y":1,"x":2}}"#;
        let members =
            Value::Object(read(200, "application/json", body).unwrap().members).to_string();
        assert_eq!(members, body.replace(r#""t""#, "null"));
    }
}
