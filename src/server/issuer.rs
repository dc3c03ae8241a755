//! The sandbox's authorization server: one made-up client, and JWTs that name the sandbox as their issuer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hyper::body::Bytes;
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::{Request, StatusCode};
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::{Value, json};

use super::access_log::Exchange;
use super::response::{self, Response};
use super::routes::{self, Route};
use super::token_request::{self, Authentication, Fault, add_challenge};
use crate::oauth::{ClientCredentials, ClientId};
use crate::report::Reporter;
use crate::secret::ClientSecret;
use crate::time::Clock;

/// The `iss` claim, which tells these tokens from real ones.
const ISSUER: &str = "cells-token-sandbox";
/// The scopes of the vendor's tokens.
const APIS: [&str; 4] = ["api.billing", "api.identity", "api.products", "api.storage"];

/// An authorization server with one client.
pub struct Issuer {
    credentials: ClientCredentials,
    key: hmac::Key,
    lifetime: Duration,
    /// Statuses to answer with in turn; the last one repeats. 200 means the regular answer: a token or a refusal.
    script: Vec<StatusCode>,
    answered: AtomicUsize,
    random: SystemRandom,
    clock: Clock,
    report: Reporter,
}

impl Issuer {
    /// Creates a client and a signing key. Without statuses in `script` every answer is the regular one.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn new(
        lifetime: Duration,
        script: Vec<StatusCode>,
        clock: Clock,
        report: Reporter,
    ) -> anyhow::Result<Self> {
        let random = SystemRandom::new();
        Ok(Self {
            credentials: ClientCredentials {
                id: ClientId(format!("sandbox-{}", random_hex::<8>(&random)?)),
                secret: ClientSecret::new(random_hex::<16>(&random)?),
            },
            key: hmac::Key::generate(hmac::HMAC_SHA256, &random)
                .ok()
                .context(NO_RANDOM)?,
            lifetime,
            script,
            answered: AtomicUsize::new(0),
            random,
            clock,
            report,
        })
    }

    /// The client's credentials.
    pub fn credentials(&self) -> &ClientCredentials {
        &self.credentials
    }

    /// Answers a request.
    pub fn answer(&self, request: &Request<Bytes>) -> Response {
        match routes::route(request) {
            Ok(Route::Token) => {
                let at = self.answered.fetch_add(1, Ordering::Relaxed);
                match self.script.get(at).or(self.script.last()) {
                    None | Some(&StatusCode::OK) => self.true_answer(request),
                    Some(status) => scripted_answer(*status),
                }
            }
            Ok(_) => response::text(StatusCode::NOT_FOUND, "no such path"),
            Err(response) => response,
        }
    }

    fn true_answer(&self, request: &Request<Bytes>) -> Response {
        const REFUSAL: &str = "these are not the sandbox's credentials";
        let incoming = token_request::read(request).map(|incoming| incoming.authentication);
        let mut response = match incoming {
            Ok(Authentication::Credentials(credentials)) if self.knows(&credentials) => {
                self.token()
            }
            Ok(_) => Fault::InvalidClient.response(REFUSAL),
            Err(fault) => fault.response(REFUSAL),
        };
        add_challenge(
            &mut response,
            request,
            "Basic realm=\"cells-token sandbox\"",
        );
        response
    }

    /// Not in constant time: the sandbox made the secret up, and it protects nothing.
    fn knows(&self, other: &ClientCredentials) -> bool {
        let own = &self.credentials;
        own.id == other.id && own.secret.expose() == other.secret.expose()
    }

    fn token(&self) -> Response {
        let expires_in = self.lifetime.as_secs();
        match self.claims(expires_in) {
            Ok(claims) => {
                let token = sign(&claims, &self.key);
                let token = json!({ "access_token": token, "token_type": "Bearer", "expires_in": expires_in });
                response::object(StatusCode::OK, &token)
            }
            Err(error) => {
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                response::error(status, "server_error", &format!("{error:#}"))
            }
        }
    }

    /// The claims of the vendor's tokens, so that these are as long.
    fn claims(&self, expires_in: u64) -> anyhow::Result<Value> {
        let now = (self.clock)().unix_seconds();
        let id = &self.credentials.id.0;
        let [billing, identity, products, storage] = APIS;
        Ok(json!({
            "nbf": now,
            "exp": now.saturating_add_unsigned(expires_in),
            "iss": ISSUER,
            "aud": [format!("{ISSUER}/resources"), billing, identity, products, storage],
            "client_id": id,
            "client_default_storage": format!("{id}-storage"),
            "client_identity_user_id": format!("{id}-user"),
            "sub": id,
            "iat": now,
            "jti": random_hex::<16>(&self.random)?.to_uppercase(),
            "scope": APIS,
        }))
    }

    /// Reports a response under `-v`.
    pub fn record(&self, exchange: &Exchange<'_>, response: &Response) {
        self.report
            .verbose(|| format!("{exchange}: answered {}", response.status().as_u16()));
    }
}

/// A JWT signed with HS256 (RFC 7519 §3.1, RFC 7518 §3.2).
fn sign(claims: &Value, key: &hmac::Key) -> String {
    let encode = |part: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(part);
    let header = encode(br#"{"typ":"JWT","alg":"HS256"}"#);
    let signed = format!("{header}.{}", encode(claims.to_string().as_bytes()));
    let signature = encode(hmac::sign(key, signed.as_bytes()).as_ref());
    format!("{signed}.{signature}")
}

/// The answer that `--respond` requests: an error object if RFC 6749 has a code for the status.
fn scripted_answer(status: StatusCode) -> Response {
    let why = format!("--respond asks for status {}", status.as_u16());
    let code = match status {
        StatusCode::BAD_REQUEST => Some("invalid_request"),
        StatusCode::UNAUTHORIZED => Some("invalid_client"),
        StatusCode::INTERNAL_SERVER_ERROR => Some("server_error"),
        StatusCode::SERVICE_UNAVAILABLE => Some("temporarily_unavailable"),
        _ => None,
    };
    let mut response = match code {
        Some(code) => response::error(status, code, &why),
        None => response::text(status, why),
    };
    if matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    ) {
        let second = HeaderValue::from_static("1");
        response.headers_mut().insert(RETRY_AFTER, second);
    }
    response
}

const NO_RANDOM: &str = "the system has no random numbers";

fn random_hex<const LENGTH: usize>(random: &SystemRandom) -> anyhow::Result<String> {
    let mut bytes = [0; LENGTH];
    random.fill(&mut bytes).ok().context(NO_RANDOM)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with `openssl dgst -sha256 -hmac key`.
    #[test]
    fn the_signature_is_hmac_sha_256_of_header_and_claims() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"key");
        assert_eq!(
            sign(&json!({ "a": 1 }), &key),
            "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.7G3zNPzOu-Lmc3do_j9MqATZwG2Ff8hUMFhXlUXsWi4"
        );
    }
}
