//! The file names of a cached identity begin with a digest, so that no URL or client id can escape the directory. Pure.

use ring::digest;

use crate::oauth::{ClientId, TokenEndpoint};

/// Length of the digest in a file name, in bytes.
const DIGEST_LENGTH: usize = 16;

/// What a token is cached for: a token URL and a client id.
#[derive(Debug)]
pub struct Key {
    pub token_url: String,
    pub client_id: String,
    /// SHA-256 of both, cut to 128 bits, in lower-case hexadecimal.
    pub digest: String,
}

impl Key {
    pub fn new(endpoint: &TokenEndpoint, client_id: &ClientId) -> Self {
        let (token_url, client_id) = (endpoint.as_str().to_owned(), client_id.0.clone());
        // A URL has no line break, so no two pairs give the same text.
        let text = format!("{token_url}\n{client_id}");
        let digest = digest::digest(&digest::SHA256, text.as_bytes());
        let digest = digest.as_ref()[..DIGEST_LENGTH]
            .iter()
            .fold(0, |number: u128, byte| number << 8 | u128::from(*byte));
        Self {
            token_url,
            client_id,
            digest: format!("{digest:032x}"),
        }
    }
}

/// Splits the name of a cache file into digest and suffix; `None` if it is not one of ours.
pub fn split_name(file_name: &str) -> Option<(&str, &str)> {
    let (digest, suffix) = file_name.split_once('.')?;
    let is_digest = digest.len() == 2 * DIGEST_LENGTH
        && digest
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_digest.then_some((digest, suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(url: &str, id: &str) -> Key {
        let endpoint = TokenEndpoint::parse(url, "--token-url", false).unwrap();
        Key::new(&endpoint, &ClientId(id.to_owned()))
    }

    #[test]
    fn each_url_and_id_has_its_own_stable_digest() {
        let key_of = key("https://host.invalid/t", "id");
        // Public API: the SHA-256 of `https://host.invalid/t\nid`.
        assert_eq!(key_of.digest, "7b6e4fca0d2014c9ea901055e1b8ca98");
        for other in [
            key("https://host.invalid/t", "id2"),
            key("https://host.invalid/ti", "d"),
            key("https://host.invalid/", "id"),
        ] {
            assert_ne!(other.digest, key_of.digest);
        }
    }

    #[test]
    fn only_names_with_a_digest_are_cache_files() {
        let digest = "0123456789abcdef0123456789abcdef";
        for (name, expected) in [
            (format!("{digest}.json"), Some((digest, "json"))),
            (format!("{digest}.json.new"), Some((digest, "json.new"))),
            (digest.to_owned(), None),
            (format!("{}.json", &digest[1..]), None),
            (format!("{digest}0.json"), None),
            (format!("{}.json", digest.to_uppercase()), None),
            (format!("{}g.json", &digest[1..]), None),
            (".json".to_owned(), None),
        ] {
            assert_eq!(split_name(&name), expected, "{name}");
        }
    }
}
