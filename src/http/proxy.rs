//! Proxies: their URLs, and which one is for which token endpoint.

use std::fmt;

use hyper_util::client::proxy::matcher::Matcher;
use ureq::ProxyProtocol;

use crate::oauth::TokenEndpoint;
use crate::problem::Problem;

/// A proxy URL. Shown without its user name and password.
#[derive(Clone)]
pub struct Proxy {
    url: ureq::Proxy,
    source: &'static str,
}

impl Proxy {
    /// Reads a proxy URL; the second of `named` is the option or variable that gave it.
    ///
    /// # Errors
    /// If it is not a proxy URL.
    pub fn parse((url, source): Named) -> Result<Self, Problem> {
        let proxy = ureq::Proxy::new(url.trim()).ok().filter(has_host);
        let proxy = proxy.map(|url| Self { url, source });
        proxy.ok_or_else(|| {
            Problem::new(
                format!("{source} is not a proxy URL"),
                format!("set {source} to a URL like http://host:3128 or socks5h://host:1080"),
            )
        })
    }

    /// The option or variable that named it.
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// Whether the connection to it is over TLS.
    pub fn is_https(&self) -> bool {
        self.url.protocol() == ProxyProtocol::Https
    }

    /// The version of SOCKS, 4 or 5, and whether the proxy resolves the host's name. `None` for an HTTP proxy.
    pub(super) fn socks(&self) -> Option<(u8, bool)> {
        match self.url.protocol() {
            ProxyProtocol::Socks4 => Some((4, false)),
            ProxyProtocol::Socks4A => Some((4, true)),
            ProxyProtocol::Socks5 => Some((5, false)),
            ProxyProtocol::Socks5h => Some((5, true)),
            _ => None,
        }
    }

    /// Its host, an IPv6 address without brackets.
    pub(super) fn host(&self) -> &str {
        self.url.host().trim_matches(['[', ']'])
    }

    pub(super) fn port(&self) -> u16 {
        self.url.port()
    }

    /// User name and password, if the URL has either.
    pub(super) fn credentials(&self) -> Option<(&str, &str)> {
        match (self.url.username(), self.url.password()) {
            (None, None) => None,
            (user, password) => Some((user.unwrap_or_default(), password.unwrap_or_default())),
        }
    }
}

/// Whether it has a host, and no port that ureq would replace by the default one because it cannot be read.
fn has_host(proxy: &ureq::Proxy) -> bool {
    let Some(authority) = proxy.uri().authority() else {
        return false;
    };
    let host = authority.host();
    let ends_with_host = authority.as_str().ends_with(host);
    !host.is_empty() && (ends_with_host || authority.port_u16().is_some_and(|port| port > 0))
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.url.protocol().to_string().to_ascii_lowercase();
        write!(f, "{scheme}://{}:{}", self.url.host(), self.url.port())
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self}, {})", self.source)
    }
}

/// A value and the option or variable it comes from.
pub type Named<'a> = (&'a str, &'static str);

/// The proxy variables of the environment, each with the name of its variable.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProxyVariables<'a> {
    /// For https.
    pub https: Option<Named<'a>>,
    /// For http.
    pub http: Option<Named<'a>>,
    /// For both, where the scheme has none of its own.
    pub all: Option<Named<'a>>,
    /// `NO_PROXY`: the hosts to reach without a proxy.
    pub none_for: Option<&'a str>,
}

impl<'a> ProxyVariables<'a> {
    /// The proxy for `endpoint`. Loopback never has one: the request stays on this machine.
    pub fn choose(&self, endpoint: &TokenEndpoint) -> Option<Named<'a>> {
        let is_excepted = |list| is_in_no_proxy(list, endpoint);
        if endpoint.is_loopback() || self.none_for.is_some_and(is_excepted) {
            return None;
        }
        let of_scheme = match endpoint.is_https() {
            true => self.https,
            false => self.http,
        };
        of_scheme.or(self.all)
    }
}

