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
    CELLS_CLIENT_ID = "CELLS_CLIENT_ID": "The client id.";
    CELLS_CLIENT_SECRET = "CELLS_CLIENT_SECRET": "The client secret.";
    CELLS_CLIENT_SECRET_FILE = "CELLS_CLIENT_SECRET_FILE": "A file that holds the client secret.";
    CELLS_NO_INPUT = "CELLS_NO_INPUT": "Never prompt.";
    CI = "CI": "Never prompt, if not empty.";
    CELLS_BASE_URL = "CELLS_BASE_URL": "Where the API is.";
    CELLS_TOKEN_URL = "CELLS_TOKEN_URL": "The token endpoint itself; stronger than CELLS_BASE_URL.";
    CELLS_ALLOW_HTTP = "CELLS_ALLOW_HTTP": "Permit http:// beyond loopback.";
    CELLS_CA_CERT = "CELLS_CA_CERT": "A file of certificates to trust besides the system's.";
    CELLS_TIMEOUT = "CELLS_TIMEOUT": "The limit on everything together.";
    CELLS_RETRIES = "CELLS_RETRIES": "How often to try again what may pass by itself.";
    CELLS_MIN_TTL = "CELLS_MIN_TTL": "How long the token must live at least.";
    CELLS_NO_CACHE = "CELLS_NO_CACHE": "Neither read nor write the cache.";
    CELLS_CACHE_DIR = "CELLS_CACHE_DIR": "Where the cache is.";
    SSL_CERT_FILE = "SSL_CERT_FILE": "A file of root certificates, instead of the system's.";
    SSL_CERT_DIR = "SSL_CERT_DIR": "Folders of root certificates, instead of the system's.";
    HTTPS_PROXY = "HTTPS_PROXY": "The proxy for https:// (https_proxy too).";
    HTTPS_PROXY_LOWER = "https_proxy": "The proxy for https://; stronger than HTTPS_PROXY.";
    HTTP_PROXY_LOWER = "http_proxy": "The proxy for http:// (HTTP_PROXY is ignored, as curl does).";
    ALL_PROXY = "ALL_PROXY": "The proxy for both (all_proxy too).";
    ALL_PROXY_LOWER = "all_proxy": "The proxy for both; stronger than ALL_PROXY.";
    NO_PROXY = "NO_PROXY": "Hosts, domains, addresses and networks to reach without a proxy (no_proxy too).";
    NO_PROXY_LOWER = "no_proxy": "The same; stronger than NO_PROXY.";
    CELLS_CLOUD_CLIENT_ID = "CellsCloudClientId": "The client id, with CellsCloudClientSecret.";
    CELLS_CLOUD_CLIENT_SECRET = "CellsCloudClientSecret": "The client secret, with CellsCloudClientId.";
    CELLS_CLOUD_API_BASE_URL = "CellsCloudApiBaseUrl": "Where the API is, if the CellsCloud pair is used.";
    PRODUCT_CLIENT_ID = "ProductClientId": "The client id, with ProductClientSecret.";
    PRODUCT_CLIENT_SECRET = "ProductClientSecret": "The client secret, with ProductClientId.";
    ASPOSE_CLIENT_ID = "ASPOSE_CLIENT_ID": "The client id, with ASPOSE_CLIENT_SECRET.";
    ASPOSE_CLIENT_SECRET = "ASPOSE_CLIENT_SECRET": "The client secret, with ASPOSE_CLIENT_ID.";
    ASPOSE_CLOUD_CLIENT_ID = "ASPOSE_CLOUD_CLIENT_ID": "The client id, with ASPOSE_CLOUD_CLIENT_SECRET.";
    ASPOSE_CLOUD_CLIENT_SECRET = "ASPOSE_CLOUD_CLIENT_SECRET": "The client secret, with ASPOSE_CLOUD_CLIENT_ID.";
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
