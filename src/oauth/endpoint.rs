//! The token endpoint (RFC 6749 §3.2), and which URLs a client secret may be sent to.

use std::fmt;

use url::{Host, Url};

use crate::problem::Problem;

/// The vendor's service.
pub const DEFAULT_BASE_URL: &str = "https://api.aspose.cloud";

/// The path of the Get Token API below the base URL.
const TOKEN_PATH: &str = "/v4.0/cells/connect/token";

/// A URL that a client secret may be sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenEndpoint(Url);

impl TokenEndpoint {
    /// Parses the URL of the token endpoint; `source` is the option or variable that it comes from.
    ///
    /// # Errors
    /// If it is not an absolute `http` or `https` URL, has userinfo or a fragment (RFC 6749 §3.2), or is plain http to
    /// another host than loopback without `allow_http`.
    pub fn parse(url: &str, source: &str, allow_http: bool) -> Result<Self, Problem> {
        let fault = |fault: &str, hint: &str| {
            Err(Problem::new(
                format!("the URL given by {source} {fault}"),
                hint,
            ))
        };
        let Ok(url) = Url::parse(url) else {
            return fault("is not a URL", "use a URL such as https://api.aspose.cloud");
        };
        if !matches!(url.scheme(), "http" | "https") {
            return fault(
                "is neither http nor https",
                "give one that begins with https://",
            );
        }
        if !url.username().is_empty() || url.password().is_some() {
            return fault(
                "contains a user name or password",
                "remove it, and set CELLS_CLIENT_ID and CELLS_CLIENT_SECRET",
            );
        }
        if url.fragment().is_some() {
            return fault("has a fragment", "remove the # and what follows it");
        }
        // The HTTP client parses it again by stricter rules, and must find the same host.
        let sent = url.as_str().parse();
        if !sent.is_ok_and(|sent: http::Uri| sent.host() == url.host_str()) {
            return fault(
                "contains a character that is not allowed in URLs",
                "use a URL such as https://api.aspose.cloud",
            );
        }
        let endpoint = Self(url);
        if !endpoint.is_https() && !endpoint.is_loopback() && !allow_http {
            return fault(
                "uses plain http beyond loopback, which exposes the client secret",
                "use https://, or allow it with --allow-http or CELLS_ALLOW_HTTP=1",
            );
        }
        Ok(endpoint)
    }

    /// Parses a base URL and appends the path of the Get Token API.
    ///
    /// # Errors
    /// As for [`TokenEndpoint::parse`], and if `base` has a query.
    pub fn below(base: &str, source: &str, allow_http: bool) -> Result<Self, Problem> {
        let Self(mut url) = Self::parse(base, source, allow_http)?;
        if url.query().is_some() {
            return Err(Problem::new(
                format!("the base URL given by {source} has a query"),
                "remove the ? and what follows it, or use --token-url",
            ));
        }
        let path = format!("{}{TOKEN_PATH}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Ok(Self(url))
    }

    /// The URL in full.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Resolves a reference in a response (RFC 3986 §5).
    pub fn join(&self, reference: &str) -> Option<Url> {
        self.0.join(reference).ok()
    }

    /// The host, for messages; an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The port, that of the scheme if the URL has none.
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or_default()
    }

    /// Whether TLS protects the request.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether the request stays on this machine.
    pub fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }
}

