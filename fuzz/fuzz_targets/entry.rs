//! Any cache file is an entry whose token is a b64token and that survives being sealed and read again, or an error.
#![no_main]
#![allow(dead_code, unused_imports, reason = "part of the program")]

/// What reads and writes an entry, without the files.
#[path = "../../src/cache"]
mod cache {
    pub mod entry;
    pub mod key;
    pub mod sealed;

    const CLOCK_TOLERANCE: std::time::Duration = std::time::Duration::from_secs(5 * 60);
}
#[path = "../../src/oauth/mod.rs"]
mod oauth;
#[path = "../../src/problem.rs"]
mod problem;
#[path = "../../src/secret.rs"]
mod secret;
#[path = "../../src/server_text.rs"]
mod server_text;
#[path = "../../src/time.rs"]
mod time;

use libfuzzer_sys::fuzz_target;

use cache::entry::{self, Entry, Forgotten};
use cache::key::Key;
use cache::sealed::SealedJson;
use oauth::{ClientId, MinTtl, TokenEndpoint};
use secret::{AccessToken, ClientSecret};
use time::Timestamp;

fuzz_target!(|data: &[u8]| {
    let endpoint = TokenEndpoint::parse("https://host.invalid/t", "--token-url", false).unwrap();
    let key = Key::new(&endpoint, &ClientId("id".to_owned()));
    let secret = ClientSecret::new("s3cret".to_owned());
    let now = Timestamp::now();
    let Ok(read) = Entry::parse(data.to_vec(), &key, now) else {
        // `forget` reads it all the same.
        let _ = SealedJson::from_bytes(data.to_vec()).map(|sealed| sealed.content::<Forgotten>());
        return;
    };
    assert!(AccessToken::parse(read.token.access_token.expose()).is_some());
    // The seal cannot be guessed.
    assert!(!read.sealed.is_sealed_with(&secret));
    // None of these may overflow.
    let _ = (
        read.token.freshness(MinTtl::Default, now),
        read.token.remaining(now),
    );
    let sealed = entry::seal(&read.token, &key, &secret).unwrap();
    let again = Entry::parse(sealed.as_bytes().to_vec(), &key, now).unwrap();
    assert!(again.sealed.is_sealed_with(&secret));
    assert_eq!(again.token.members, read.token.members);
    assert_eq!(again.token.obtained_at, read.token.obtained_at);
    assert_eq!(again.token.expires_at, read.token.expires_at);
});
