//! Responses: JSON objects (RFC 6749 §5), one line of text, or bytes passed on. No response may be stored: most hold a
//! token or an error about one.

use http_body_util::Full;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue};
use serde_json::{Value, json};

/// A response with its whole body.
pub type Response = hyper::Response<Full<Bytes>>;

/// A JSON object.
pub fn object(status: StatusCode, object: &Value) -> Response {
    bytes(status, Some(JSON), object.to_string())
}

/// The media type of a JSON object.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An error object (RFC 6749 §5.2).
pub fn error(status: StatusCode, code: &str, description: &str) -> Response {
    let error = json!({ "error": code, "error_description": description_chars(description) });
    object(status, &error)
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

/// One line of text.
pub fn text(status: StatusCode, text: impl Into<String>) -> Response {
    const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
    bytes(status, Some(TEXT), text.into() + "\n")
}

/// Bytes of the given media type. Every response is built here.
pub fn bytes(
    status: StatusCode,
    content_type: Option<HeaderValue>,
    body: impl Into<Bytes>,
) -> Response {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, content_type);
    }
    response
}

/// The method is not allowed; `allowed` is.
pub fn method_not_allowed(allowed: &'static str) -> Response {
    let why = format!("use {allowed} here");
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, why);
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// Rejects a request whose body was not read to its end, and closes the connection.
pub fn closing(status: StatusCode) -> Response {
    let mut response = text(status, status.canonical_reason().unwrap_or_default());
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The response to a caller that left before it, with nginx's status for this.
pub fn client_closed_request() -> Response {
    let status = StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST);
    bytes(status, None, Bytes::new())
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
