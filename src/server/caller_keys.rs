//! The keys of callers that may have tokens without holding the secret. They are stored as keyed digests and compared
//! in constant time.

use std::fs;
use std::path::Path;

use ring::hmac;
use ring::rand::SystemRandom;
use zeroize::Zeroizing;

use crate::problem::Problem;
use crate::secret::is_b64token_char;

/// A shorter key could be guessed.
const MIN_LENGTH: usize = 16;

/// The keys of callers.
pub struct CallerKeys {
    /// Random, new for each time the file is read.
    key: hmac::Key,
    digests: Vec<hmac::Tag>,
}

impl CallerKeys {
    /// Reads a file with one key a line; empty lines are ignored.
    ///
    /// # Errors
    /// If it cannot be read, is accessible to others, or has no keys or bad ones.
    pub fn read(file: &Path) -> Result<Self, Problem> {
        let keys = read_private(file).and_then(|text| Self::parse(&text));
        keys.map_err(|why| {
            Problem::new(
                format!("the caller keys in {} cannot be used: {why}", file.display()),
                "give --caller-key-file a file that other users cannot access, with one key a line, such as those of openssl rand -hex 32",
            )
        })
    }

    /// Whether `presented` is one of the keys. Compares with all of them.
    pub fn contains(&self, presented: &str) -> bool {
        self.digests.iter().fold(false, |found, digest| {
            found | hmac::verify(&self.key, presented.as_bytes(), digest.as_ref()).is_ok()
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .map_err(|_| "the system has no random numbers".to_owned())?;
        let mut digests = Vec::new();
        for (number, line) in (1..).zip(text.lines().map(str::trim)) {
            if line.is_empty() {
                continue;
            }
            let has_allowed_chars = line.trim_end_matches('=').chars().all(is_b64token_char);
            if line.len() < MIN_LENGTH || !has_allowed_chars {
                return Err(format!(
                    "line {number} is not a key of at least {MIN_LENGTH} letters, digits and -._~+/"
                ));
            }
            digests.push(hmac::sign(&key, line.as_bytes()));
        }
        match digests.is_empty() {
            true => Err("the file is empty".to_owned()),
            false => Ok(Self { key, digests }),
        }
    }
}

/// Reads a file that others have no access to.
fn read_private(file: &Path) -> Result<Zeroizing<String>, String> {
    #[cfg(unix)]
    if let Ok(metadata) = fs::metadata(file) {
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
        if mode & 0o007 != 0 {
            let mode = mode & 0o7777;
            return Err(format!(
                "its permissions {mode:04o} let other users access it"
            ));
        }
    }
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    Ok(Zeroizing::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_keys_are_accepted() {
        let keys = CallerKeys::parse("one-key-of-16-ch\r\n\n  two+key+of+more/than/16== \n");
        let keys = keys.ok().unwrap();
        for (presented, expected) in [
            ("one-key-of-16-ch", true),
            ("two+key+of+more/than/16==", true),
            ("", false),
            ("one-key-of-16-c", false),
            ("one-key-of-16-ch ", false),
            ("One-key-of-16-ch", false),
        ] {
            assert_eq!(keys.contains(presented), expected, "{presented:?}");
        }
    }

    #[test]
    fn a_file_without_keys_or_with_bad_ones_is_rejected() {
        for (text, why) in [
            ("", "empty"),
            ("\n \r\n", "empty"),
            ("one-key-of-16-ch\nfifteen-letters", "line 2"),
            ("a b c d e f g h i", "line 1"),
            ("one-key-of-16-ch\n\nzwölf-zwölf-zwölf", "line 3"),
            ("\"quoted-quoted-quoted\"", "line 1"),
        ] {
            let refused = CallerKeys::parse(text).err();
            assert!(refused.is_some_and(|said| said.contains(why)), "{text:?}");
        }
    }
}
