//! Routes by path and method, and the requests that `serve` rejects outright. Pure.

use std::net::IpAddr;

use form_urlencoded::parse;
use hyper::body::Bytes;
use hyper::header::{HOST, ORIGIN};
use hyper::http::uri::Authority;
use hyper::{Method, Request, StatusCode, Version};

use super::response::{self, Response};

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// A token.
    Token,
    /// Whether the process is alive.
    Health,
    /// Counters for Prometheus.
    Metrics,
}

/// The paths: of the Get Token API, of the vendor's SDKs, and for the operators of `serve`.
const PATHS: [(&str, Route); 6] = [
    ("/v4.0/cells/connect/token", Route::Token),
    ("/v3.0/cells/connect/token", Route::Token),
    ("/connect/token", Route::Token),
    ("/oauth2/token", Route::Token),
    ("/healthz", Route::Health),
    ("/metrics", Route::Metrics),
];

/// The known path that equals `path`, with its route.
pub fn find(path: &str) -> Option<(&'static str, Route)> {
    PATHS.into_iter().find(|(known, _)| *known == path)
}

/// Finds the route of a request.
///
/// # Errors
/// The response if the path is unknown or its method is another.
#[expect(
    clippy::result_large_err,
    reason = "built for mistaken requests alone, and returned at once"
)]
pub fn route(request: &Request<Bytes>) -> Result<Route, Response> {
    let (method, path) = (request.method(), request.uri().path());
    match find(path) {
        None => Err(response::text(StatusCode::NOT_FOUND, "no such path")),
        Some((_, Route::Token)) if method != Method::POST => {
            Err(response::method_not_allowed("POST"))
        }
        Some((_, Route::Health | Route::Metrics))
            if method != Method::GET && method != Method::HEAD =>
        {
            Err(response::method_not_allowed("GET, HEAD"))
        }
        Some((_, route)) => Ok(route),
    }
}

/// Which names a Host header may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// Loopback names and addresses. Only this machine can connect, so another name means DNS rebinding.
    Loopback,
    /// Any.
    Any,
}

/// Why a request is rejected.
pub type Rejection = (StatusCode, &'static str);

/// Rejects requests of web pages, by Origin and by Host, and credentials in a URL, where they would be logged.
///
/// # Errors
/// The status and the reason.
pub fn check(request: &Request<Bytes>, hosts: Hosts) -> Result<(), Rejection> {
    if request.headers().contains_key(ORIGIN) {
        return Err((
            StatusCode::FORBIDDEN,
            "requests with an Origin header, which web pages send, are not accepted",
        ));
    }
    let mut fields = request.headers().get_all(HOST).iter();
    let host = match (fields.next(), fields.next()) {
        (None, _) if request.version() < Version::HTTP_11 => None,
        (Some(host), None) => Some(host.as_bytes()),
        _ => return Err((StatusCode::BAD_REQUEST, "one Host header is required")),
    };
    let is_foreign = |authority: Option<&Authority>| !authority.is_some_and(is_loopback);
    let absolute = request.uri().authority();
    if hosts == Hosts::Loopback
        && (host.is_some_and(|host| is_foreign(Authority::try_from(host).ok().as_ref()))
            || absolute.is_some() && is_foreign(absolute))
    {
        return Err((
            StatusCode::FORBIDDEN,
            "the Host header must be a loopback name or address",
        ));
    }
    let query = request.uri().query().unwrap_or_default();
    let mut names = parse(query.as_bytes()).map(|(name, _)| name.to_ascii_lowercase());
    if names.any(|name| ["client_id", "client_secret"].contains(&&*name)) {
        return Err((
            StatusCode::BAD_REQUEST,
            "credentials are not accepted in the URL, which is logged",
        ));
    }
    Ok(())
}

fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use hyper::http::request;

    use super::*;

    fn status(hosts: Hosts, uri: &str, headers: &[(&str, &str)]) -> Option<u16> {
        let mut request = request::Builder::new().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Bytes::new()).unwrap();
        check(&request, hosts)
            .err()
            .map(|(status, _)| status.as_u16())
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
            assert_eq!(status(Hosts::Loopback, "/", &headers), expected, "{host}");
            assert_eq!(status(Hosts::Any, "/", &headers), None, "{host}");
        }
        let two = [("host", "localhost"), ("host", "localhost")];
        assert_eq!(status(Hosts::Any, "/", &two), Some(400));
        assert_eq!(status(Hosts::Any, "/", &[]), Some(400));
        let absolute = "http://host.invalid/connect/token";
        let headers = [("host", "localhost")];
        assert_eq!(status(Hosts::Loopback, absolute, &headers), Some(403));
    }

    #[test]
    fn an_origin_and_credentials_in_the_query_are_rejected() {
        let host = ("host", "localhost");
        for origin in ["http://localhost", "null", ""] {
            let headers = [host, ("origin", origin)];
            assert_eq!(status(Hosts::Any, "/", &headers), Some(403), "{origin}");
        }
        for (query, expected) in [
            ("/?x=1", None),
            ("/?client_secret=s", Some(400)),
            ("/?x=1&client_id", Some(400)),
            ("/?client%5fsecret=s", Some(400)),
            ("/?Client_Secret=s", Some(400)),
        ] {
            assert_eq!(status(Hosts::Any, query, &[host]), expected, "{query}");
        }
    }
}
