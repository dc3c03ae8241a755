//! An answer as it came: status, the few header fields that matter, and the body up to a limit.

/// The longest body that is read: a token response is a hundredth of it.
pub const BODY_LIMIT: usize = 64 * 1024;

/// An answer, whole and within the limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Content-Type, if it is text.
    pub content_type: Option<String>,
    /// Location, if it is text.
    pub location: Option<String>,
    /// Retry-After, if it is text.
    pub retry_after: Option<String>,
    /// One byte longer than [`BODY_LIMIT`] if there was more.
    pub body: Vec<u8>,
}

impl Response {
    /// Whether the body is all that was sent.
    pub fn is_whole(&self) -> bool {
        self.body.len() <= BODY_LIMIT
    }

    /// Whether the content type is `text/plain`.
    pub fn is_plain_text(&self) -> bool {
        self.media_type() == "text/plain"
    }

    /// Whether it is a web page, by its type or its looks.
    pub fn is_html(&self) -> bool {
        self.media_type() == "text/html" || self.body.trim_ascii_start().starts_with(b"<")
    }

    /// Content-Type without parameters, in lower case (RFC 9110 §8.3.1).
    fn media_type(&self) -> String {
        let content_type = self.content_type.as_deref().unwrap_or_default();
        content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    }
}