/// Whether `NO_PROXY` has an entry for `endpoint`. The matcher knows hosts, domains, addresses and networks; the other
/// forms that people write are turned into these.
fn is_in_no_proxy(list: &str, endpoint: &TokenEndpoint) -> bool {
    let mut entries = Vec::new();
    for entry in list.split(|c: char| c == ',' || c.is_whitespace()) {
        if entry == "*" {
            return true;
        }
        let entry = match entry.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                if port.parse() != Ok(endpoint.port()) {
                    continue;
                }
                host
            }
            _ => entry,
        };
        let entry = entry.trim_start_matches('[').trim_end_matches([']', '.']);
        entries.push(entry.strip_prefix('*').unwrap_or(entry));
    }
    let matcher = Matcher::builder()
        .all("http://any.invalid")
        .no(entries.join(","))
        .build();
    let url = endpoint.as_str().parse();
    url.is_ok_and(|url: http::Uri| matcher.intercept(&url).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> TokenEndpoint {
        TokenEndpoint::parse(url, "--token-url", true).unwrap()
    }

    #[test]
    fn each_scheme_has_its_proxy() {
        let https = Some(("s", "HTTPS_PROXY"));
        let http = Some(("h", "http_proxy"));
        let all = Some(("a", "ALL_PROXY"));
        for (url, (https, http, all), expected) in [
            ("https://host.invalid", (https, http, all), https),
            ("http://host.invalid", (https, http, all), http),
            ("https://host.invalid", (None, http, all), all),
            ("http://host.invalid", (https, None, all), all),
            ("http://host.invalid", (https, None, None), None),
            ("http://localhost", (https, http, all), None),
            ("https://127.1.2.3", (https, http, all), None),
            ("https://[::1]", (https, http, all), None),
        ] {
            let none_for = None;
            let variables = ProxyVariables {
                https,
                http,
                all,
                none_for,
            };
            assert_eq!(
                variables.choose(&endpoint(url)),
                expected,
                "{url} {variables:?}"
            );
        }
    }

    fn is_excepted(list: &str, url: &str) -> bool {
        is_in_no_proxy(list, &endpoint(url))
    }

    #[test]
    fn no_proxy_has_hosts_domains_ports_addresses_and_networks() {
        for (list, url, expected) in [
            ("host.invalid", "https://host.invalid", true),
            ("HOST.invalid", "https://host.invalid", true),
            ("host.invalid", "https://sub.host.invalid", true),
            ("host.invalid", "https://otherhost.invalid", false),
            ("host.invalid", "https://host.invalid.example", false),
            (".host.invalid", "https://sub.host.invalid", true),
            (".host.invalid", "https://host.invalid", true),
            ("*.host.invalid", "https://sub.host.invalid", true),
            ("*.host.invalid", "https://otherhost.invalid", false),
            ("*.invalid", "https://a.b.invalid", true),
            ("host.invalid:443", "https://host.invalid", true),
            ("host.invalid:8443", "https://host.invalid", false),
            ("host.invalid:8443", "https://host.invalid:8443", true),
            ("host.invalid:80", "http://host.invalid", true),
            ("*.host.invalid:8443", "https://sub.host.invalid:8443", true),
            ("host.invalid:port", "https://host.invalid", false),
            ("host.invalid.", "https://host.invalid", true),
            (
                "other.invalid,host.invalid",
                "https://host.invalid:8443",
                true,
            ),
            ("other.invalid host.invalid", "https://host.invalid", true),
            (
                " other.invalid ,\thost.invalid ",
                "https://host.invalid",
                true,
            ),
            ("", "https://host.invalid", false),
            (" , ", "https://host.invalid", false),
            ("*", "https://host.invalid", true),
            ("a, *", "https://192.0.2.1", true),
            ("192.0.2.1", "https://192.0.2.1", true),
            ("192.0.2.1:443", "https://192.0.2.1", true),
            ("192.0.2.1:80", "https://192.0.2.1", false),
            ("192.0.2.0/24", "https://192.0.2.77", true),
            ("192.0.2.0/24", "https://192.0.3.1", false),
            ("2001:db8::/32", "https://[2001:db8::1]", true),
            ("2001:db8::1", "https://[2001:db8::1]", true),
            ("2001:db8::1", "https://[2001:db8::2]", false),
            ("[2001:db8::1]", "https://[2001:db8::1]", true),
            ("[2001:db8::1]:443", "https://[2001:db8::1]", true),
            ("[2001:db8::1]:80", "https://[2001:db8::1]", false),
        ] {
            assert_eq!(is_excepted(list, url), expected, "{list:?} {url}");
        }
    }

    #[test]
    fn neither_display_nor_debug_shows_the_password() {
        let proxy = Proxy::parse(("user:hush@proxy.invalid:3128", "--proxy")).unwrap();
        assert_eq!(proxy.to_string(), "http://proxy.invalid:3128");
        assert_eq!(
            format!("{proxy:?}"),
            "Proxy(http://proxy.invalid:3128, --proxy)"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_list_can_be_read(list in ".{0,40}") {
            is_excepted(&list, "https://host.invalid");
        }

        #[test]
        fn an_entry_covers_its_host_and_subdomains_wherever_it_stands(
            before in "[a-z0-9., ]{0,20}", after in "[a-z0-9., ]{0,20}", sub in "[a-z]{1,5}",
        ) {
            for entry in ["host.invalid", ".host.invalid", "HOST.invalid", "*"] {
                let list = format!("{before}, {entry} ,{after}");
                assert!(is_excepted(&list, "https://host.invalid"), "{list:?}");
                assert!(is_excepted(&list, &format!("https://{sub}.host.invalid")), "{list:?}");
            }
        }

        #[test]
        fn an_entry_covers_no_other_host(name in "[a-z]{1,8}", prefix in "[a-z]{1,4}") {
            for list in [format!("{name}.invalid"), format!("*.{name}.invalid"), format!("{name}.invalid:443")] {
                assert!(!is_excepted(&list, &format!("https://{prefix}{name}.invalid")), "{list:?}");
                assert!(!is_excepted(&list, &format!("https://{name}.invalid.example")), "{list:?}");
                assert!(!is_excepted(&list, "https://192.0.2.1"), "{list:?}");
            }
        }

        #[test]
        fn a_network_covers_its_addresses_alone(a: u8, b: u8, bits in 8_u32..=32) {
            let address = std::net::Ipv4Addr::new(10, 0, a, b);
            let difference = u32::from(address) ^ u32::from(std::net::Ipv4Addr::new(10, 0, 0, 0));
            let is_in = difference.checked_shr(32 - bits).unwrap_or(0) == 0;
            let list = format!("10.0.0.0/{bits}");
            assert_eq!(is_excepted(&list, &format!("https://{address}")), is_in, "{list} {address}");
        }
    }
}
