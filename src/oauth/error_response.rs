//! Responses that are no token: which kind of failure each is, and the words for it. Pure.

use serde_json::{Map, Value};
use url::Position;

use super::retry::{self, Retry};
use super::token_error::{Reason, TokenError, TokenErrorKind};
use super::{Response, TokenEndpoint};
use crate::server_text::Redactor;
use crate::time::Timestamp;

/// The codes of RFC 6749 (§5.2, §4.1.2.1) that are as long as a token.
const LONG_CODES: [&str; 2] = ["temporarily_unavailable", "unsupported_grant_type"];

/// What the code of a vendor error that refuses credentials contains, in lower case.
const REFUSALS: [&str; 5] = ["authoriz", "authoris", "authentic", "client", "secret"];

/// Plain text of at least this many characters without white space may be a token.
const WORD_CHARS: usize = 20;

const CHECK_URL: &str = "check that --base-url or --token-url names a Get Token API";

/// An error object of RFC 6749 (§5.2), or the vendor's `{"Error":{"Code":…}}`.
pub struct ErrorObject<'a> {
    code: &'a str,
    description: Option<&'a str>,
    is_vendors: bool,
}

impl<'a> ErrorObject<'a> {
    /// Returns `None` if the members are not those of an error object.
    pub fn read(members: &'a Map<String, Value>) -> Option<Self> {
        let text = |members: &'a Map<String, Value>, name| {
            let text = members.get(name)?.as_str()?;
            (!text.trim().is_empty()).then_some(text)
        };
        if let Some(code) = text(members, "error") {
            return Some(Self {
                code,
                description: text(members, "error_description"),
                is_vendors: false,
            });
        }
        let Some(Value::Object(error)) = members.get("Error") else {
            return None;
        };
        Some(Self {
            code: text(error, "Code").unwrap_or("an error without a code"),
            description: text(error, "Message").or_else(|| text(error, "Description")),
            is_vendors: true,
        })
    }

    fn show(&self, redactor: &Redactor) -> String {
        let code = match LONG_CODES.contains(&self.code) {
            true => self.code.to_owned(),
            false => redactor.show(self.code),
        };
        match self.description {
            Some(description) => format!("{code}: {}", redactor.show(description)),
            None => code,
        }
    }
}

/// A response of `endpoint` without a token, received at `received_at`.
pub struct ErrorResponse<'a> {
    pub response: &'a Response,
    pub endpoint: &'a TokenEndpoint,
    pub redactor: &'a Redactor,
    pub received_at: Timestamp,
}

