//! The caching token proxy of `serve`: decides which caller gets which token.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::metrics::Metrics;
use super::outcome::{Caller, Outcome};
use super::response::ErrorObject;
use super::token_request::{Authentication, IncomingRequest};
use super::{CallerKeys, FromFiles, HEALTH, METRICS, Upstream, token_routes};
use crate::oauth::{ClientCredentials, TokenRequest};
use crate::time::Clock;

/// The keys of callers without credentials, and the credentials whose tokens they get.
pub type Callers = (Arc<FromFiles<CallerKeys>>, ClientCredentials);

/// The caching token proxy.
pub struct TokenProxy {
    /// Where the tokens come from.
    pub upstream: Arc<Upstream>,
    /// Callers without credentials, if there are any.
    pub callers: Option<Callers>,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// The calendar clock.
    pub clock: Clock,
}

impl TokenProxy {
    /// The routes.
    pub fn router(self) -> Router {
        let proxy = Arc::new(self);
        token_routes(post(Self::token).with_state(Arc::clone(&proxy)))
            .route(HEALTH, get(async || "ok\n"))
            .route(METRICS, get(Self::metrics).with_state(proxy))
    }

    async fn metrics(State(proxy): State<Arc<Self>>) -> impl IntoResponse {
        let text = proxy.metrics.text(&proxy.upstream);
        ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text)
    }

    async fn token(
        State(proxy): State<Arc<Self>>,
        incoming: IncomingRequest,
    ) -> Result<Response, ErrorObject> {
        let (credentials, caller) = match (incoming.authentication, &proxy.callers) {
            (Authentication::Credentials(credentials), _) => (credentials, Caller::Client),
            (Authentication::Key(key), Some((keys, own))) if keys.get().contains(&key) => {
                (own.clone(), Caller::Key(&own.secret))
            }
            (Authentication::Key(_), _) => {
                let why = "the caller key is unknown";
                return Err(ErrorObject::new(StatusCode::UNAUTHORIZED, why));
            }
        };
        let id = credentials.id.clone();
        let request = TokenRequest {
            credentials,
            parameters: incoming.parameters,
        };
        let outcome = proxy.upstream.token(request).await;
        let mut response = outcome.response(caller, (proxy.clock)());
        if !matches!(outcome, Outcome::Failed(_)) {
            response.extensions_mut().insert(id);
        }
        Ok(response)
    }
}
