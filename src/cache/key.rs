//! The name of an identity's files: a digest, so that no URL or client id can leave the folder.

use ring::digest;

use crate::oauth::{ClientId, TokenEndpoint};

/// How much of the digest is in a file name, in bytes: 128 bits.
const DIGEST_LENGTH: usize = 16;

/// A token URL and a client id.
#[derive(Debug)]
pub struct Key {
    pub token_url: String,
    pub client_id: String,
    /// In lower-case hexadecimal.
    pub digest: String,
}

impl Key {
    pub fn new(endpoint: &TokenEndpoint, client_id: &ClientId) -> Self {
        let (token_url, client_id) = (endpoint.as_str().to_owned(), client_id.0.clone());
        // A URL has no line break, so the pair cannot be split in two ways.
        let digest = digest::digest(
            &digest::SHA256,
            format!("{token_url}\n{client_id}").as_bytes(),
        );
        let digest = digest.as_ref()[..DIGEST_LENGTH]
            .iter()
            .fold(0, |number: u128, byte| number << 8 | u128::from(*byte));
        let digest = format!("{digest:032x}");
        Self {
            token_url,
            client_id,
            digest,
        }
    }

    pub fn file_name(&self, extension: &str) -> String {
        format!("{}.{extension}", self.digest)
    }
}

/// The digest in a file name of ours, whatever the extension.
pub fn digest_of(file_name: &str) -> Option<&str> {
    let (digest, _) = file_name.split_once('.')?;
    let is_digest = digest.len() == 2 * DIGEST_LENGTH
        && digest
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_digest.then_some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(url: &str, id: &str) -> Key {
        let endpoint = TokenEndpoint::parse(url, "--token-url", false).unwrap();
        Key::new(&endpoint, &ClientId(id.to_owned()))
    }

    #[test]
    fn each_identity_has_a_file_name_of_its_own_that_stays() {
        let key_of = key("https://host.invalid/t", "id");
        // Part of what users may rely on: the SHA-256 of `https://host.invalid/t\nid`.
        assert_eq!(
            key_of.file_name("json"),
            "7b6e4fca0d2014c9ea901055e1b8ca98.json"
        );
        assert_eq!(
            digest_of(&key_of.file_name("json")),
            Some(&key_of.digest[..])
        );
        for other in [
            key("https://host.invalid/t", "id2"),
            key("https://host.invalid/ti", "d"),
            key("https://host.invalid/", "id"),
        ] {
            assert_ne!(other.digest, key_of.digest);
        }
    }

    #[test]
    fn only_names_of_ours_have_a_digest() {
        let digest = "0123456789abcdef0123456789abcdef";
        for (name, expected) in [
            (format!("{digest}.json"), Some(digest)),
            (format!("{digest}.json.tmp"), Some(digest)),
            (digest.to_owned(), None),
            (format!("{}.json", &digest[1..]), None),
            (format!("{digest}0.json"), None),
            (format!("{}.json", digest.to_uppercase()), None),
            (format!("{}g.json", &digest[1..]), None),
            (".json".to_owned(), None),
        ] {
            assert_eq!(digest_of(&name), expected, "{name}");
        }
    }
}
