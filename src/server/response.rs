//! Responses: error objects (RFC 6749 §5.2), and answers of the upstream that are passed on.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::oauth;

/// The media type of a JSON object.
pub const JSON: &str = "application/json";

/// An error of our own (RFC 6749 §5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorObject {
    /// The status code.
    pub status: StatusCode,
    /// The `error` member.
    pub code: Cow<'static, str>,
    /// The `error_description` member.
    pub description: Cow<'static, str>,
}

impl ErrorObject {
    /// Creates an error with the `error` code that fits the status.
    pub fn new(status: StatusCode, description: impl Into<Cow<'static, str>>) -> Self {
        let code = match status.as_u16() {
            401 => "invalid_client",
            429 | 503 | 504 => "temporarily_unavailable",
            500.. => "server_error",
            _ => "invalid_request",
        };
        Self {
            status,
            code: code.into(),
            description: description.into(),
        }
    }
}

impl IntoResponse for ErrorObject {
    fn into_response(self) -> Response {
        let description = description_chars(&self.description);
        let object = serde_json::json!({ "error": self.code, "error_description": description });
        json(self.status, &object)
    }
}

/// Replaces what RFC 6749 §5.2 does not allow in a description.
fn description_chars(text: &str) -> String {
    let allowed = |char| match char {
        '"' => '\'',
        '\\' => '/',
        ' '..='~' => char,
        _ => '?',
    };
    text.chars().map(allowed).collect()
}

/// An answer of the upstream, passed on: status, Content-Type, Retry-After and body.
pub fn pass_on(answer: &oauth::Response) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = bytes(status, answer.content_type.as_deref(), answer.body.clone());
    if let Some(Ok(value)) = answer.retry_after.as_deref().map(HeaderValue::try_from) {
        response.headers_mut().insert(RETRY_AFTER, value);
    }
    response
}

/// A JSON object.
pub fn json(status: StatusCode, object: &Value) -> Response {
    bytes(status, Some(JSON), object.to_string())
}

/// Bytes of a media type that may be unknown.
pub fn bytes(status: StatusCode, media_type: Option<&str>, body: impl Into<Body>) -> Response {
    let content_type = media_type.map(|media_type| [(CONTENT_TYPE, media_type)]);
    (status, content_type, body.into()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_has_allowed_characters_only() {
        for (text, expected) in [
            ("it isn't, (status 403)", "it isn't, (status 403)"),
            (r#"a "quoted" C:\path"#, "a 'quoted' C:/path"),
            ("tab\tline\n\u{1b}[31m\u{7f}", "tab?line??[31m?"),
            ("zwölf…", "zw?lf?"),
            ("! #[]~", "! #[]~"),
        ] {
            assert_eq!(description_chars(text), expected);
        }
    }
}
