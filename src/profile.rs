//! `profiles.json`: the profiles that `login` saved and people may edit. Says where each client secret is stored and
//! never holds one.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;

use crate::env::{self, Env};
use crate::error::Error;
use crate::lock_file::{Guard, LockFile};
use crate::private_file;
use crate::problem::Problem;
use crate::time::Deadline;

/// Name of our directory below the user's configuration directory.
const DIRECTORY: &str = "cells-token";
const FILE: &str = "profiles.json";
const LOCK: &str = "profiles.lock";
/// Directory of the secrets saved by `--store file`, one file per profile.
const SECRETS: &str = "secrets";

/// Incremented when an older version of the program could misread the file.
const VERSION: u64 = 1;

/// A writer holds the lock for milliseconds; one that takes longer is stopped or hung.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

const LONGEST_NAME: usize = 64;

/// The name of a profile. It is also a file name and an account name in the keyring, so only ASCII letters, digits,
/// `.`, `_` and `-` are allowed, with a letter or digit at both ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct ProfileName(String);

/// One set of credentials and the network settings that belong to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The client id.
    pub client_id: String,
    /// Where the client secret is.
    pub secret: SecretLocation,
    /// As `--base-url`; excludes `token_url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// As `--token-url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_url: Option<String>,
    /// As `--allow-http`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_http: bool,
    /// As `--ca-cert`. A relative path is resolved against the directory of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_cert: Option<PathBuf>,
    /// As `--proxy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
}

/// Where a profile's client secret is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretLocation {
    /// The operating system's keyring, under the profile's name.
    Keyring,
    /// An unencrypted file of ours; see [`Profiles::stored_secret`].
    Stored,
    /// A file of the user's. A relative path is resolved against the directory of the profile file.
    File(PathBuf),
    /// A shell command that prints the secret.
    Command(String),
}

impl SecretLocation {
    /// Whether `login` saves the secret there, and `logout` deletes it.
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Keyring | Self::Stored)
    }
}

/// In words, after "the client secret is ...".
impl fmt::Display for SecretLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keyring => f.write_str("in the keyring"),
            Self::Stored => f.write_str("in the configuration directory, not encrypted"),
            Self::File(path) => write!(f, "in the file {}", path.display()),
            Self::Command(_) => f.write_str("printed by a command"),
        }
    }
}

/// All profiles of the user.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Profiles {
    version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default: Option<ProfileName>,
    profiles: BTreeMap<ProfileName, Profile>,
    /// The directory of the file.
    #[serde(skip)]
    dir: PathBuf,
}

/// The part of the file that every version of the format has.
#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

impl ProfileName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Checks a name that `source`, an option or variable, gave.
    ///
    /// # Errors
    /// If a character or the length is not allowed. The name is not repeated: it may be a misplaced secret.
    pub fn parse(text: &str, source: &str) -> Result<Self, Problem> {
        Self::try_from(text.to_owned()).map_err(|rule| {
            Problem::new(
                format!("the profile name given by {source} is not allowed"),
                rule,
            )
        })
    }
}

