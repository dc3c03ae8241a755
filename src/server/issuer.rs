//! The sandbox's authorization server: one made-up client, and JWTs that name the sandbox as their issuer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Value, json};

use super::response::{self, ErrorObject};
use super::token_request::{Authentication, IncomingRequest};
use super::token_routes;
use crate::oauth::{ClientCredentials, ClientId};
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
    clock: Clock,
}

impl Issuer {
    /// Creates a client and a signing key. Without statuses in `script` every answer is the regular one.
    pub fn new(lifetime: Duration, script: Vec<StatusCode>, clock: Clock) -> Self {
        // Only unique, not unpredictable: they protect nothing.
        let id = format!("sandbox-{:016x}", fastrand::u64(..));
        let secret = format!("{:032x}", fastrand::u128(..));
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()),
            credentials: ClientCredentials {
                id: ClientId(id),
                secret: ClientSecret::new(secret),
            },
            lifetime,
            script,
            answered: AtomicUsize::new(0),
            clock,
        }
    }

    /// The client's credentials.
    pub fn credentials(&self) -> &ClientCredentials {
        &self.credentials
    }

    /// The routes.
    pub fn router(self) -> Router {
        token_routes(post(Self::answer).with_state(Arc::new(self)))
    }

    async fn answer(
        State(issuer): State<Arc<Self>>,
        incoming: Result<IncomingRequest, ErrorObject>,
    ) -> Result<Response, ErrorObject> {
        let at = issuer.answered.fetch_add(1, Ordering::Relaxed);
        match issuer.script.get(at).or(issuer.script.last()) {
            None | Some(&StatusCode::OK) => issuer.token(at, incoming?.authentication),
            Some(status) => Ok(scripted_answer(*status)),
        }
    }

    fn token(&self, at: usize, authentication: Authentication) -> Result<Response, ErrorObject> {
        let own = &self.credentials;
        // Not compared in constant time, for the same reason.
        let is_own = matches!(authentication, Authentication::Credentials(other)
            if other.id == own.id && other.secret.expose() == own.secret.expose());
        if !is_own {
            let why = "these are not the sandbox's credentials";
            return Err(ErrorObject::new(StatusCode::UNAUTHORIZED, why));
        }
        let expires_in = self.lifetime.as_secs();
        let token = json!({
            "access_token": sign(&self.claims(at, expires_in), &self.key),
            "token_type": "Bearer",
            "expires_in": expires_in,
        });
        Ok(response::json(StatusCode::OK, &token))
    }

    /// The claims of the vendor's tokens, so that these are as long.
    fn claims(&self, at: usize, expires_in: u64) -> Value {
        let now = (self.clock)().unix_seconds();
        let id = &self.credentials.id.0;
        let [billing, identity, products, storage] = APIS;
        json!({
            "nbf": now,
            "exp": now.saturating_add_unsigned(expires_in),
            "iss": ISSUER,
            "aud": [format!("{ISSUER}/resources"), billing, identity, products, storage],
            "client_id": id,
            "client_default_storage": format!("{id}-storage"),
            "client_identity_user_id": format!("{id}-user"),
            "sub": id,
            "iat": now,
            "jti": format!("{at:032X}"),
            "scope": APIS,
        })
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

/// The answer that `--respond` requests.
fn scripted_answer(status: StatusCode) -> Response {
    let why = format!("--respond asks for status {}", status.as_u16());
    let mut response = ErrorObject::new(status, why).into_response();
    if let StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE = status {
        let second = HeaderValue::from_static("1");
        response.headers_mut().insert(RETRY_AFTER, second);
    }
    response
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
