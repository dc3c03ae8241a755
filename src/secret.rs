//! The client secret and the access token, as types that cannot be shown by accident.
//!
//! Neither can be printed, compared, serialized or dereferenced. `expose()` is the only way to the value, so a search for
//! it lists every place where a secret leaves its type.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroize;

/// A client secret (RFC 6749 §2.3.1). Wiped from memory when dropped.
#[derive(Clone)]
pub struct ClientSecret(SecretString);

impl ClientSecret {
    /// Takes the secret out of `text`, without the one line ending that files and pipes add.
    pub fn new(mut text: String) -> Self {
        let secret = without_line_ending(&text).into();
        text.zeroize();
        Self(secret)
    }

    /// Takes all of `text`.
    #[cfg(feature = "server")]
    pub fn exact(text: String) -> Self {
        Self(text.into())
    }

    /// Returns what makes this unusable as a client secret.
    pub fn defect(&self) -> Option<&'static str> {
        defect(self.expose())
    }

    /// Returns the value, for a form body, the seal of the cache, or a search for it in text.
    #[expect(clippy::disallowed_methods, reason = "the only way to the value")]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret([redacted])")
    }
}

/// An access token that is a b64token (RFC 6750 §2.1), so it cannot carry a quote, a line break or an escape sequence into
/// a shell, a header or a terminal.
#[derive(Clone)]
pub struct AccessToken(SecretString);

impl AccessToken {
    /// Returns `None` if `text` is not a b64token.
    pub fn parse(text: &str) -> Option<Self> {
        is_b64token(text).then(|| Self(text.into()))
    }

    /// Returns the value, for the output, a cache entry, or the environment of a child process.
    #[expect(clippy::disallowed_methods, reason = "the only way to the value")]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken([redacted])")
    }
}

/// Whether a b64token may have `c` before its padding (RFC 6750 §2.1).
pub fn is_b64token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~' | '+' | '/')
}

fn is_b64token(text: &str) -> bool {
    let unpadded = text.trim_end_matches('=');
    !unpadded.is_empty() && unpadded.bytes().all(|byte| is_b64token_char(byte.into()))
}

/// `text` without one trailing LF or CRLF.
pub fn without_line_ending(text: &str) -> &str {
    match text.strip_suffix('\n') {
        Some(line) => line.strip_suffix('\r').unwrap_or(line),
        None => text,
    }
}

/// What makes `text` unusable as a client id or secret.
pub fn defect(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("is empty")
    } else if text.contains('\0') {
        Some("contains a NUL character")
    } else if text.contains(['\n', '\r']) {
        Some("contains a line break")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_b64token_is_an_access_token() {
        for good in ["a", "abc.DEF-123_~+/", "abc==", "a.b.c"] {
            assert!(AccessToken::parse(good).is_some(), "{good:?}");
        }
        for bad in [
            "",
            "=",
            "a=b",
            "a b",
            "a\n",
            "\"a\"",
            "a'",
            "\u{1b}[31m",
            "é",
        ] {
            assert!(AccessToken::parse(bad).is_none(), "{bad:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn an_access_token_is_what_rfc_6750_says(text in "[a-z0-9._~+/=\\-\\PC\n]{0,12}") {
            let unpadded = text.trim_end_matches('=').as_bytes();
            let is_b64token = !unpadded.is_empty()
                && unpadded.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte));
            let token = AccessToken::parse(&text);
            assert_eq!(token.is_some(), is_b64token);
            assert!(token.is_none_or(|token| token.expose() == text));
        }
    }

    #[test]
    fn one_line_ending_is_dropped() {
        for (text, expected) in [
            ("s", "s"),
            ("s\n", "s"),
            ("s\r\n", "s"),
            ("s\n\n", "s\n"),
            ("s\r", "s\r"),
            ("", ""),
        ] {
            assert_eq!(
                ClientSecret::new(text.into()).expose(),
                expected,
                "{text:?}"
            );
        }
    }

    #[test]
    fn defects_are_named() {
        assert_eq!(defect(" + /&=%\"'\\ é"), None);
        assert_eq!(defect(""), Some("is empty"));
        assert_eq!(defect("a\0b"), Some("contains a NUL character"));
        assert_eq!(defect("a\rb"), Some("contains a line break"));
    }

    #[test]
    fn debug_shows_neither() {
        let shown = format!(
            "{:?} {:?}",
            ClientSecret::new("hush".into()),
            AccessToken::parse("hush")
        );
        assert_eq!(
            shown,
            "ClientSecret([redacted]) Some(AccessToken([redacted]))"
        );
    }
}
