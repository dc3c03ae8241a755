//! Any file of the cache is an entry whose token is a b64token and that survives being written again, or a miss.
#![no_main]
#![allow(dead_code, unused_imports, reason = "a part of the program")]

#[path = "../../src/cache/mod.rs"]
mod cache;
#[path = "../../src/error.rs"]
mod error;
#[path = "../../src/oauth/mod.rs"]
mod oauth;
#[path = "../../src/problem.rs"]
mod problem;
#[path = "../../src/secret.rs"]
mod secret;
#[path = "../../src/time.rs"]
mod time;
#[path = "../../src/report.rs"]
mod report;

use libfuzzer_sys::fuzz_target;

use cache::{Entry, Key};
use oauth::{ClientId, MinTtl, TokenEndpoint};
use secret::AccessToken;
use time::Timestamp;

fuzz_target!(|data: &[u8]| {
    let endpoint = TokenEndpoint::parse("https://host.invalid/t", "--token-url", false).unwrap();
    let key = Key::new(&endpoint, &ClientId("id".to_owned()));
    let now = Timestamp::now();
    let Ok(entry) = Entry::parse(data, &key, now) else {
        return;
    };
    assert!(AccessToken::parse(entry.token.access_token.expose()).is_some());
    // None of these may overflow.
    let _ = (
        entry.token.freshness(MinTtl::Default, now),
        entry.token.remaining(now),
    );
    let bytes = entry.to_bytes(&key);
    let again = Entry::parse(&bytes, &key, now).unwrap();
    assert_eq!(again.token.members, entry.token.members);
    assert_eq!(again.token.expires_at, entry.token.expires_at);
    assert_eq!(again.fingerprint, entry.fingerprint);
});
