//! The only reader of the environment: every variable that cells-token reads, and a snapshot of their values taken at
//! start.

#![expect(
    clippy::disallowed_methods,
    reason = "the one reader of the environment"
)]

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::problem::Problem;
use crate::secret::{self, ClientSecret};

/// A variable that cells-token reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it sets, for the man page.
    pub about: &'static str,
}

macro_rules! variables {
    ($($constant:ident = $name:literal: $about:literal;)*) => {
        $(#[doc = $about] pub const $constant: Variable = Variable { name: $name, about: $about };)*

        /// Every variable, in the order of the man page.
        pub const VARIABLES: &[Variable] = &[$($constant),*];
    };
}

variables! {
    CELLS_CLIENT_ID = "CELLS_CLIENT_ID": "Client ID.";
    CELLS_CLIENT_SECRET = "CELLS_CLIENT_SECRET": "Client secret.";
    CELLS_CLIENT_SECRET_FILE = "CELLS_CLIENT_SECRET_FILE": "File to read the client secret from.";
    CELLS_CLIENT_SECRET_COMMAND = "CELLS_CLIENT_SECRET_COMMAND": "Shell command that prints the client secret.";
    CELLS_PROFILE = "CELLS_PROFILE": "Profile to use.";
    CELLS_NO_INPUT = "CELLS_NO_INPUT": "Never prompt.";
    CI = "CI": "Never prompt. Set by CI systems.";
    CELLS_BASE_URL = "CELLS_BASE_URL": "API base URL.";
    CELLS_TOKEN_URL = "CELLS_TOKEN_URL": "Token endpoint URL. Overrides CELLS_BASE_URL.";
    CELLS_ALLOW_HTTP = "CELLS_ALLOW_HTTP": "Allow http:// beyond loopback.";
    CELLS_CA_CERT = "CELLS_CA_CERT": "PEM file of CAs to trust besides the system's.";
    CELLS_TIMEOUT = "CELLS_TIMEOUT": "Time limit for the whole run.";
    CELLS_RETRIES = "CELLS_RETRIES": "Retries after a transient failure.";
    CELLS_MIN_TTL = "CELLS_MIN_TTL": "Minimum remaining lifetime of the token.";
    CELLS_NO_CACHE = "CELLS_NO_CACHE": "Don't read or write the cache.";
    CELLS_CACHE_DIR = "CELLS_CACHE_DIR": "Cache directory.";
    CELLS_CONFIG_DIR = "CELLS_CONFIG_DIR": "Directory of the profile file.";
    CELLS_STORE = "CELLS_STORE": "Where login saves the secret: keyring or file.";
    SSL_CERT_FILE = "SSL_CERT_FILE": "File of root certificates, instead of the system's.";
    SSL_CERT_DIR = "SSL_CERT_DIR": "Directories of root certificates, instead of the system's.";
    HTTPS_PROXY = "HTTPS_PROXY": "Proxy for https:// URLs.";
    HTTPS_PROXY_LOWER = "https_proxy": "The same; overrides HTTPS_PROXY.";
    HTTP_PROXY_LOWER = "http_proxy": "Proxy for http:// URLs. HTTP_PROXY is ignored, as in curl.";
    ALL_PROXY = "ALL_PROXY": "Proxy for all URLs.";
    ALL_PROXY_LOWER = "all_proxy": "The same; overrides ALL_PROXY.";
    NO_PROXY = "NO_PROXY": "Hosts, domains, addresses and networks to reach without a proxy.";
    NO_PROXY_LOWER = "no_proxy": "The same; overrides NO_PROXY.";
    CELLS_CLOUD_CLIENT_ID = "CellsCloudClientId": "Client ID, together with CellsCloudClientSecret.";
    CELLS_CLOUD_CLIENT_SECRET = "CellsCloudClientSecret": "Client secret, together with CellsCloudClientId.";
    CELLS_CLOUD_API_BASE_URL = "CellsCloudApiBaseUrl": "API base URL, if that pair is the one used.";
    PRODUCT_CLIENT_ID = "ProductClientId": "Client ID, together with ProductClientSecret.";
    PRODUCT_CLIENT_SECRET = "ProductClientSecret": "Client secret, together with ProductClientId.";
    ASPOSE_CLIENT_ID = "ASPOSE_CLIENT_ID": "Client ID, together with ASPOSE_CLIENT_SECRET.";
    ASPOSE_CLIENT_SECRET = "ASPOSE_CLIENT_SECRET": "Client secret, together with ASPOSE_CLIENT_ID.";
    ASPOSE_CLOUD_CLIENT_ID = "ASPOSE_CLOUD_CLIENT_ID": "Client ID, together with ASPOSE_CLOUD_CLIENT_SECRET.";
    ASPOSE_CLOUD_CLIENT_SECRET = "ASPOSE_CLOUD_CLIENT_SECRET": "Client secret, together with ASPOSE_CLOUD_CLIENT_ID.";
}

/// The variables that hold the client secret or say where it is.
pub const SECRET_VARIABLES: [&Variable; 3] = [
    &CELLS_CLIENT_SECRET,
    &CELLS_CLIENT_SECRET_FILE,
    &CELLS_CLIENT_SECRET_COMMAND,
];

/// The first of the variables that name trusted certificates for other programs, if one is set. For a hint.
pub fn foreign_ca_variable() -> Option<&'static str> {
    let names = [
        "REQUESTS_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
        "CURL_CA_BUNDLE",
    ];
    names.into_iter().find(|name| of_the_system(name).is_some())
}

