//! Any answer is a token that is a b64token, or a failure in words without the secret.
#![no_main]
#![allow(dead_code, unused_imports, reason = "a part of the program")]

#[path = "../../src/oauth/mod.rs"]
mod oauth;
#[path = "../../src/problem.rs"]
mod problem;
#[path = "../../src/secret.rs"]
mod secret;
#[path = "../../src/time.rs"]
mod time;

use libfuzzer_sys::fuzz_target;

use oauth::{Client, Redactor, Response, TokenEndpoint, Trust};
use secret::{AccessToken, ClientSecret};
use time::Timestamp;

const SECRET: &str = "s3cret/s3cret";
const STATUSES: [u16; 12] = [200, 200, 200, 201, 302, 400, 401, 403, 407, 408, 429, 503];
const TYPES: [Option<&str>; 4] = [
    Some("application/json"),
    Some("text/plain"),
    Some("text/html"),
    None,
];

// The first two bytes choose status and type. Where there is a line break, what follows it is a header's value too.
fuzz_target!(|data: &[u8]| {
    let [status, content_type, body @ ..] = data else {
        return;
    };
    let header = body.split(|byte| *byte == b'\n').nth(1);
    let header = header.map(|value| String::from_utf8_lossy(value).into_owned());
    let response = Response {
        status: STATUSES[usize::from(*status) % STATUSES.len()],
        content_type: TYPES[usize::from(*content_type) % TYPES.len()].map(str::to_owned),
        location: header.clone(),
        retry_after: header,
        body: body.to_owned(),
    };
    // Plain http, so that no certificates are read.
    let endpoint = TokenEndpoint::parse("http://localhost/t", "--token-url", false).unwrap();
    let redactor = Redactor::new(&ClientSecret::new(SECRET.to_owned()));
    let client = Client::new(&endpoint, None, &Trust::default(), redactor).unwrap();
    let now = Timestamp::now();
    match client.parse(&response, now..now) {
        Ok(token) => {
            assert_eq!(response.status, 200);
            assert!(AccessToken::parse(token.access_token.expose()).is_some());
        }
        Err(error) => {
            assert!(!error.problem.what.contains(SECRET), "{error:?}");
            assert!(!error.problem.hint.is_empty());
        }
    }
});
