//! Answers: the JSON of RFC 6749 §5, and one plain line for whatever is not about tokens. Nobody may store any of them.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

/// A JSON object.
pub fn object(status: StatusCode, object: &Value) -> Response<Full<Bytes>> {
    of_type("application/json", status, object.to_string())
}

/// An error object (RFC 6749 §5.2).
pub fn error(status: StatusCode, error: &str, description: &str) -> Response<Full<Bytes>> {
    object(
        status,
        &json!({ "error": error, "error_description": describing(description) }),
    )
}

/// In the characters that a description may have.
fn describing(text: &str) -> String {
    let allowed = |char| match char {
        '"' => '\'',
        '\\' => '/',
        ' '..='~' => char,
        _ => '?',
    };
    text.chars().map(allowed).collect()
}

/// The status, and its name or a sentence.
pub fn text(status: StatusCode, text: impl Into<String>) -> Response<Full<Bytes>> {
    of_type("text/plain; charset=utf-8", status, text.into() + "\n")
}

/// Bytes of the type that somebody said (RFC 9110 §8.3). All answers are made here, and nobody may store one: most have
/// a token or speak of one (RFC 6749 §5.1).
pub fn bytes(
    status: StatusCode,
    content_type: Option<HeaderValue>,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    if let Some(content_type) = content_type {
        answer.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    add(&mut answer, CACHE_CONTROL, "no-store");
    answer
}

/// Seconds to wait, or that have passed (RFC 9110 §10.2.3, RFC 9111 §5.1).
pub fn add_seconds(answer: &mut Response<Full<Bytes>>, name: HeaderName, seconds: u64) {
    answer.headers_mut().insert(name, seconds.into());
}

/// Stands in the access log for the answer that nobody waited for, with nginx's status for it.
pub fn unheard() -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST);
    bytes(status, None, Bytes::new())
}

/// The end of a connection whose request was not read to its end.
pub fn closing(status: StatusCode) -> Response<Full<Bytes>> {
    let mut answer = text(status, status.canonical_reason().unwrap_or_default());
    add(&mut answer, CONNECTION, "close");
    answer
}

/// Adds a header field.
pub fn add(answer: &mut Response<Full<Bytes>>, name: HeaderName, value: &'static str) {
    answer
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
}

fn of_type(content_type: &'static str, status: StatusCode, body: String) -> Response<Full<Bytes>> {
    bytes(status, Some(HeaderValue::from_static(content_type)), body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_keeps_to_its_characters() {
        for (text, expected) in [
            ("it isn't, (status 403)", "it isn't, (status 403)"),
            (r#"a "quoted" C:\path"#, "a 'quoted' C:/path"),
            ("tab\tline\n\u{1b}[31m\u{7f}", "tab?line??[31m?"),
            ("zwölf…", "zw?lf?"),
            ("! #[]~", "! #[]~"),
        ] {
            assert_eq!(describing(text), expected);
        }
    }
}
