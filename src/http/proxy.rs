//! Proxies: their URLs, and which one is for which token endpoint.

use std::fmt;

use hyper_util::client::proxy::matcher::Matcher;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::oauth::TokenEndpoint;
use crate::problem::Problem;

/// Desktops write `socks` for SOCKS 5.
const SCHEMES: [&str; 5] = ["http", "https", "socks", "socks5", "socks5h"];

/// The port of SOCKS (RFC 1928 §3).
const SOCKS_PORT: u16 = 1080;

/// A proxy URL. Shown without its user name and password.
#[derive(Clone)]
pub struct Proxy {
    url: Url,
    credentials: Option<(String, String)>,
    source: &'static str,
}

impl Proxy {
    /// Reads a proxy URL; the second of `named` is the option or variable that gave it. Without a scheme it is http.
    ///
    /// # Errors
    /// If it is not a proxy URL.
    pub fn parse((url, source): Named) -> Result<Self, Problem> {
        let url = url.trim();
        let parsed = match url.contains("://") {
            true => Url::parse(url),
            false => Url::parse(&format!("http://{url}")),
        };
        // Of a path, the parser would take the first directory for the host.
        let parsed = parsed.ok().filter(|_| !url.starts_with('/'));
        let is_proxy = |url: &Url| {
            let host = url.host_str().unwrap_or_default();
            SCHEMES.contains(&url.scheme()) && !host.is_empty() && url.port() != Some(0)
        };
        let problem = || {
            Problem::new(
                format!("{source} is not a proxy URL"),
                format!("set {source} to a URL like http://host:3128 or socks5h://host:1080"),
            )
        };
        let url = parsed.filter(is_proxy).ok_or_else(problem)?;
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => Some((decoded(user), decoded(password.unwrap_or_default()))),
        };
        Ok(Self {
            url,
            credentials,
            source,
        })
    }

    /// The option or variable that named it.
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// Whether the connection to it is over TLS.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether it speaks SOCKS 5.
    pub(super) fn is_socks(&self) -> bool {
        self.url.scheme().starts_with("socks")
    }

    /// Whether it is to look up the host's name.
    pub(super) fn resolves(&self) -> bool {
        !matches!(self.url.scheme(), "socks" | "socks5")
    }

    /// Its host, an IPv6 address without brackets.
    pub(super) fn host(&self) -> &str {
        let host = self.url.host_str().unwrap_or_default();
        host.trim_matches(['[', ']'])
    }

    pub(super) fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(SOCKS_PORT)
    }

    /// User name and password, if the URL has either.
    pub(super) fn credentials(&self) -> Option<(&str, &str)> {
        let (user, password) = self.credentials.as_ref()?;
        Some((user, password))
    }
}

fn decoded(userinfo: &str) -> String {
    let userinfo = percent_decode_str(userinfo);
    userinfo.decode_utf8_lossy().into_owned()
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.host_str().unwrap_or_default();
        write!(f, "{}://{host}:{}", self.url.scheme(), self.port())
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self}, {})", self.source)
    }
}

/// A value and the option or variable it comes from.
pub type Named<'a> = (&'a str, &'static str);

/// Whether `NO_PROXY` has an entry for `endpoint`. The matcher knows hosts, domains, addresses and networks; the other
/// forms that people write are turned into these.
pub fn is_in_no_proxy(list: &str, endpoint: &TokenEndpoint) -> bool {
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
