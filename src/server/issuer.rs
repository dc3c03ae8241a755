//! The sandbox's authorization server: one made-up client, and tokens that name the sandbox as their issuer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::RETRY_AFTER;
use hyper::{Request, Response, StatusCode};
use jsonwebtoken::EncodingKey;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::json;

use super::{Exchange, answer, endpoint, jwt, token_request};
use crate::oauth::{ClientCredentials, ClientId};
use crate::report::Reporter;
use crate::secret::ClientSecret;
use crate::time::Clock;

/// Who issues the tokens, so that nobody takes them for real ones.
const ISSUER: &str = "cells-token-sandbox";
/// What the tokens are for, as the vendor's say it.
const APIS: [&str; 4] = ["api.billing", "api.identity", "api.products", "api.storage"];
/// After 429 and 503, in seconds.
const RETRY_AFTER_SECONDS: &str = "1";

/// Statuses to answer with in turn, the last one for ever. 200 is the true answer, whatever that is.
#[derive(Debug)]
pub struct Script {
    statuses: Vec<StatusCode>,
    played: AtomicUsize,
}

impl Script {
    /// A script of these statuses; of none, it is the true answer for ever.
    pub fn new(statuses: Vec<StatusCode>) -> Self {
        Self {
            statuses,
            played: AtomicUsize::new(0),
        }
    }

    fn next(&self) -> StatusCode {
        let at = self.played.fetch_add(1, Ordering::Relaxed);
        let status = self.statuses.get(at).or(self.statuses.last());
        status.copied().unwrap_or(StatusCode::OK)
    }
}

/// An authorization server with one client.
pub struct Issuer {
    credentials: ClientCredentials,
    key: EncodingKey,
    lifetime: Duration,
    script: Script,
    random: SystemRandom,
    clock: Clock,
    report: Reporter,
}

impl Issuer {
    /// Makes up a client and a key.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn new(
        lifetime: Duration,
        script: Script,
        clock: Clock,
        report: Reporter,
    ) -> anyhow::Result<Self> {
        let random = SystemRandom::new();
        Ok(Self {
            credentials: ClientCredentials {
                id: ClientId(format!("sandbox-{}", hex::<8>(&random)?)),
                secret: ClientSecret::new(hex::<16>(&random)?),
            },
            key: EncodingKey::from_secret(&bytes::<32>(&random)?),
            lifetime,
            script,
            random,
            clock,
            report,
        })
    }

    /// The client that it knows.
    pub fn credentials(&self) -> &ClientCredentials {
        &self.credentials
    }

    /// Answers a request.
    pub fn answer(&self, request: &Request<Bytes>) -> Response<Full<Bytes>> {
        if let Err(answer) = endpoint::check(request) {
            return answer;
        }
        match self.script.next() {
            StatusCode::OK => self.true_answer(request),
            status => as_told(status),
        }
    }

    fn true_answer(&self, request: &Request<Bytes>) -> Response<Full<Bytes>> {
        let mut answer = match token_request::credentials(request) {
            Ok(credentials) if self.knows(&credentials) => self.token(),
            Ok(_) => refusal(),
            Err(fault) => endpoint::fault(fault, refusal),
        };
        endpoint::name_scheme(&mut answer, request, "Basic realm=\"cells-token sandbox\"");
        answer
    }

    /// Takes no care to compare in constant time: the secret is of the sandbox's own making, and guards nothing.
    fn knows(&self, other: &ClientCredentials) -> bool {
        let own = &self.credentials;
        own.id == other.id && own.secret.expose() == other.secret.expose()
    }

    fn token(&self) -> Response<Full<Bytes>> {
        let expires_in = self.lifetime.as_secs();
        let token = || anyhow::Ok(jwt::encode(&self.claims(expires_in)?, &self.key)?);
        match token() {
            Ok(token) => {
                let token = json!({ "access_token": token, "token_type": "Bearer", "expires_in": expires_in });
                answer::object(StatusCode::OK, &token)
            }
            Err(error) => {
                let what = format!("{error:#}");
                answer::error(StatusCode::INTERNAL_SERVER_ERROR, "server_error", &what)
            }
        }
    }

    /// Those that the vendor's tokens have, so that they are of the same size too.
    fn claims(&self, expires_in: u64) -> anyhow::Result<serde_json::Value> {
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
            "jti": hex::<16>(&self.random)?.to_uppercase(),
            "scope": APIS,
        }))
    }

    /// Says under `-v` what was answered.
    pub fn note(&self, exchange: &Exchange<'_>) {
        let Exchange {
            method,
            path,
            answer,
            ..
        } = exchange;
        self.report
            .verbose(|| format!("{method} {path}: answered {}", answer.status().as_u16()));
    }
}

fn refusal() -> Response<Full<Bytes>> {
    let what = "these are not the sandbox's credentials";
    answer::error(StatusCode::UNAUTHORIZED, "invalid_client", what)
}

/// An answer of this status because `--respond` says so: an error object where RFC 6749 has a word for it.
fn as_told(status: StatusCode) -> Response<Full<Bytes>> {
    let why = format!("--respond requests status {}", status.as_u16());
    let error = match status {
        StatusCode::BAD_REQUEST => Some("invalid_request"),
        StatusCode::UNAUTHORIZED => Some("invalid_client"),
        StatusCode::INTERNAL_SERVER_ERROR => Some("server_error"),
        StatusCode::SERVICE_UNAVAILABLE => Some("temporarily_unavailable"),
        _ => None,
    };
    let mut answer = match error {
        Some(error) => answer::error(status, error, &why),
        None => answer::text(status, why),
    };
    if matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    ) {
        answer::add(&mut answer, RETRY_AFTER, RETRY_AFTER_SECONDS);
    }
    answer
}

fn hex<const LENGTH: usize>(random: &SystemRandom) -> anyhow::Result<String> {
    Ok(bytes::<LENGTH>(random)?
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

fn bytes<const LENGTH: usize>(random: &SystemRandom) -> anyhow::Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    random
        .fill(&mut bytes)
        .ok()
        .context("the system has no random numbers")?;
    Ok(bytes)
}
