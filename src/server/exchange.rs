//! What every request goes through, whichever handler answers it: checks of its Origin, Host and URL, the access log, and
//! the counters.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, HOST, HeaderValue, ORIGIN, WWW_AUTHENTICATE,
};
use axum::http::uri::Authority;
use axum::http::{Request, StatusCode, Version};
use axum::response::{IntoResponse as _, Response};
use form_urlencoded::parse;
use hyper::body::Incoming;
use tower_service::Service as _;

use super::metrics::{LOCAL, Metrics, Source};
use super::response::ErrorObject;
use super::{HEALTH, METRICS, TOKEN_PATHS};
use crate::oauth::ClientId;
use crate::report::{Reporter, Verbosity};

/// A router, and what all its requests go through.
pub struct Service {
    /// Answers the requests that are not rejected.
    pub router: Router,
    /// Whether a Host must be a loopback name: where only this machine can connect, another one means DNS rebinding.
    pub only_loopback_hosts: bool,
    /// Where the access log goes.
    pub report: Reporter,
    /// The verbosity with which it is written.
    pub log_with: Verbosity,
    /// Counts the requests.
    pub metrics: Arc<Metrics>,
}

impl Service {
    /// Answers a request.
    pub fn answer(
        &self,
        peer: IpAddr,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response, Infallible>> {
        // Created before the future is polled: the caller may leave at any time.
        let mut exchange = Exchange::begin(self, peer, &request);
        async move {
            let challenge = request.headers().get(AUTHORIZATION).map(challenge);
            let mut response = match check(&request, self.only_loopback_hosts) {
                Ok(()) => self.router.clone().call(request).await?,
                Err(error) => error.into_response(),
            };
            let status = response.status();
            let headers = response.headers_mut();
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            if let (StatusCode::UNAUTHORIZED, Some(challenge)) = (status, challenge) {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
            }
            exchange.end(&mut response);
            Ok(response)
        }
    }
}

/// Names the scheme that the client used (RFC 6749 §5.2).
fn challenge(authorization: &HeaderValue) -> &'static str {
    match authorization.as_bytes().get(.."bearer".len()) {
        Some(scheme) if scheme.eq_ignore_ascii_case(b"bearer") => "Bearer realm=\"cells-token\"",
        _ => "Basic realm=\"cells-token\"",
    }
}

/// Rejects requests of web pages, by Origin and by Host, and credentials in a URL, where they would be logged.
fn check<B>(request: &Request<B>, only_loopback_hosts: bool) -> Result<(), ErrorObject> {
    let bad = |why| Err(ErrorObject::new(StatusCode::BAD_REQUEST, why));
    let forbidden = |why| Err(ErrorObject::new(StatusCode::FORBIDDEN, why));
    if request.headers().contains_key(ORIGIN) {
        return forbidden("requests with an Origin header, which web pages send, are not accepted");
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (None, _) if request.version() < Version::HTTP_11 => None,
        (Some(host), None) => Some(Authority::try_from(host.as_bytes()).ok()),
        _ => return bad("one Host header is required"),
    };
    let in_url = request.uri().authority().cloned().map(Some);
    let is_foreign = |host: Option<Authority>| !host.is_some_and(|host| is_loopback(&host));
    if only_loopback_hosts && [host, in_url].into_iter().flatten().any(is_foreign) {
        return forbidden("the Host header must be a loopback name or address");
    }
    let query = request.uri().query().unwrap_or_default();
    let mut names = parse(query.as_bytes()).map(|(name, _)| name.to_ascii_lowercase());
    if names.any(|name| ["client_id", "client_secret"].contains(&&*name)) {
        return bad("credentials are not accepted in the URL, which is logged");
    }
    Ok(())
}

fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_address = bare.parse().is_ok_and(|it: IpAddr| it.is_loopback());
    is_address || host.eq_ignore_ascii_case("localhost")
}

