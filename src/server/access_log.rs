//! One exchange: a request and its response, or the fact that its caller left. `serve` writes a line for each.

use std::fmt;
use std::net::IpAddr;
use std::time::Instant;

use hyper::Request;
use hyper::body::Incoming;

use super::outcome::Source;
use super::{Response, Service, response, routes};
use crate::oauth::ClientId;

/// How much of a client id is logged, in characters.
const MAX_ID: usize = 80;

/// A request that has not been recorded yet. Dropped without a response, it is recorded with status 499.
pub struct Exchange<'a> {
    service: &'a Service,
    peer: IpAddr,
    /// A fixed text: an unknown method or path may be a secret.
    method: &'static str,
    path: &'static str,
    began: Instant,
    is_recorded: bool,
}

impl<'a> Exchange<'a> {
    /// Starts with the head of a request.
    pub fn begin(request: &Request<Incoming>, peer: IpAddr, service: &'a Service) -> Self {
        const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"];
        service.begin();
        let method = METHODS.into_iter().find(|name| request.method() == name);
        Self {
            service,
            peer,
            method: method.unwrap_or("(other method)"),
            path: routes::find(request.uri().path()).map_or("(other path)", |(path, _)| path),
            began: Instant::now(),
            is_recorded: false,
        }
    }

    /// Records the response, and returns it.
    pub fn end(mut self, response: Response) -> Response {
        self.is_recorded = true;
        self.service.record(&self, &response);
        response
    }

    /// The line of the access log. A client id appears only with a token: callers mix up ids and secrets.
    pub fn line(&self, response: &Response) -> String {
        let source = response.extensions().get().unwrap_or(&Source::Local);
        let status = response.status().as_u16();
        let ms = self.began.elapsed().as_secs_f64() * 1000.0;
        let mut line = format!("{} {self} {status} {source} {ms:.1}ms", self.peer);
        if let Some(ClientId(id)) = response.extensions().get() {
            line.push_str(" client ");
            line.extend(id.chars().take(MAX_ID));
        }
        line
    }
}

/// Method and path.
impl fmt::Display for Exchange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        if !self.is_recorded {
            let response = response::client_closed_request();
            self.service.record(self, &response);
        }
    }
}