/// The URL without its query, which may be confidential.
impl fmt::Display for TokenEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.as_str();
        f.write_str(url.split_once('?').map_or(url, |(shown, _)| shown))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_http_is_for_loopback_unless_allowed() {
        for (url, expected) in [
            ("https://api.aspose.cloud", true),
            ("http://localhost:8080", true),
            ("http://LOCALHOST", true),
            ("http://127.0.0.1", true),
            ("http://127.255.3.4:1", true),
            ("http://[::1]:80", true),
            ("http://host.invalid", false),
            ("HTTP://HOST.INVALID", false),
            ("http://10.255.255.1", false),
            ("http://0.0.0.0:9", false),
            ("http://localhost.invalid", false),
            ("http://127.0.0.1.invalid", false),
            ("http://[::2]", false),
            ("http://[::ffff:127.0.0.1]", false),
        ] {
            assert_eq!(
                TokenEndpoint::parse(url, "--token-url", false).is_ok(),
                expected,
                "{url}"
            );
            assert!(
                TokenEndpoint::parse(url, "--token-url", true).is_ok(),
                "{url}"
            );
        }
    }

    #[test]
    fn invalid_token_endpoints_are_refused() {
        for url in [
            "",
            "api.aspose.cloud",
            "localhost:9",
            "127.0.0.1:9",
            "not a url",
            "/path",
            "ftp://host.invalid",
            "file:///etc/passwd",
            "https://",
            "https://user@host.invalid",
            "http://127.0.0.1@host.invalid",
            "https://user:hush@host.invalid",
            "https://:hush@host.invalid",
            "https://host.invalid/#",
            "https://host.invalid/#part",
            "https://host.invalid:99999",
            "https://{host}.invalid",
        ] {
            let error = TokenEndpoint::parse(url, "--token-url", true).unwrap_err();
            assert!(error.what.contains("--token-url"), "{url}: {error:?}");
            assert!(!error.what.contains("hush"), "{url}: {error:?}");
        }
    }

    #[test]
    fn the_path_is_appended_to_the_base_url() {
        for (base, expected) in [
            (
                "https://host.invalid",
                "https://host.invalid/v4.0/cells/connect/token",
            ),
            (
                "https://host.invalid/",
                "https://host.invalid/v4.0/cells/connect/token",
            ),
            (
                "https://host.invalid/a/b/",
                "https://host.invalid/a/b/v4.0/cells/connect/token",
            ),
        ] {
            assert_eq!(
                TokenEndpoint::below(base, "--base-url", false)
                    .unwrap()
                    .as_str(),
                expected
            );
        }
        assert!(TokenEndpoint::below("https://host.invalid/?q", "--base-url", false).is_err());
    }

    #[test]
    fn the_query_is_sent_but_not_shown() {
        let endpoint =
            TokenEndpoint::parse("https://host.invalid/t?key=value", "--token-url", false).unwrap();
        assert_eq!(endpoint.as_str(), "https://host.invalid/t?key=value");
        assert_eq!(endpoint.to_string(), "https://host.invalid/t");
    }

    /// Strings that look like URLs, with every part that a URL can have.
    fn urls() -> impl Strategy<Value = String> {
        let scheme = prop_oneof!["https?", "HTTPS?", "ftp", "[a-z]{0,4}"];
        let slashes =
            prop_oneof![6 => Just("://"), 1 => Just(":"), 1 => Just(":/\\"), 1 => Just(":\\\\")];
        let userinfo = prop_oneof![3 => Just(String::new()), 1 => "[a-z%:@/]{0,6}@"];
        let host = prop_oneof![
            Just("localhost".to_owned()),
            "(localhost|127\\.0\\.0\\.1)[.@#/?:a-z0-9\\\\]{0,6}",
            "127\\.[0-9]{1,3}\\.[0-9x]{1,4}\\.[0-9]{1,4}",
            Just("[::1]".to_owned()),
            "\\[[:0-9a-f]{2,8}\\]",
            "[a-z0-9.\\-_]{1,12}\\.invalid",
            "\\PC{0,8}",
        ];
        let rest = "(:[0-9]{0,6})?(/[a-z@%./]{0,6})?(\\?[a-z@#&=]{0,6})?(#[a-z]{0,3})?";
        (scheme, slashes, userinfo, host, rest).prop_map(
            |(scheme, slashes, userinfo, host, rest)| {
                format!("{scheme}{slashes}{userinfo}{host}{rest}")
            },
        )
    }

    proptest! {
        #[test]
        fn every_accepted_url_obeys_the_rules(url in prop_oneof![9 => urls(), 1 => ".{0,30}"], allow_http: bool) {
            let Ok(endpoint) = TokenEndpoint::parse(&url, "--token-url", allow_http) else {
                return Ok(());
            };
            // As the HTTP client will read it: another parser.
            let sent: http::Uri = endpoint.as_str().parse().unwrap();
            let authority = sent.authority().unwrap().as_str();
            prop_assert!(!authority.contains('@') && !endpoint.as_str().contains('#'), "{endpoint}");
            prop_assert_eq!(sent.host(), Some(endpoint.host()));
            prop_assert!(!endpoint.host().is_empty());
            match sent.scheme_str() {
                Some("https") => {}
                Some("http") => {
                    let host = endpoint.host().trim_matches(['[', ']']);
                    let address: Result<std::net::IpAddr, _> = host.parse();
                    let is_loopback = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
                    prop_assert!(allow_http || is_loopback, "{endpoint}");
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }

        #[test]
        fn the_token_path_ends_every_base_url(url in urls()) {
            if let Ok(endpoint) = TokenEndpoint::below(&url, "--base-url", true) {
                prop_assert!(endpoint.as_str().ends_with(TOKEN_PATH), "{endpoint}");
            }
        }
    }
}
