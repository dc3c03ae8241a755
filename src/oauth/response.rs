//! A response of the token endpoint as it was received, before it is interpreted.

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
    /// The authentication schemes in WWW-Authenticate.
    pub schemes: Vec<String>,
    /// One byte longer than [`BODY_LIMIT`] if there was more.
    pub body: Vec<u8>,
}

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

    /// Content-Type without parameters, in lower case (RFC 9110 §8.3.1).
    fn media_type(&self) -> String {
        let content_type = self.content_type.as_deref().unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default();
        media_type.trim().to_ascii_lowercase()
    }
}

/// The authentication schemes of a list of challenges (RFC 9110 §11.6.1).
pub fn challenge_schemes(value: &str) -> Vec<String> {
    let mut is_quoted = false;
    let parts = value.split(|c| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    });
    let scheme = |part: &str| {
        let word = part.split_ascii_whitespace().next()?;
        // `name=value` is a parameter of the scheme before.
        let is_token = word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        is_token.then(|| word.to_owned())
    };
    parts.filter_map(scheme).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_are_distinguished_from_their_parameters() {
        for (value, schemes) in [
            ("Basic realm=\"a, b\"", &["Basic"][..]),
            ("Negotiate, NTLM", &["Negotiate", "NTLM"]),
            (
                "Negotiate YII=, Digest realm=\"x\", qop=\"auth\"",
                &["Negotiate", "Digest"],
            ),
            (
                "Basic realm=x, charset=\"UTF-8\", Bearer",
                &["Basic", "Bearer"],
            ),
            ("", &[]),
            ("realm=\"x\"", &[]),
        ] {
            assert_eq!(challenge_schemes(value), schemes, "{value}");
        }
    }
}
