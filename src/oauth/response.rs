//! A response of the token endpoint as it was received, before anything is made of it.

/// The longest body that is read. A token response is a hundredth of it.
pub const BODY_LIMIT: usize = 64 * 1024;

/// Status, the header fields that matter, and the body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Content-Type, if it is text.
    pub content_type: Option<String>,
    /// Content-Encoding, if it is text. None is asked for.
    pub content_encoding: Option<String>,
    /// Location, if it is text.
    pub location: Option<String>,
    /// Retry-After, if it is text.
    pub retry_after: Option<String>,
    /// WWW-Authenticate, one string a field.
    pub challenges: Vec<String>,
    /// One byte longer than [`BODY_LIMIT`] if there was more.
    pub body: Vec<u8>,
}

/// Authentication schemes (IANA's registry, and those in use beside it) that a gateway may ask for.
const SCHEMES: [&str; 12] = [
    "ApiKey",
    "AWS4-HMAC-SHA256",
    "Basic",
    "Bearer",
    "Digest",
    "DPoP",
    "Hawk",
    "Mutual",
    "Negotiate",
    "NTLM",
    "OAuth",
    "SharedKey",
];

impl Response {
    /// Whether the body is within the limit.
    pub fn is_whole(&self) -> bool {
        self.body.len() <= BODY_LIMIT
    }

    /// The body as UTF-8, without a byte order mark and white space around it.
    pub fn utf8(&self) -> Option<&str> {
        // The limit may have cut a character in two.
        let text = match str::from_utf8(&self.body) {
            Err(error) if !self.is_whole() && error.error_len().is_none() => {
                str::from_utf8(&self.body[..error.valid_up_to()]).ok()?
            }
            text => text.ok()?,
        };
        Some(text.trim_start_matches('\u{feff}').trim())
    }

    /// The same if it is text that can be shown: without control characters.
    pub fn text(&self) -> Option<&str> {
        let is_binary = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
        self.utf8().filter(|text| !text.contains(is_binary))
    }

    /// Whether the content type is `text/plain`.
    pub fn is_plain_text(&self) -> bool {
        self.media_type() == "text/plain"
    }

    /// Whether it is a web page, by its type or its first character.
    pub fn is_html(&self) -> bool {
        self.media_type() == "text/html" || self.text().is_some_and(|text| text.starts_with('<'))
    }

    /// The schemes that the challenges name (RFC 9110 §11.6.1).
    pub fn schemes(&self) -> Vec<&'static str> {
        let is_named = |scheme: &&str| self.challenges.iter().any(|field| names(field, scheme));
        SCHEMES.into_iter().filter(is_named).collect()
    }

    /// Content-Type without parameters, in lower case (RFC 9110 §8.3.1).
    fn media_type(&self) -> String {
        let content_type = self.content_type.as_deref().unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default();
        media_type.trim().to_ascii_lowercase()
    }
}

/// Whether one of the challenges in a field begins with `scheme`.
fn names(field: &str, scheme: &str) -> bool {
    let first_word = |challenge: &str| {
        let word = challenge.split_ascii_whitespace().next();
        word.is_some_and(|word| word.eq_ignore_ascii_case(scheme))
    };
    field.split(',').any(first_word)
}
