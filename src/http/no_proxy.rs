//! Which proxy is for which URL. Pure: `config` says what options and variables hold.

use hyper_util::client::proxy::matcher::Matcher;

use crate::oauth::TokenEndpoint;

/// What the environment says about proxies, each with the name of its variable.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProxyVariables<'a> {
    /// For https.
    pub https: Option<Named<'a>>,
    /// For http.
    pub http: Option<Named<'a>>,
    /// For both, where there is no other.
    pub all: Option<Named<'a>>,
    /// For which hosts there is none.
    pub none_for: Option<&'a str>,
}

/// A value, and the option or variable it comes from.
pub type Named<'a> = (&'a str, &'static str);

impl<'a> ProxyVariables<'a> {
    /// The proxy for `endpoint`. Loopback has none: what is on this machine is not the network's
    /// business.
    pub fn choose(&self, endpoint: &TokenEndpoint) -> Option<Named<'a>> {
        if endpoint.is_loopback() || self.is_excepted(endpoint) {
            return None;
        }
        let of_scheme = if endpoint.is_https() {
            self.https
        } else {
            self.http
        };
        of_scheme.or(self.all)
    }

    fn is_excepted(&self, endpoint: &TokenEndpoint) -> bool {
        let Some(list) = self.none_for else {
            return false;
        };
        // The matcher takes `*` for a domain, and so for no IP address.
        if list.split(',').any(|entry| entry.trim() == "*") {
            return true;
        }
        let matcher = Matcher::builder()
            .all("http://any.invalid")
            .no(list)
            .build();
        endpoint
            .as_str()
            .parse()
            .is_ok_and(|uri: http::Uri| matcher.intercept(&uri).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> TokenEndpoint {
        TokenEndpoint::parse(url, "--token-url", true).unwrap()
    }

    #[test]
    fn each_scheme_has_its_proxy() {
        let (https, http, all) = (
            Some(("s", "HTTPS_PROXY")),
            Some(("h", "http_proxy")),
            Some(("a", "ALL_PROXY")),
        );
        for (url, variables, expected) in [
            (
                "https://host.invalid",
                ProxyVariables {
                    https,
                    http,
                    all,
                    none_for: None,
                },
                https,
            ),
            (
                "http://host.invalid",
                ProxyVariables {
                    https,
                    http,
                    all,
                    none_for: None,
                },
                http,
            ),
            (
                "https://host.invalid",
                ProxyVariables {
                    http,
                    all,
                    ..Default::default()
                },
                all,
            ),
            (
                "http://host.invalid",
                ProxyVariables {
                    https,
                    all,
                    ..Default::default()
                },
                all,
            ),
            (
                "http://host.invalid",
                ProxyVariables {
                    https,
                    ..Default::default()
                },
                None,
            ),
            (
                "http://localhost",
                ProxyVariables {
                    http,
                    all,
                    ..Default::default()
                },
                None,
            ),
            (
                "https://127.1.2.3",
                ProxyVariables {
                    https,
                    all,
                    ..Default::default()
                },
                None,
            ),
            (
                "https://[::1]",
                ProxyVariables {
                    https,
                    all,
                    ..Default::default()
                },
                None,
            ),
        ] {
            assert_eq!(
                variables.choose(&endpoint(url)),
                expected,
                "{url} {variables:?}"
            );
        }
    }

    #[test]
    fn no_proxy_names_hosts_domains_addresses_and_networks() {
        for (list, url, is_excepted) in [
            ("host.invalid", "https://host.invalid", true),
            ("HOST.invalid", "https://host.invalid", true),
            ("host.invalid", "https://sub.host.invalid", true),
            (".host.invalid", "https://sub.host.invalid", true),
            (".host.invalid", "https://host.invalid", true),
            ("host.invalid", "https://otherhost.invalid", false),
            ("host.invalid", "https://host.invalid.example", false),
            (
                " other.invalid , host.invalid ",
                "https://host.invalid:8443",
                true,
            ),
            ("", "https://host.invalid", false),
            (",", "https://host.invalid", false),
            ("*", "https://host.invalid", true),
            ("a, *", "https://192.0.2.1", true),
            ("192.0.2.1", "https://192.0.2.1", true),
            ("192.0.2.0/24", "https://192.0.2.77", true),
            ("192.0.2.0/24", "https://192.0.3.1", false),
            ("2001:db8::/32", "https://[2001:db8::1]", true),
            ("2001:db8::1", "https://[2001:db8::2]", false),
        ] {
            let variables = ProxyVariables {
                all: Some(("a", "ALL_PROXY")),
                none_for: Some(list),
                ..Default::default()
            };
            assert_eq!(
                variables.choose(&endpoint(url)).is_none(),
                is_excepted,
                "{list:?} {url}"
            );
        }
    }

    fn is_excepted(list: &str, url: &str) -> bool {
        let variables = ProxyVariables {
            all: Some(("a", "ALL_PROXY")),
            none_for: Some(list),
            ..Default::default()
        };
        variables.choose(&endpoint(url)).is_none()
    }

    proptest::proptest! {
        #[test]
        fn no_list_is_too_odd(list in ".{0,40}") {
            is_excepted(&list, "https://host.invalid");
        }

        #[test]
        fn an_entry_excepts_its_host_and_what_is_below_wherever_it_stands(
            before in "[a-z0-9., ]{0,20}", after in "[a-z0-9., ]{0,20}", sub in "[a-z]{1,5}",
        ) {
            for entry in ["host.invalid", ".host.invalid", "HOST.invalid", "*"] {
                let list = format!("{before}, {entry} ,{after}");
                assert!(is_excepted(&list, "https://host.invalid"), "{list:?}");
                assert!(is_excepted(&list, &format!("https://{sub}.host.invalid")), "{list:?}");
            }
        }

        #[test]
        fn an_entry_excepts_nobody_else(name in "[a-z]{1,8}", prefix in "[a-z]{1,4}") {
            let list = format!("{name}.invalid");
            assert!(!is_excepted(&list, &format!("https://{prefix}{name}.invalid")), "{list:?}");
            assert!(!is_excepted(&list, &format!("https://{name}.invalid.example")), "{list:?}");
            assert!(!is_excepted(&list, "https://192.0.2.1"), "{list:?}");
        }

        #[test]
        fn a_network_excepts_its_addresses_alone(a: u8, b: u8, bits in 8_u32..=32) {
            let address = std::net::Ipv4Addr::new(10, 0, a, b);
            let in_network = u32::from(address) ^ u32::from(std::net::Ipv4Addr::new(10, 0, 0, 0));
            let is_in = in_network.checked_shr(32 - bits).unwrap_or(0) == 0;
            let list = format!("10.0.0.0/{bits}");
            assert_eq!(is_excepted(&list, &format!("https://{address}")), is_in, "{list} {address}");
        }
    }
}