/// The value of a variable that is not an option of cells-token, such as `PATH`. Empty counts as unset.
pub fn of_the_system(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// A snapshot of the environment. Not `Debug`: some values are secret.
#[derive(Default)]
pub struct Env {
    /// Only the variables that are set, empty ones included: few enough for a linear search.
    values: Vec<(&'static str, OsString)>,
    /// The user's cache directory (`XDG_CACHE_HOME`, or the platform's equivalent).
    pub user_cache_dir: Option<PathBuf>,
    /// The user's configuration directory (`XDG_CONFIG_HOME`, or the platform's equivalent).
    pub user_config_dir: Option<PathBuf>,
    /// The user's home directory, if its path is absolute.
    pub home_dir: Option<PathBuf>,
}

impl Env {
    /// Reads the environment of this process.
    pub fn snapshot() -> Self {
        let set = |variable: &Variable| Some((variable.name, std::env::var_os(variable.name)?));
        Self {
            values: VARIABLES.iter().filter_map(set).collect(),
            user_cache_dir: dirs::cache_dir(),
            user_config_dir: dirs::config_dir(),
            home_dir: dirs::home_dir().filter(|home| home.is_absolute()),
        }
    }

    /// The variables that a child must not inherit: those whose value `is_secret`, and those that lead to the secret.
    pub fn secret_variables(is_secret: impl Fn(&str) -> bool) -> Vec<OsString> {
        let holds_secret = |value: &OsString| {
            let text = value.to_str().map(secret::without_line_ending);
            text.is_some_and(&is_secret)
        };
        let leads_to_secret = |name: &OsString| {
            SECRET_VARIABLES
                .iter()
                .any(|variable| name == variable.name)
        };
        std::env::vars_os()
            .filter(|(name, value)| leads_to_secret(name) || holds_secret(value))
            .map(|(name, _)| name)
            .collect()
    }

    /// The value, unless it is empty.
    pub fn raw(&self, variable: &Variable) -> Option<&OsStr> {
        self.value(variable).filter(|value| !value.is_empty())
    }

    /// Whether the variable is set to an empty value.
    pub fn is_empty(&self, variable: &Variable) -> bool {
        self.value(variable).is_some_and(OsStr::is_empty)
    }

    /// Whether the variable is set to a value that is not empty.
    pub fn is_set(&self, variable: &Variable) -> bool {
        self.raw(variable).is_some()
    }

    /// The value as text.
    ///
    /// # Errors
    /// If it is not UTF-8.
    pub fn text(&self, variable: &Variable) -> Result<Option<&str>, Problem> {
        let Some(value) = self.raw(variable) else {
            return Ok(None);
        };
        let name = variable.name;
        value.to_str().map(Some).ok_or_else(|| {
            Problem::new(
                format!("the value of {name} is not UTF-8"),
                format!("set {name} again, or unset it"),
            )
        })
    }

    /// The value as a secret.
    ///
    /// # Errors
    /// If it is not UTF-8.
    pub fn secret(&self, variable: &Variable) -> Result<Option<ClientSecret>, Problem> {
        let text = self.text(variable)?;
        Ok(text.map(|text| ClientSecret::new(text.to_owned())))
    }

    /// The value of a switch; off if the variable is not set.
    ///
    /// # Errors
    /// If the value means neither on nor off.
    pub fn switch(&self, variable: &Variable) -> Result<bool, Problem> {
        let Some(value) = self.raw(variable) else {
            return Ok(false);
        };
        let value = value.to_str().map(|text| text.trim().to_ascii_lowercase());
        match value.as_deref() {
            Some("1" | "true" | "yes" | "on") => Ok(true),
            Some("" | "0" | "false" | "no" | "off") => Ok(false),
            _ => Err(Problem::new(
                format!("the value of {} is neither on nor off", variable.name),
                format!("set {} to 1 or 0, or unset it", variable.name),
            )),
        }
    }

    /// Whether this is a CI job. CI services set `CI` to `true`, `1` or their name.
    pub fn is_ci(&self) -> bool {
        self.raw(&CI).is_some_and(|value| {
            let value = value.to_string_lossy().trim().to_ascii_lowercase();
            !matches!(value.as_str(), "" | "0" | "false" | "no")
        })
    }

    fn value(&self, variable: &Variable) -> Option<&OsStr> {
        let mut values = self.values.iter();
        let (_, value) = values.find(|(name, _)| *name == variable.name)?;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl From<&[(Variable, &str)]> for Env {
        fn from(variables: &[(Variable, &str)]) -> Self {
            let value = |(variable, value): &(Variable, &str)| (variable.name, (*value).into());
            Self {
                values: variables.iter().map(value).collect(),
                ..Self::default()
            }
        }
    }

    #[test]
    fn a_switch_is_on_or_off_or_an_error() {
        for (value, expected) in [
            ("1", Some(true)),
            ("true", Some(true)),
            ("YES", Some(true)),
            (" On\r", Some(true)),
            ("", Some(false)),
            (" ", Some(false)),
            (" 0", Some(false)),
            ("False\r\n", Some(false)),
            ("no", Some(false)),
            ("OFF", Some(false)),
            ("n", None),
            ("none", None),
            ("2", None),
            ("disabled", None),
        ] {
            let env = Env::from([(CELLS_ALLOW_HTTP, value)].as_slice());
            let found = env.switch(&CELLS_ALLOW_HTTP);
            assert_eq!(found.ok(), expected, "{value:?}");
        }
        assert_eq!(Env::default().switch(&CELLS_ALLOW_HTTP), Ok(false));
    }

    #[test]
    fn ci_is_any_value_that_does_not_deny_it() {
        for (value, expected) in [
            ("true", true),
            ("1", true),
            ("woodpecker", true),
            ("", false),
            ("0", false),
            ("False", false),
            (" no\r", false),
        ] {
            let env = Env::from([(CI, value)].as_slice());
            assert_eq!(env.is_ci(), expected, "{value:?}");
        }
        assert!(!Env::default().is_ci());
    }

    #[test]
    fn an_empty_value_counts_as_unset() {
        let env = Env::from([(CELLS_CLIENT_ID, "")].as_slice());
        assert!(env.is_empty(&CELLS_CLIENT_ID) && !env.is_set(&CELLS_CLIENT_ID));
        assert_eq!(env.text(&CELLS_CLIENT_ID), Ok(None));
        assert!(!env.is_empty(&CELLS_CLIENT_SECRET));
    }

    #[test]
    fn no_variable_is_listed_twice() {
        let mut names: Vec<_> = VARIABLES.iter().map(|variable| variable.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), VARIABLES.len());
    }
}
