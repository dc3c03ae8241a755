//! The Get Token API on this side of the wire: who may ask, whose token it is, and a line for the access log.

use std::sync::Arc;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, Response, StatusCode};

use super::flights::{Flights, Settings};
use super::gate::{self, Hosts};
use super::verdict::Source;
use super::{AccessLog, Exchange, answer, endpoint, token_request};
use crate::oauth::ClientId;

/// Where a supervisor asks whether this process lives.
const HEALTH: &str = "/healthz";
/// RFC 6749 §2.3.1 has clients that know no other way authenticate so.
const CHALLENGE: &str = "Basic realm=\"cells-token\"";
/// A path that is none of ours may be anything, a secret too.
const OTHER_PATH: &str = "(another path)";

/// A token endpoint that stands for another.
pub struct Upstream {
    flights: Arc<Flights>,
    log: Option<AccessLog>,
}

impl Upstream {
    /// One that has been asked nothing.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn new(settings: Settings, log: Option<AccessLog>) -> anyhow::Result<Self> {
        let flights = Arc::new(Flights::new(settings)?);
        Ok(Self { flights, log })
    }

    /// Answers a request.
    pub async fn answer(&self, request: &Request<Bytes>) -> Response<Full<Bytes>> {
        let hosts = match self.flights.settings.is_on_loopback {
            true => Hosts::Loopback,
            false => Hosts::Any,
        };
        if let Err((status, why)) = gate::check(request, hosts) {
            return answer::error(status, "invalid_request", why);
        }
        if request.uri().path() == HEALTH && [Method::GET, Method::HEAD].contains(request.method())
        {
            return answer::text(StatusCode::OK, "ok");
        }
        match endpoint::check(request) {
            Ok(()) => self.token(request).await,
            Err(answer) => answer,
        }
    }

    async fn token(&self, request: &Request<Bytes>) -> Response<Full<Bytes>> {
        let settings = &self.flights.settings;
        let key = token_request::caller_key(request);
        let credentials = match (key, &settings.callers) {
            (Some(key), Some((keys, own))) => match key {
                Ok(key) if keys.knows(key) => Ok(own.clone()),
                Ok(_) => return refusal("this is not the key of a caller", BEARER, request),
                Err(fault) => Err(fault),
            },
            _ => token_request::credentials(request),
        };
        let credentials = match credentials {
            Ok(credentials) => credentials,
            Err(fault) => {
                return endpoint::fault(fault, || {
                    let what = "there are no credentials in this request";
                    refusal(what, CHALLENGE, request)
                });
            }
        };
        let id = credentials.id.clone();
        let verdict = self.flights.verdict(credentials).await;
        let mut answer = verdict.answer((settings.clock)());
        endpoint::name_scheme(&mut answer, request, CHALLENGE);
        if verdict.is_token() {
            answer.extensions_mut().insert(id);
        }
        answer
    }

    /// Writes a line to the access log.
    pub fn note(&self, exchange: &Exchange<'_>) {
        if let Some(log) = &self.log {
            log.line(line(exchange));
        }
    }
}

/// RFC 6750 §3
const BEARER: &str = "Bearer realm=\"cells-token\"";

fn refusal(what: &str, challenge: &'static str, request: &Request<Bytes>) -> Response<Full<Bytes>> {
    let mut answer = answer::error(StatusCode::UNAUTHORIZED, "invalid_client", what);
    endpoint::name_scheme(&mut answer, request, challenge);
    answer
}

/// Of an exchange, for the access log. A client id is named only once it is known to be one: callers mix up ids and
/// secrets.
fn line(exchange: &Exchange<'_>) -> String {
    let Exchange {
        peer,
        method,
        path,
        answer,
        elapsed,
    } = exchange;
    let is_ours = *path == HEALTH || endpoint::TOKEN_PATHS.contains(path);
    let path = if is_ours { path } else { OTHER_PATH };
    let method = match **method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::DELETE
        | Method::OPTIONS => method.as_str(),
        _ => "(another method)",
    };
    let (status, ms) = (answer.status().as_u16(), elapsed.as_secs_f64() * 1000.0);
    let source = match answer.extensions().get() {
        Some(Source::Fetched) => "fetched",
        Some(Source::Cached) => "cached",
        Some(Source::Upstream) => "upstream",
        Some(Source::Local) | None => "local",
    };
    let mut line = format!("{peer} {method} {path} {status} {source} {ms:.1}ms");
    if let Some(ClientId(id)) = answer.extensions().get() {
        line.push_str(" client ");
        line.extend(id.chars().take(LONGEST_ID));
    }
    line
}

/// As much of a client id is logged, in characters.
const LONGEST_ID: usize = 80;
