//! Who has no business here whatever is asked: web pages (by Origin, by a Host that is not of this machine), and who
//! puts credentials where they would be logged. Pure.

use std::net::IpAddr;

use form_urlencoded::parse;
use hyper::body::Bytes;
use hyper::header::{HOST, ORIGIN};
use hyper::http::uri::Authority;
use hyper::{Request, StatusCode, Version};

/// What a query must not have.
const CREDENTIALS: [&str; 2] = ["client_id", "client_secret"];

/// Why a request was turned away.
pub type Rejection = (StatusCode, &'static str);

/// Whether hosts that are not of this machine may be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// Nobody else can connect, so who names another was led here by a name that means two things (DNS rebinding).
    Loopback,
    /// The names of this service are its users' business.
    Any,
}

/// Lets a request through.
///
/// # Errors
/// Why not.
pub fn check(request: &Request<Bytes>, hosts: Hosts) -> Result<(), Rejection> {
    if request.headers().contains_key(ORIGIN) {
        return Err((
            StatusCode::FORBIDDEN,
            "web pages have no business here, and this request comes from one",
        ));
    }
    let mut named = request.headers().get_all(HOST).iter();
    let host = match (named.next(), named.next()) {
        (None, _) if request.version() < Version::HTTP_11 => None,
        (Some(host), None) => Some(host.as_bytes()),
        _ => return Err((StatusCode::BAD_REQUEST, "there has to be one Host header")),
    };
    let absolute = request.uri().authority();
    let is_elsewhere = host
        .is_some_and(|host| !is_loopback(Authority::try_from(host).ok().as_ref()))
        || absolute.is_some() && !is_loopback(absolute);
    if hosts == Hosts::Loopback && is_elsewhere {
        return Err((
            StatusCode::FORBIDDEN,
            "the Host header names another machine than this one",
        ));
    }
    let query = request.uri().query().unwrap_or_default();
    let mut names = parse(query.as_bytes()).map(|(name, _)| name.to_ascii_lowercase());
    if names.any(|name| CREDENTIALS.contains(&&*name)) {
        return Err((
            StatusCode::BAD_REQUEST,
            "credentials belong into the body: a URL is logged",
        ));
    }
    Ok(())
}

fn is_loopback(authority: Option<&Authority>) -> bool {
    authority.is_some_and(|authority| {
        let host = authority.host();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost")
            || bare
                .parse()
                .is_ok_and(|address: IpAddr| address.is_loopback())
    })
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
    fn on_loopback_the_host_has_to_be_of_this_machine() {
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
    fn neither_web_pages_nor_credentials_in_the_query() {
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
