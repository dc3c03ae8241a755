//! HTTP servers for token requests: `serve`'s caching token proxy and `sandbox`'s authorization server.
//!
//! `listener` owns connections and their limits, `exchange` what all requests go through; `proxy` and `issuer` answer them.

mod cached_token;
mod caller_keys;
mod exchange;
#[cfg_attr(
    windows,
    expect(dead_code, reason = "only SIGHUP reloads, and Windows has none")
)]
mod from_files;
mod guard;
mod identity;
mod issuer;
mod listener;
mod metrics;
mod outcome;
mod proxy;
mod response;
mod tls;
mod token_request;
mod upstream;

use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::routing::MethodRouter;

pub use caller_keys::CallerKeys;
pub use exchange::Service;
pub use from_files::FromFiles;
pub use issuer::Issuer;
pub use listener::{listen, serve};
pub use metrics::Metrics;
pub use proxy::{Callers, TokenProxy};
pub use tls::acceptor;
pub use upstream::{MAX_UPSTREAM_REQUESTS, Upstream};

/// The paths of a token: those of the Get Token API and of the vendor's SDKs.
const TOKEN_PATHS: [&str; 4] = [
    "/v4.0/cells/connect/token",
    "/v3.0/cells/connect/token",
    "/connect/token",
    "/oauth2/token",
];

const HEALTH: &str = "/healthz";
const METRICS: &str = "/metrics";

/// Routes token requests to `token`.
fn token_routes(token: MethodRouter) -> Router {
    let route = |router: Router, path| router.route(path, token.clone());
    TOKEN_PATHS.into_iter().fold(Router::new(), route)
}

/// Locks a mutex whose data is valid even after a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
