//! Any response is a token that is a b64token, or an error whose message has no four letters of the secret.
#![no_main]
#![allow(dead_code, unused_imports, reason = "part of the program")]

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

use oauth::{Response, TokenEndpoint};
use secret::{AccessToken, ClientSecret};
use server_text::Redactor;
use time::Timestamp;

const SECRET: &str = "Zq7x/Wv9k";
const STATUSES: [u16; 12] = [200, 200, 200, 201, 302, 400, 401, 403, 407, 408, 429, 503];
const TYPES: [Option<&str>; 4] = [
    Some("application/json"),
    Some("text/plain"),
    Some("text/html"),
    None,
];

// The first two bytes choose status and type. What follows the first line break is the value of all other fields.
fuzz_target!(|data: &[u8]| {
    let [status, content_type, body @ ..] = data else {
        return;
    };
    let header = body.split(|byte| *byte == b'\n').nth(1);
    let header = header.map(|value| String::from_utf8_lossy(value).into_owned());
    let response = Response {
        status: STATUSES[usize::from(*status) % STATUSES.len()],
        content_type: TYPES[usize::from(*content_type) % TYPES.len()].map(str::to_owned),
        content_encoding: header.clone(),
        location: header.clone(),
        retry_after: header.clone(),
        schemes: header
            .iter()
            .flat_map(|header| oauth::challenge_schemes(header))
            .collect(),
        body: body.to_owned(),
    };
    let endpoint = TokenEndpoint::parse("http://localhost/t", "--token-url", false).unwrap();
    let redactor = Redactor::new(&ClientSecret::new(SECRET.to_owned()));
    let now = Timestamp::now();
    match oauth::parse(&response, &endpoint, now..now, &redactor) {
        Ok(token) => {
            assert_eq!(response.status, 200);
            assert!(AccessToken::parse(token.access_token.expose()).is_some());
        }
        Err(error) => {
            let what = error.problem.what.to_ascii_lowercase();
            for piece in ["zq7x", "wv9k"] {
                assert!(!what.contains(piece), "{error:?}");
            }
            assert!(!error.problem.what.contains(char::is_control), "{error:?}");
            assert!(!error.problem.hint.is_empty());
        }
    }
});