impl ErrorResponse<'_> {
    /// A transient failure, by its status or code.
    pub fn unavailable(&self, error: Option<ErrorObject>) -> TokenError {
        let status = self.response.status;
        let what = match status {
            429 => "limits the request rate",
            408 => "did not receive the request in time",
            _ => "is unavailable",
        };
        let retry_after = self.response.retry_after.as_deref();
        let when = retry_after
            .and_then(|value| retry::retry_after(value, self.received_at))
            .filter(|when| *when > self.received_at);
        let hint = match (status, when) {
            (_, Some(when)) => format!("try again after {when}; the credentials are not the cause"),
            (429, None) => {
                "try again in a minute; an account may send 60 to 100 requests a minute".to_owned()
            }
            _ => "try again later; the credentials are not the cause".to_owned(),
        };
        TokenError {
            retry: match when {
                _ if !retry::is_transient_status(status) => Retry::Never,
                Some(when) => Retry::After(when),
                None => Retry::Soon,
            },
            reason: match status {
                429 => Reason::RateLimited,
                _ => Reason::Other,
            },
            ..self.failure(TokenErrorKind::Unavailable, what, error, &hint)
        }
    }

    /// A proxy asks for credentials of its own.
    pub fn proxy_authentication(&self) -> TokenError {
        self.failure(
            TokenErrorKind::Unreachable,
            "is behind a proxy that requires a user name and password",
            None,
            "give the proxy's user name and password in --proxy; the client id and secret are not the cause",
        )
    }

    /// An error object, whose code decides.
    pub fn error(&self, error: ErrorObject) -> TokenError {
        let status = self.response.status;
        let code = error.code.to_ascii_lowercase();
        match error.code {
            "invalid_client" | "unauthorized_client" | "access_denied" => self.refused(error),
            "temporarily_unavailable" | "server_error" => self.unavailable(Some(error)),
            _ if error.is_vendors && matches!(status, 401 | 403) => self.refused(error),
            _ if error.is_vendors && REFUSALS.iter().any(|part| code.contains(part)) => {
                self.refused(error)
            }
            _ => self.failure(
                TokenErrorKind::Invalid,
                "did not accept the request",
                Some(error),
                CHECK_URL,
            ),
        }
    }

    fn refused(&self, error: ErrorObject) -> TokenError {
        self.failure(
            TokenErrorKind::Refused,
            "refused the credentials",
            Some(error),
            "check the client id and secret; a new application's are refused for a few minutes until it is active, and a \
             rotated secret no longer works",
        )
    }

    /// 401 without an error object: most likely not the authorization server's.
    pub fn unauthorized(&self) -> TokenError {
        let schemes = match self.response.schemes.join(", ") {
            schemes if schemes.is_empty() => schemes,
            schemes => format!(" and asked for {}", self.redactor.show(&schemes)),
        };
        TokenError::new(
            TokenErrorKind::Refused,
            format!(
                "{} answered with status 401 without an OAuth error{schemes}{}",
                self.endpoint,
                self.quotation()
            ),
            "check the URL first, because a gateway in front of the service may have answered; then check the client id \
             and secret, which are refused until a new application is active",
        )
    }

    fn failure(
        &self,
        kind: TokenErrorKind,
        what: &str,
        error: Option<ErrorObject>,
        hint: &str,
    ) -> TokenError {
        let error = error.map(|error| format!(": {}", error.show(self.redactor)));
        let what = format!(
            "{} {what}, status {}{}",
            self.endpoint,
            self.response.status,
            error.unwrap_or_default()
        );
        TokenError::new(kind, what, hint)
    }

    /// A redirect, which is not followed.
    pub fn redirect(&self) -> TokenError {
        let Some(location) = self.response.location.as_deref() else {
            return self.invalid("the status is not 200");
        };
        let target = match self.endpoint.join(location) {
            Some(url) => {
                let scheme = &url[..Position::BeforeUsername];
                let rest = &url[Position::BeforeHost..Position::AfterPath];
                self.redactor.show_parts(&format!("{scheme}{rest}"))
            }
            None => "something that is not a URL".to_owned(),
        };
        let reason = format!("it redirects to {target}, where the secret is not sent");
        let hint = "name that URL by --base-url or --token-url if it is the right one; a captive portal or VPN may also \
                    redirect requests";
        TokenError::new(TokenErrorKind::Invalid, self.no_token(&reason), hint)
    }

    /// Not a token response, for this `reason`.
    pub fn invalid(&self, reason: &str) -> TokenError {
        let hint = match self.response.is_html() {
            true => {
                "open the URL in a browser to see the web page that came instead: a gateway, a captive portal or a VPN \
                 may have answered"
            }
            false => CHECK_URL,
        };
        TokenError::new(TokenErrorKind::Invalid, self.no_token(reason), hint)
    }

    fn no_token(&self, reason: &str) -> String {
        let Response {
            status,
            content_type,
            content_encoding,
            ..
        } = self.response;
        let content_type = match content_type {
            Some(content_type) => self.redactor.show_parts(content_type),
            None => "no content type".to_owned(),
        };
        let is_encoded =
            |encoding: &&String| !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity");
        let encoding = content_encoding.as_ref().filter(is_encoded);
        let encoding = encoding.map(|encoding| {
            let encoding = self.redactor.show_parts(encoding);
            format!(", unrequested Content-Encoding {encoding}")
        });
        format!(
            "{} did not return a token: {reason}; status {status}, {content_type}{}{}",
            self.endpoint,
            encoding.unwrap_or_default(),
            self.quotation()
        )
    }

    /// The beginning of the body in quotes; nothing if it is binary, empty, or JSON without members: its value may be a
    /// token.
    fn quotation(&self) -> String {
        let text = self.response.text().unwrap_or_default();
        let shown = match serde_json::from_str(text) {
            Ok(Value::Object(members)) => Some(self.redactor.show_members(&members)),
            Ok(Value::String(text)) => {
                let members = serde_json::from_str(&text).ok();
                members.map(|members| self.redactor.show_members(&members))
            }
            Ok(_) => None,
            Err(_) => self.show_text(text),
        };
        shown.map_or_else(String::new, |shown| format!(": \"{shown}\""))
    }

    fn show_text(&self, text: &str) -> Option<String> {
        let is_cut_json = text.starts_with(['{', '[', '"']);
        let is_word = !text.contains(|c: char| c.is_whitespace() || c == '<');
        let is_long_word = is_word && text.chars().count() >= WORD_CHARS;
        // XML, YAML, a form, or JSON behind a prefix.
        let letters = text.to_ascii_lowercase().replace(['_', '-'], "");
        let has_token = letters.contains("accesstoken");
        let is_shown = !text.is_empty() && !is_cut_json && !is_long_word && !has_token;
        is_shown.then(|| self.redactor.show(text))
    }
}
