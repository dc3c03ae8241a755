//! The keys of callers that may have tokens without holding the secret. Kept and compared as digests, in a time that
//! tells nothing of how much was right.

use std::path::Path;

use ring::hmac;
use ring::rand::SystemRandom;
use zeroize::Zeroizing;

use crate::problem::Problem;
use crate::secret::is_b64token_char;

/// Who may ask for a token of the credentials that `serve` was given.
pub struct CallerKeys {
    key: hmac::Key,
    tags: Vec<hmac::Tag>,
}

impl CallerKeys {
    /// Reads a file with one key a line; empty lines are nothing.
    ///
    /// # Errors
    /// If it cannot be read, or has no key or one that cannot be sent (RFC 6750 §2.1).
    pub fn read(file: &Path) -> Result<Self, Problem> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            Problem::new(
                format!(
                    "the caller keys cannot be read from {}: {error}",
                    file.display()
                ),
                "give --caller-key-file a readable file with one key a line",
            )
        })?;
        Self::parse(&Zeroizing::new(text)).map_err(|why| {
            Problem::new(
                format!("the caller keys in {} {why}", file.display()),
                "a key is made of letters, digits and -._~+/, such as openssl rand -hex 32 prints",
            )
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        let key = key.map_err(|_| "cannot be kept: the system has no random numbers".to_owned())?;
        let mut tags = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if !line.trim_end_matches('=').chars().all(is_b64token_char) {
                return Err(format!("have something else in line {number}"));
            }
            if !line.is_empty() {
                tags.push(hmac::sign(&key, line.as_bytes()));
            }
        }
        match tags.is_empty() {
            true => Err("are none: the file is empty".to_owned()),
            false => Ok(Self { key, tags }),
        }
    }

    /// Whether it is one of them. All are compared, whichever it is.
    pub fn knows(&self, presented: &[u8]) -> bool {
        self.tags.iter().fold(false, |known, tag| {
            known | hmac::verify(&self.key, presented, tag.as_ref()).is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_keys_are_known() {
        let keys = CallerKeys::parse("one-key\r\n\n  two+key== \n")
            .ok()
            .unwrap();
        for (presented, expected) in [
            ("one-key", true),
            ("two+key==", true),
            ("", false),
            ("one-ke", false),
            ("one-key ", false),
            ("One-key", false),
        ] {
            assert_eq!(keys.knows(presented.as_bytes()), expected, "{presented:?}");
        }
    }

    #[test]
    fn a_file_without_keys_or_with_others_is_refused() {
        for text in ["", "\n \r\n", "a b", "one\nzwölf", "\"quoted\""] {
            assert!(CallerKeys::parse(text).is_err(), "{text:?}");
        }
    }
}
