//! The words for an answer that is no token, out of what the answer says of itself.

use url::Origin;

use super::response::ErrorResponse;
use super::retry::{self, Retry};
use super::token_error::{Cause, TokenError, TokenErrorKind};
use super::{Response, TokenEndpoint};
use crate::server_text::Redactor;
use crate::time::Timestamp;

/// An answer of `endpoint` that came at `answered_at`, to be put into words.
pub struct Diagnosis<'a> {
    pub response: &'a Response,
    pub endpoint: &'a TokenEndpoint,
    pub redactor: &'a Redactor,
    pub answered_at: Timestamp,
}

impl Diagnosis<'_> {
    /// The status says that it may pass.
    pub fn unavailable(&self, error: Option<ErrorResponse>) -> TokenError {
        let status = self.response.status;
        let what = match status {
            429 => "limits the number of requests",
            408 => "did not get the request in time",
            _ => "is unavailable",
        };
        let when = self.response.retry_after.as_deref();
        let when = when
            .and_then(|value| retry::retry_after(value, self.answered_at))
            .filter(|when| *when > self.answered_at);
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
            cause: match status {
                429 => Cause::Limit,
                _ => Cause::Other,
            },
            ..self.failure(TokenErrorKind::Unavailable, what, error, hint)
        }
    }

    /// A proxy wants credentials of its own.
    pub fn proxy_authentication(&self) -> TokenError {
        TokenError::new(
            TokenErrorKind::Unreachable,
            format!(
                "a proxy on the way to {} asks for a user name and password (status 407)",
                self.endpoint
            ),
            "the client id and secret are not at fault; ask whoever runs the network for the proxy's",
        )
    }

    /// An error object: its code decides (RFC 6749 §5.2).
    pub fn error(&self, error: ErrorResponse) -> TokenError {
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

    /// The credentials are not accepted.
    pub fn refused(&self, error: Option<ErrorResponse>) -> TokenError {
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

    /// It points elsewhere, where no secret will follow.
    pub fn redirect(&self) -> TokenError {
        let Some(location) = self.response.location.as_deref() else {
            return self.invalid("the status is not 200");
        };
        let target = self.target(location);
        let hint = "if that is the right place, name it by --base-url or --token-url; a captive portal or a VPN can \
                    also be the reason";
        let why = format!("it redirects to {target}, where the secret is not sent");
        TokenError::new(
            TokenErrorKind::Invalid,
            self.not_a_token_response(&why),
            hint,
        )
    }

    /// Origin and path: userinfo and query may hold what is not for every eye.
    fn target(&self, location: &str) -> String {
        match self.endpoint.join(location) {
            Some(url) => {
                // Apart, because a long address looks like a token; but a secret with a slash in it may stand across.
                // What has no origin (`mailto:`) is named by its scheme.
                let origin = match url.origin() {
                    origin @ Origin::Tuple(..) => origin.ascii_serialization(),
                    Origin::Opaque(_) => format!("{}:", url.scheme()),
                };
                let origin = self.redactor.show(&origin);
                let target = format!("{origin}{}", self.redactor.show(url.path()));
                match self.redactor.quotes_secret(&target) {
                    true => "a place that quotes the secret".to_owned(),
                    false => target,
                }
            }
            None => "a place that is not a URL".to_owned(),
        }
    }

    /// It is no token response, and `why`.
    pub fn invalid(&self, why: &str) -> TokenError {
        let hint = if self.response.is_html() {
            "a web page came instead: a gateway, a captive portal or a VPN may stand in between; open the URL in a \
             browser to see it"
        } else {
            "check that --base-url or --token-url names a Get Token API"
        };
        TokenError::new(
            TokenErrorKind::Invalid,
            self.not_a_token_response(why),
            hint,
        )
    }

    fn not_a_token_response(&self, why: &str) -> String {
        let Response { status, body, .. } = self.response;
        let content_type = match &self.response.content_type {
            Some(content_type) => self.redactor.show(content_type).to_string(),
            None => "no content type".to_owned(),
        };
        let text = String::from_utf8_lossy(body);
        let beginning = match self.response.is_whole() {
            true => self.redactor.show(&text),
            false => self.redactor.show_cut(&text),
        };
        format!(
            "the answer of {} is not a token response: {why} (status {status}, {content_type}, \"{beginning}\")",
            self.endpoint
        )
    }
}