impl TryFrom<String> for ProfileName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let is_outer = |c: char| c.is_ascii_alphanumeric();
        let is_allowed = text.starts_with(is_outer)
            && text.ends_with(is_outer)
            && text.chars().all(is_inner)
            && text.len() <= LONGEST_NAME;
        is_allowed.then_some(Self(text)).ok_or(
            "use at most 64 ASCII letters, digits, dots, underscores and hyphens, \
             with a letter or digit at both ends",
        )
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Profiles {
    /// Reads the profile file. Without one, or without a configuration directory, there are no profiles.
    ///
    /// # Errors
    /// If the file cannot be read or trusted, is not valid, or was written by a newer version of the program.
    pub fn load(env: &Env) -> Result<Self, Problem> {
        match directory(env)? {
            Some(dir) => Self::read(dir),
            None => Ok(Self::default()),
        }
    }

    /// The same for a command that will change the file.
    ///
    /// # Errors
    /// As [`Profiles::load`], or if the directory is missing or not meant for this user.
    pub fn load_for_update(env: &Env) -> Result<Self, Problem> {
        let unusable = |why| {
            Problem::new(
                format!("profiles cannot be saved: {why}"),
                "set CELLS_CONFIG_DIR to a directory for the profiles",
            )
        };
        let dir = directory(env)?
            .ok_or_else(|| unusable("the user has no configuration directory".to_owned()))?;
        let found = private_file::check_dir(&dir);
        if found != Ok(true)
            && !env.is_set(&env::CELLS_CONFIG_DIR)
            && let Some(home) = &env.home_dir
        {
            private_file::check_default_location(&dir, home).map_err(unusable)?;
        }
        found.map_err(unusable)?;
        Self::read(dir)
    }

    /// Reads the profile file again, applies `change` and replaces the file, while no other process does so.
    ///
    /// # Errors
    /// As [`Profiles::load`] and `change` do, or if the file cannot be written. The old file is then left as it was.
    pub fn update<T>(
        &self,
        change: impl FnOnce(&mut Self, &Guard) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let path = self.dir.join(FILE);
        let cannot_write = || format!("cannot write the profile file {}", path.display());
        let lock = LockFile::open(&self.dir.join(LOCK)).with_context(cannot_write)?;
        let guard = wait_for(&lock).with_context(cannot_write)?;
        let mut profiles = Self::read(self.dir.clone())?;
        profiles.version = VERSION;
        let result = change(&mut profiles, &guard)?;
        let mut bytes = serde_json::to_vec_pretty(&profiles).with_context(cannot_write)?;
        bytes.push(b'\n');
        private_file::replace(&path, &bytes, &guard).with_context(cannot_write)?;
        Ok(result)
    }

    /// The file that holds the secret of a profile saved with `--store file`.
    pub fn stored_secret(&self, name: &ProfileName) -> PathBuf {
        self.dir.join(SECRETS).join(&name.0)
    }

    /// The profile of that name, which an option or variable gave.
    ///
    /// # Errors
    /// If there is none; the hint lists those that exist.
    pub fn named(&self, name: &ProfileName) -> Result<&Profile, Problem> {
        self.profiles.get(name).ok_or_else(|| {
            let names: Vec<_> = self.profiles.keys().map(ProfileName::as_str).collect();
            let hint = match names.as_slice() {
                [] => "run cells-token login to save one".to_owned(),
                names => format!("use one of these profiles: {}", names.join(", ")),
            };
            Problem::new(format!("there is no profile {name}"), hint)
        })
    }

    /// The default profile, if one is set.
    ///
    /// # Errors
    /// If the one that is set does not exist.
    pub fn default_profile(&self) -> Result<Option<(&ProfileName, &Profile)>, Problem> {
        let Some(name) = &self.default else {
            return Ok(None);
        };
        Ok(Some((name, self.named(name)?)))
    }

    /// Whether `name` is set as the default.
    pub fn is_default(&self, name: &ProfileName) -> bool {
        self.default.as_ref() == Some(name)
    }

    /// All profiles, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&ProfileName, &Profile)> {
        self.profiles.iter()
    }

    /// Adds or replaces a profile, and returns the one that was replaced. The first one becomes the default.
    ///
    /// # Errors
    /// If a profile exists whose name differs in case only: a file system may not distinguish the files of their
    /// secrets.
    pub fn insert(
        &mut self,
        name: ProfileName,
        profile: Profile,
        make_default: bool,
    ) -> Result<Option<Profile>, Problem> {
        let twin = |other: &&ProfileName| **other != name && other.0.eq_ignore_ascii_case(&name.0);
        if let Some(other) = self.profiles.keys().find(twin) {
            return Err(Problem::new(
                format!("the profile name {name} differs from {other} only in case"),
                "give --profile another name",
            ));
        }
        if make_default || self.profiles.is_empty() {
            self.default = Some(name.clone());
        }
        Ok(self.profiles.insert(name, profile))
    }

    /// Removes a profile. Without its default the file has none until `login --make-default`.
    pub fn remove(&mut self, name: &ProfileName) -> Option<Profile> {
        if self.is_default(name) {
            self.default = None;
        }
        self.profiles.remove(name)
    }

    fn read(dir: PathBuf) -> Result<Self, Problem> {
        let path = dir.join(FILE);
        match private_file::read(&path) {
            Ok(Some(bytes)) => Self::parse(&bytes, dir, &path),
            Ok(None) => Ok(Self {
                dir,
                ..Self::default()
            }),
            Err(why) => Err(Problem::new(
                format!("cannot use the profile file {}: {why}", path.display()),
                "make it a regular file of yours with mode 0600, or move it away and run cells-token login",
            )),
        }
    }

    fn parse(bytes: &[u8], dir: PathBuf, path: &Path) -> Result<Self, Problem> {
        let invalid = |error: serde_json::Error| invalid(path, &error);
        let Versioned { version } = serde_json::from_slice(bytes).map_err(invalid)?;
        if version != VERSION {
            return Err(Problem::new(
                format!(
                    "the profile file {} has format version {version}, and this program reads version {VERSION}",
                    path.display()
                ),
                "update cells-token, or set CELLS_CONFIG_DIR to another directory",
            ));
        }
        let mut profiles: Self = serde_json::from_slice(bytes).map_err(invalid)?;
        for (name, profile) in &mut profiles.profiles {
            if let SecretLocation::File(path) = &mut profile.secret {
                *path = dir.join(&*path);
            }
            if let Some(path) = &mut profile.ca_cert {
                *path = dir.join(&*path);
            }
            if profile.base_url.is_some() && profile.token_url.is_some() {
                return Err(Problem::new(
                    format!(
                        "the profile {name} in {} has both base_url and token_url",
                        path.display()
                    ),
                    "keep token_url, which names the endpoint itself, or base_url",
                ));
            }
        }
        Ok(Self { dir, ..profiles })
    }
}

