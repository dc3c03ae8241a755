//! Counters in Prometheus' text format. They name no client.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::StatusCode;
use hyper::header::HeaderValue;

use super::outcome::Source;
use super::response::{self, Response};
use super::{Upstream, lock};

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

    /// A request has ended with this response.
    pub fn end(&self, response: &Response) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        let source = response.extensions().get().copied();
        let key = (response.status().as_u16(), source.unwrap_or(Source::Local));
        *lock(&self.ended).entry(key).or_default() += 1;
    }

    /// Answers `GET /metrics`.
    pub fn response(&self, upstream: &Upstream) -> Response {
        const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4");
        let mut requests = String::new();
        for ((status, source), count) in &*lock(&self.ended) {
            requests += &format!("{{status=\"{status}\",source=\"{source}\"}} {count}\n");
        }
        let in_flight = self.in_flight.load(Ordering::Relaxed);
        let mut text = String::new();
        for (name, kind, help, samples) in [
            (
                "requests_total",
                "counter",
                "Requests by response status and source: fetched, cached, upstream, local.",
                requests,
            ),
            (
                "upstream_requests_total",
                "counter",
                "Token requests sent upstream; retries are not counted.",
                format!(" {}\n", upstream.sent()),
            ),
            (
                "cached_identities",
                "gauge",
                "Identities with a token in memory.",
                format!(" {}\n", upstream.cached_identities()),
            ),
            (
                "requests_in_flight",
                "gauge",
                "Requests without a response yet.",
                format!(" {in_flight}\n"),
            ),
        ] {
            let name = format!("cells_token_{name}");
            text += &format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
            for sample in samples.lines() {
                text += &format!("{name}{sample}\n");
            }
        }
        response::bytes(StatusCode::OK, Some(TEXT), text)
    }
}
