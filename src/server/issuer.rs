//! The sandbox's authorization server: one made-up client, and JWTs that name the sandbox as their issuer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::{SystemRandom, generate};
use serde_json::{Value, json};

use super::response::{self, ErrorObject, JSON};
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
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn new(lifetime: Duration, script: Vec<StatusCode>, clock: Clock) -> anyhow::Result<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        Ok(Self {
            credentials: ClientCredentials {
                id: ClientId(format!("sandbox-{}", &random_hex()?[..16])),
                secret: ClientSecret::new(random_hex()?),
            },
            key: key.ok().context(NO_RANDOM)?,
            lifetime,
            script,
            answered: AtomicUsize::new(0),
            clock,
        })
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
            None | Some(&StatusCode::OK) => issuer.token(incoming?.authentication),
            Some(status) => Ok(scripted_answer(*status)),
        }
    }

    fn token(&self, authentication: Authentication) -> Result<Response, ErrorObject> {
        let own = &self.credentials;
        match authentication {
            // Not compared in constant time: the sandbox made the secret up, and it protects nothing.
            Authentication::Credentials(ClientCredentials { id, secret })
                if id == own.id && secret.expose() == own.secret.expose() => {}
            _ => {
                let why = "these are not the sandbox's credentials";
                return Err(ErrorObject::new(StatusCode::UNAUTHORIZED, why));
            }
        }
        let expires_in = self.lifetime.as_secs();
        let claims = self.claims(expires_in).map_err(|error| {
            ErrorObject::new(StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}"))
        })?;
        let token = json!({
            "access_token": sign(&claims, &self.key),
            "token_type": "Bearer",
            "expires_in": expires_in,
        });
        Ok(response::bytes(
            StatusCode::OK,
            Some(JSON),
            token.to_string(),
        ))
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
            "jti": random_hex()?.to_uppercase(),
            "scope": APIS,
        }))
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

const NO_RANDOM: &str = "the system has no random numbers";

/// 32 random digits.
fn random_hex() -> anyhow::Result<String> {
    let bytes: [u8; 16] = generate(&SystemRandom::new())
        .ok()
        .context(NO_RANDOM)?
        .expose();
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
