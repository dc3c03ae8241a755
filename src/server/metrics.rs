//! Counters in Prometheus' text format. They name no client.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Upstream, lock};

/// Where a response came from. An extension of token responses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source(pub &'static str);

/// A token from the upstream.
pub const FETCHED: Source = Source("fetched");
/// A token from memory or disk.
pub const CACHED: Source = Source("cached");
/// An error from the upstream.
pub const UPSTREAM: Source = Source("upstream");
/// Everything else.
pub const LOCAL: Source = Source("local");

/// The requests of callers.
#[derive(Default)]
pub struct Metrics {
    ended: Mutex<BTreeMap<(u16, Source), u64>>,
    in_flight: AtomicU64,
}

impl Metrics {
    /// A request has arrived.
    pub fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// A request has ended with this status.
    pub fn end(&self, status: u16, source: Source) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        *lock(&self.ended).entry((status, source)).or_default() += 1;
    }

    /// All metrics, with those of the upstream.
    pub fn text(&self, upstream: &Upstream) -> String {
        let mut requests = String::new();
        for ((status, Source(source)), count) in &*lock(&self.ended) {
            requests += &format!(
                "cells_token_requests_total{{status=\"{status}\",source=\"{source}\"}} {count}\n"
            );
        }
        let in_flight = self.in_flight.load(Ordering::Relaxed);
        let sent = upstream.sent.load(Ordering::Relaxed);
        let identities = upstream.tokens.len();
        format!(
            "\
# HELP cells_token_requests_total Requests by response status and source: fetched, cached, upstream, local.
# TYPE cells_token_requests_total counter
{requests}# HELP cells_token_upstream_requests_total Token requests sent upstream; retries are not counted.
# TYPE cells_token_upstream_requests_total counter
cells_token_upstream_requests_total {sent}
# HELP cells_token_cached_identities Identities with a token in memory.
# TYPE cells_token_cached_identities gauge
cells_token_cached_identities {identities}
# HELP cells_token_requests_in_flight Requests without a response yet.
# TYPE cells_token_requests_in_flight gauge
cells_token_requests_in_flight {in_flight}
"
        )
    }
}