/// `CELLS_CONFIG_DIR`, or ours below the user's configuration directory.
fn directory(env: &Env) -> Result<Option<PathBuf>, Problem> {
    let Some(dir) = env.raw(&env::CELLS_CONFIG_DIR).map(PathBuf::from) else {
        return Ok(env.user_config_dir.as_ref().map(|dir| dir.join(DIRECTORY)));
    };
    let source = env::CELLS_CONFIG_DIR.name;
    private_file::check_expanded(&dir, "configuration directory", source)?;
    Ok(Some(dir))
}

/// serde_json's own text is not shown: it quotes values, and a misplaced secret may be among them.
fn invalid(path: &Path, error: &serde_json::Error) -> Problem {
    let fault = match error.classify() {
        Category::Eof => "ends too early",
        Category::Data => "has an unknown name or invalid value",
        Category::Syntax | Category::Io => "is not valid JSON",
    };
    Problem::new(
        format!(
            "the profile file {} {fault} at line {}, column {}",
            path.display(),
            error.line(),
            error.column()
        ),
        "correct it as described in man cells-token, or move it away",
    )
}

fn wait_for(lock: &LockFile) -> anyhow::Result<Guard<'_>> {
    match lock.lock_before(Deadline::after(LOCK_TIMEOUT)) {
        Ok(Some(guard)) => Ok(guard),
        Ok(None) => anyhow::bail!("another process has held {LOCK} for {LOCK_TIMEOUT:?}"),
        // A file system without locks.
        Err(_) => Ok(Guard::without_lock()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/config/profiles.json";

    fn parse(text: &str) -> Result<Profiles, Problem> {
        Profiles::parse(text.as_bytes(), "/config".into(), Path::new(PATH))
    }

    fn name(text: &str) -> ProfileName {
        ProfileName::try_from(text.to_owned()).unwrap()
    }

    fn profile(id: &str) -> Profile {
        Profile {
            client_id: id.to_owned(),
            secret: SecretLocation::Keyring,
            base_url: None,
            token_url: None,
            allow_http: false,
            ca_cert: None,
            proxy: None,
        }
    }

    #[test]
    fn a_name_is_safe_as_a_file_name_on_every_platform() {
        let longest = "a".repeat(64);
        for good in ["a", "default", "Work-2", "a.b_c-d", "7", &longest] {
            assert!(ProfileName::parse(good, "--profile").is_ok(), "{good:?}");
        }
        let too_long = "a".repeat(65);
        for bad in [
            "", ".", "..", "a/b", "a\\b", "-a", "a.", ".a", "a b", "a\n", "é", "a:b", "a\0",
            &too_long,
        ] {
            let problem = ProfileName::parse(bad, "--profile").unwrap_err();
            assert_eq!(
                problem.what,
                "the profile name given by --profile is not allowed"
            );
        }
    }

    #[test]
    fn the_documented_format_is_read() {
        let profiles = parse(
            r#"{
                "version": 1,
                "default": "a",
                "profiles": {
                    "a": { "client_id": "1", "secret": "keyring" },
                    "b": { "client_id": "2", "secret": "stored", "base_url": "https://b.example" },
                    "c": { "client_id": "3", "secret": { "file": "/run/secret" }, "token_url": "http://c.example/t",
                           "allow_http": true, "ca_cert": "ca.pem", "proxy": "http://proxy.example:3128" },
                    "d": { "client_id": "4", "secret": { "command": "pass show d" } }
                }
            }"#,
        )
        .unwrap();
        assert_eq!(
            profiles.default_profile().unwrap(),
            Some((&name("a"), &profile("1")))
        );
        let expected = Profile {
            secret: SecretLocation::Stored,
            base_url: Some("https://b.example".to_owned()),
            ..profile("2")
        };
        assert_eq!(profiles.named(&name("b")).unwrap(), &expected);
        let expected = Profile {
            secret: SecretLocation::File("/run/secret".into()),
            token_url: Some("http://c.example/t".to_owned()),
            allow_http: true,
            ca_cert: Some("/config/ca.pem".into()),
            proxy: Some("http://proxy.example:3128".to_owned()),
            ..profile("3")
        };
        assert_eq!(profiles.named(&name("c")).unwrap(), &expected);
        let expected = Profile {
            secret: SecretLocation::Command("pass show d".to_owned()),
            ..profile("4")
        };
        assert_eq!(profiles.named(&name("d")).unwrap(), &expected);
    }

    #[test]
    fn a_fault_is_located_and_no_value_is_repeated() {
        for (text, expected) in [
            ("", "ends too early at line 1, column 0"),
            ("{\n\"version\": 1,", "ends too early at line 2"),
            ("{}", "has an unknown name or invalid value at line 1"),
            ("[]", "has an unknown name or invalid value at line 1"),
            (
                "{\"version\": 1, oops",
                "is not valid JSON at line 1, column 16",
            ),
            (
                r#"{"version": 2, "profiles": []}"#,
                "has format version 2, and",
            ),
            (
                "{\"version\": 1, \"profiles\": {\n\"a\": {\"client_id\": \"1\", \"secret\": \"hush\"}}}",
                "has an unknown name or invalid value at line 2",
            ),
            (
                r#"{"version": 1, "profiles": {"a": {"client_id": "1", "hush": "keyring"}}}"#,
                "has an unknown name or invalid value",
            ),
            (
                r#"{"version": 1, "profiles": {"../hush": {}}}"#,
                "has an unknown name or invalid value",
            ),
            (
                r#"{"version": 1, "profiles": {"a": {"client_id": "1", "secret": "keyring", "base_url": "hush", "token_url": "hush"}}}"#,
                "the profile a in /config/profiles.json has both base_url and token_url",
            ),
        ] {
            let Problem { what, hint } = parse(text).unwrap_err();
            assert!(
                what.contains(expected) && what.contains(PATH),
                "{text}: {what}"
            );
            assert!(!format!("{what}{hint}").contains("hush"), "{what} {hint}");
        }
    }

    #[test]
    fn a_missing_profile_is_answered_with_those_that_exist() {
        let mut profiles = Profiles::default();
        let problem = profiles.named(&name("a")).unwrap_err();
        assert_eq!(problem.hint, "run cells-token login to save one");
        for other in ["b", "c"] {
            profiles.insert(name(other), profile("1"), false).unwrap();
        }
        let problem = profiles.named(&name("a")).unwrap_err();
        assert_eq!(problem.what, "there is no profile a");
        assert_eq!(problem.hint, "use one of these profiles: b, c");
    }

    #[test]
    fn the_first_profile_is_the_default_until_another_is_made_so() {
        let mut profiles = Profiles::default();
        assert_eq!(profiles.default_profile().unwrap(), None);
        for (added, make_default, expected) in
            [("a", false, "a"), ("b", false, "a"), ("c", true, "c")]
        {
            profiles
                .insert(name(added), profile("1"), make_default)
                .unwrap();
            assert!(profiles.is_default(&name(expected)));
        }
        profiles.remove(&name("b"));
        assert!(profiles.is_default(&name("c")));
        profiles.remove(&name("c"));
        assert_eq!(profiles.default_profile().unwrap(), None);
    }

    #[test]
    fn names_that_differ_in_case_only_are_refused() {
        let mut profiles = Profiles::default();
        profiles.insert(name("work"), profile("1"), false).unwrap();
        profiles.insert(name("work"), profile("2"), false).unwrap();
        let problem = profiles
            .insert(name("Work"), profile("3"), false)
            .unwrap_err();
        assert_eq!(
            problem.what,
            "the profile name Work differs from work only in case"
        );
    }
}
