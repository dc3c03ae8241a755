//! The only reader of the environment: every variable that means something here, and a snapshot
//! of them taken once.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::problem::Problem;
use crate::secret::{self, ClientSecret};

/// A variable that cells-token reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it does, for the manual.
    pub about: &'static str,
}

macro_rules! variables {
    ($($constant:ident = $name:literal: $about:literal;)*) => {
        $(#[doc = $about] pub const $constant: Variable = Variable { name: $name, about: $about };)*

        /// Every variable, in the order of the manual.
        pub const VARIABLES: &[Variable] = &[$($constant),*];
    };
}

variables! {
    CELLS_CLIENT_ID = "CELLS_CLIENT_ID": "Client ID.";
    CELLS_CLIENT_SECRET = "CELLS_CLIENT_SECRET": "Client secret.";
    CELLS_CLIENT_SECRET_FILE = "CELLS_CLIENT_SECRET_FILE": "File to read the client secret from.";
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

/// A variable that belongs to the system, such as PATH: what it says is nobody's option.
#[cfg(feature = "server")]
#[expect(
    clippy::disallowed_methods,
    reason = "the one reader of the environment"
)]
pub fn of_the_system(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The user's configuration directory (`XDG_CONFIG_HOME`, or the platform's equivalent).
pub fn user_config_dir() -> Option<PathBuf> {
    dirs::config_dir()
}

/// The variables that were set to something when the program started. Not `Debug`: some are secret.
#[derive(Default)]
pub struct Env {
    /// By name; so few that looking through them is the quickest.
    values: Vec<(&'static str, OsString)>,
    user_cache_dir: Option<PathBuf>,
}

impl Env {
    /// Reads the process's environment. A variable that is empty counts as unset.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one reader of the environment"
    )]
    pub fn snapshot() -> Self {
        let set = |variable: &Variable| Some((variable.name, std::env::var_os(variable.name)?));
        let values = VARIABLES
            .iter()
            .filter_map(set)
            .filter(|(_, value)| !value.is_empty());
        Self {
            values: values.collect(),
            user_cache_dir: dirs::cache_dir(),
        }
    }

    /// The names of all variables of the process, of ours and others, whose value `is_secret`.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one reader of the environment"
    )]
    pub fn holders(is_secret: impl Fn(&str) -> bool) -> Vec<OsString> {
        let holds = |value: &OsString| {
            let text = value.to_str().map(secret::without_line_ending);
            text.is_some_and(&is_secret)
        };
        std::env::vars_os()
            .filter(|(_, value)| holds(value))
            .map(|(name, _)| name)
            .collect()
    }

    /// The folder for what can be had again (`XDG_CACHE_HOME`, or what the platform has instead).
    pub fn user_cache_dir(&self) -> Option<&Path> {
        self.user_cache_dir.as_deref()
    }

    /// The value as it is, for paths.
    pub fn raw(&self, variable: &Variable) -> Option<&OsStr> {
        let mut values = self.values.iter();
        let (_, value) = values.find(|(name, _)| *name == variable.name)?;
        Some(value)
    }

    /// The value as text.
    ///
    /// # Errors
    /// If it is not UTF-8.
    pub fn text(&self, variable: &Variable) -> Result<Option<&str>, Problem> {
        self.raw(variable)
            .map(|value| utf8(value, variable))
            .transpose()
    }

    /// The value as a secret.
    ///
    /// # Errors
    /// If it is not UTF-8.
    pub fn secret(&self, variable: &Variable) -> Result<Option<ClientSecret>, Problem> {
        Ok(self
            .text(variable)?
            .map(|text| ClientSecret::new(text.to_owned())))
    }

    /// Whether its value is `text`, but for a line ending.
    pub fn is(&self, variable: &Variable, text: &str) -> bool {
        let value = self.raw(variable).and_then(OsStr::to_str);
        value.map(secret::without_line_ending) == Some(text)
    }

    /// Whether it says yes: set, and neither `0`, `false` nor `no`.
    pub fn flag(&self, variable: &Variable) -> bool {
        self.raw(variable).is_some_and(|value| {
            !["0", "false", "no"]
                .iter()
                .any(|no| value.eq_ignore_ascii_case(no))
        })
    }

    /// Whether it is set at all.
    pub fn is_set(&self, variable: &Variable) -> bool {
        self.raw(variable).is_some()
    }
}

fn utf8<'a>(value: &'a OsStr, variable: &Variable) -> Result<&'a str, Problem> {
    value.to_str().ok_or_else(|| {
        let name = variable.name;
        Problem::new(
            format!("the value of {name} is not UTF-8"),
            format!("set {name} again, or unset it"),
        )
    })
}

#[cfg(test)]
impl From<&[(Variable, &str)]> for Env {
    fn from(variables: &[(Variable, &str)]) -> Self {
        let value = |(variable, value): &(Variable, &str)| (variable.name, (*value).into());
        Self {
            values: variables.iter().map(value).collect(),
            user_cache_dir: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_set_unless_it_says_no() {
        for (value, expected) in [
            ("1", true),
            ("yes", true),
            ("0", false),
            ("False", false),
            ("NO", false),
        ] {
            assert_eq!(
                Env::from([(CELLS_NO_INPUT, value)].as_slice()).flag(&CELLS_NO_INPUT),
                expected,
                "{value}"
            );
        }
        assert!(!Env::default().flag(&CELLS_NO_INPUT));
    }

    #[test]
    fn no_variable_is_listed_twice() {
        let mut names: Vec<_> = VARIABLES.iter().map(|variable| variable.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), VARIABLES.len());
    }
}
