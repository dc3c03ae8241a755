//! What every token endpoint of ours has in common: where it is, what it is asked with, and the words of a refusal.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response, StatusCode};

use super::answer;
use super::token_request::Fault;

/// The Get Token API, and where the vendor's SDKs look for tokens.
pub const TOKEN_PATHS: [&str; 4] = [
    "/v4.0/cells/connect/token",
    "/v3.0/cells/connect/token",
    "/connect/token",
    "/oauth2/token",
];

/// Lets through what asks for a token.
///
/// # Errors
/// The answer to everything else.
#[expect(
    clippy::result_large_err,
    reason = "the other way is taken by those that are mistaken alone"
)]
pub fn check(request: &Request<Bytes>) -> Result<(), Response<Full<Bytes>>> {
    if !TOKEN_PATHS.contains(&request.uri().path()) {
        let paths = TOKEN_PATHS.join(", ");
        return Err(answer::text(
            StatusCode::NOT_FOUND,
            format!("there is nothing here but {paths}"),
        ));
    }
    if request.method() != Method::POST {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        let mut answer = answer::text(status, "tokens are asked for with POST");
        answer::add(&mut answer, ALLOW, "POST");
        return Err(answer);
    }
    Ok(())
}

/// The answer to a request that no upstream need see.
pub fn fault(
    fault: Fault,
    refusal: impl FnOnce() -> Response<Full<Bytes>>,
) -> Response<Full<Bytes>> {
    match fault {
        Fault::InvalidClient => refusal(),
        Fault::UnsupportedGrantType => answer::error(
            StatusCode::BAD_REQUEST,
            "unsupported_grant_type",
            "client_credentials is the one grant here",
        ),
        Fault::InvalidRequest(why) => {
            answer::error(StatusCode::BAD_REQUEST, "invalid_request", why)
        }
    }
}

/// RFC 6749 §5.2: who came with an Authorization header is told which scheme is right.
pub fn name_scheme(
    answer: &mut Response<Full<Bytes>>,
    request: &Request<Bytes>,
    challenge: &'static str,
) {
    let came_with_header = request.headers().contains_key(AUTHORIZATION);
    if answer.status() == StatusCode::UNAUTHORIZED && came_with_header {
        answer
            .headers_mut()
            .insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
}
