//! The keys of callers that may have tokens without holding the secret. They are stored as keyed digests and compared
//! in constant time.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ring::hmac;
use ring::rand::SystemRandom;
use zeroize::Zeroizing;

use super::lock;
use crate::problem::Problem;
use crate::secret::is_b64token_char;

/// A shorter key could be guessed.
const MIN_LENGTH: usize = 16;

/// The keys in a file.
pub struct CallerKeys {
    file: PathBuf,
    digests: Mutex<Digests>,
}

struct Digests {
    /// Random, new for each time the file is read.
    key: hmac::Key,
    tags: Vec<hmac::Tag>,
}

impl CallerKeys {
    /// Reads a file with one key a line; empty lines are ignored.
    ///
    /// # Errors
    /// If it cannot be read, is accessible to others, or has no keys or bad ones.
    pub fn read(file: PathBuf) -> Result<Self, Problem> {
        let digests = Mutex::new(read(&file)?);
        Ok(Self { file, digests })
    }

    /// Reads the file again.
    ///
    /// # Errors
    /// As for [`CallerKeys::read`]; then the old keys stay in use.
    pub fn reload(&self) -> Result<(), Problem> {
        *lock(&self.digests) = read(&self.file)?;
        Ok(())
    }

    /// Whether `presented` is one of the keys. Compares with all of them.
    pub fn contains(&self, presented: &[u8]) -> bool {
        let digests = lock(&self.digests);
        digests.tags.iter().fold(false, |found, tag| {
            found | hmac::verify(&digests.key, presented, tag.as_ref()).is_ok()
        })
    }
}

fn read(file: &Path) -> Result<Digests, Problem> {
    let text = read_private(file).map_err(|error| {
        Problem::new(
            format!("cannot read the caller keys in {}: {error}", file.display()),
            "give --caller-key-file a file with one key a line that only its owner and group can read",
        )
    })?;
    Digests::parse(&text).map_err(|why| {
        Problem::new(
            format!("the caller keys in {} cannot be used: {why}", file.display()),
            "use keys of at least 16 letters, digits and -._~+/, such as those of openssl rand -hex 32",
        )
    })
}

/// Reads a file that others have no access to.
fn read_private(path: &Path) -> io::Result<Zeroizing<String>> {
    let mut file = File::open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = file.metadata()?.permissions().mode();
        if mode & 0o007 != 0 {
            let why = format!(
                "its permissions {:04o} let other users access it",
                mode & 0o7777
            );
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text)?;
    Ok(text)
}

impl Digests {
    fn parse(text: &str) -> Result<Self, String> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .map_err(|_| "the system has no random numbers".to_owned())?;
        let mut tags = Vec::new();
        for (number, line) in (1..).zip(text.lines().map(str::trim)) {
            if line.is_empty() {
                continue;
            }
            if !line.trim_end_matches('=').chars().all(is_b64token_char) {
                return Err(format!(
                    "line {number} has a character that no key may have"
                ));
            }
            if line.len() < MIN_LENGTH {
                return Err(format!(
                    "the key in line {number} is shorter than {MIN_LENGTH} characters"
                ));
            }
            tags.push(hmac::sign(&key, line.as_bytes()));
        }
        match tags.is_empty() {
            true => Err("the file is empty".to_owned()),
            false => Ok(Self { key, tags }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_keys_are_accepted() {
        let digests = Digests::parse("one-key-of-16-ch\r\n\n  two+key+of+more/than/16== \n");
        let keys = CallerKeys {
            file: PathBuf::new(),
            digests: Mutex::new(digests.ok().unwrap()),
        };
        for (presented, expected) in [
            ("one-key-of-16-ch", true),
            ("two+key+of+more/than/16==", true),
            ("", false),
            ("one-key-of-16-c", false),
            ("one-key-of-16-ch ", false),
            ("One-key-of-16-ch", false),
        ] {
            assert_eq!(
                keys.contains(presented.as_bytes()),
                expected,
                "{presented:?}"
            );
        }
    }

    #[test]
    fn a_file_without_keys_or_with_bad_ones_is_rejected() {
        for (text, why) in [
            ("", "empty"),
            ("\n \r\n", "empty"),
            ("one-key-of-16-ch\nfifteen-letters", "line 2 is shorter"),
            ("a b c d e f g h i", "line 1"),
            ("one-key-of-16-ch\n\nzwölf-zwölf-zwölf", "line 3"),
            ("\"quoted-quoted-quoted\"", "line 1"),
        ] {
            let refused = Digests::parse(text).err();
            assert!(refused.is_some_and(|said| said.contains(why)), "{text:?}");
        }
    }
}