/// A request and its response. Dropped before it has one, its caller has left.
struct Exchange<'a> {
    service: &'a Service,
    /// Address, method and path. An unknown method or path is not shown: it may be a secret.
    request: String,
    began: Instant,
    /// 499 until there is a response, nginx's status for this.
    status: u16,
    source: Source,
    /// Only with a token: callers mix up ids and secrets.
    client: Option<ClientId>,
}

impl<'a> Exchange<'a> {
    fn begin(service: &'a Service, peer: IpAddr, request: &Request<Incoming>) -> Self {
        const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"];
        service.metrics.begin();
        let method = METHODS.into_iter().find(|name| request.method() == name);
        let mut paths = TOKEN_PATHS.into_iter().chain([HEALTH, METRICS]);
        let path = paths.find(|path| *path == request.uri().path());
        let method = method.unwrap_or("(other method)");
        let path = path.unwrap_or("(other path)");
        Self {
            service,
            request: format!("{peer} {method} {path}"),
            began: Instant::now(),
            status: 499,
            source: LOCAL,
            client: None,
        }
    }

    fn end(&mut self, response: &mut Response) {
        self.status = response.status().as_u16();
        let extensions = response.extensions_mut();
        self.source = extensions.remove().unwrap_or(LOCAL);
        self.client = extensions.remove();
    }
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        let (service, status, Source(source)) = (self.service, self.status, self.source);
        service.metrics.end(status, self.source);
        if service.report.verbosity() < service.log_with {
            return;
        }
        let (request, ms) = (&self.request, self.began.elapsed().as_secs_f64() * 1000.0);
        let mut line = format!("{request} {status} {source} {ms:.1}ms");
        if let Some(ClientId(id)) = &self.client {
            line += &format!(" client {id}");
        }
        service.report.log_line(&line);
    }
}

#[cfg(test)]
mod tests {
    use axum::http::request;

    use super::*;

    fn status(only_loopback_hosts: bool, uri: &str, headers: &[(&str, &str)]) -> Option<u16> {
        let mut request = request::Builder::new().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        let error = check(&request, only_loopback_hosts).err();
        error.map(|error| error.status.as_u16())
    }

    #[test]
    fn on_loopback_the_host_must_be_a_loopback_name() {
        for (host, expected) in [
            ("localhost", None),
            ("LocalHost:8470", None),
            ("127.0.0.1:8470", None),
            ("127.9.8.7", None),
            ("[::1]:8470", None),
            ("host.invalid", Some(403)),
            ("localhost.host.invalid", Some(403)),
            ("127.0.0.1.host.invalid:8470", Some(403)),
            ("[::2]", Some(403)),
            ("0.0.0.0", Some(403)),
            ("", Some(403)),
            ("local host", Some(403)),
        ] {
            let headers = [("host", host)];
            assert_eq!(status(true, "/", &headers), expected, "{host}");
            assert_eq!(status(false, "/", &headers), None, "{host}");
        }
        let two = [("host", "localhost"), ("host", "localhost")];
        assert_eq!(status(false, "/", &two), Some(400));
        assert_eq!(status(false, "/", &[]), Some(400));
        let absolute = "http://host.invalid/connect/token";
        let headers = [("host", "localhost")];
        assert_eq!(status(true, absolute, &headers), Some(403));
    }

    #[test]
    fn an_origin_and_credentials_in_the_query_are_rejected() {
        let host = ("host", "localhost");
        for origin in ["http://localhost", "null", ""] {
            let headers = [host, ("origin", origin)];
            assert_eq!(status(false, "/", &headers), Some(403), "{origin}");
        }
        for (query, expected) in [
            ("/?x=1", None),
            ("/?client_secret=s", Some(400)),
            ("/?x=1&client_id", Some(400)),
            ("/?client%5fsecret=s", Some(400)),
            ("/?Client_Secret=s", Some(400)),
        ] {
            assert_eq!(status(false, query, &[host]), expected, "{query}");
        }
    }
}
