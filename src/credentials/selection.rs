//! Which source gives the client id and the client secret, which sources are passed over, and why. Prompts for nothing,
//! and reads only the profile file, if options and variables leave something to find there.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use super::{SecretPlace, SecretSource, Source};
use crate::cli;
use crate::env::{self, Env, Variable};
use crate::oauth::ClientId;
use crate::problem::Problem;
use crate::profile::{self, Profile, ProfileName, Profiles, SecretLocation};
use crate::report::Reporter;
use crate::secret;

/// A pair of variables that the vendor's SDKs or documents taught users. Counts only as a pair.
struct Family {
    id: &'static Variable,
    secret: &'static Variable,
    base_url: Option<&'static Variable>,
}

/// In order of precedence.
const FAMILIES: [Family; 4] = [
    Family {
        id: &env::CELLS_CLOUD_CLIENT_ID,
        secret: &env::CELLS_CLOUD_CLIENT_SECRET,
        base_url: Some(&env::CELLS_CLOUD_API_BASE_URL),
    },
    Family {
        id: &env::PRODUCT_CLIENT_ID,
        secret: &env::PRODUCT_CLIENT_SECRET,
        base_url: None,
    },
    Family {
        id: &env::ASPOSE_CLIENT_ID,
        secret: &env::ASPOSE_CLIENT_SECRET,
        base_url: None,
    },
    Family {
        id: &env::ASPOSE_CLOUD_CLIENT_ID,
        secret: &env::ASPOSE_CLOUD_CLIENT_SECRET,
        base_url: None,
    },
];

/// The sources that will be used. Holds no secret.
#[derive(Debug)]
pub struct Selection {
    /// `None` if it has to be prompted for.
    pub client_id: Option<ClientId>,
    /// What gives the client id.
    pub id_source: Source,
    /// Where the client secret is.
    pub secret: SecretSource,
    /// The variable with the base URL that belongs to the pair in use.
    pub base_url: Option<&'static Variable>,
    /// The profile in use, and what named it.
    profile: Option<(Profile, NamedBy)>,
    /// Whether prompting is forbidden.
    pub no_input: bool,
    /// Sources that are set and not used.
    pub passed_over: Vec<PassedOver>,
}

/// A source that is set and not used.
#[derive(Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// The option or variables.
    pub source: String,
    /// Why it is not used.
    pub why: String,
    /// Whether it looks like a mistake, so that the user is warned.
    pub is_suspicious: bool,
}

/// The profiles that a selection may use.
#[derive(Default)]
struct Saved {
    /// The directory of the profile file.
    dir: PathBuf,
    profiles: Profiles,
}

/// What named a profile, which decides its precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NamedBy {
    Option,
    Variable,
    Default,
}

impl Selection {
    /// Selects the first source of each, in order of precedence: options, `--profile`, `CELLS_CLIENT_*`,
    /// `CELLS_PROFILE`, the SDKs' variables, the default profile, the prompt. An id is never combined with the secret of
    /// another source. `profile` is the value of `--profile`.
    ///
    /// # Errors
    /// If the selected source is not usable, or two options or two variables give a secret.
    pub fn new(
        options: &cli::Credentials,
        profile: Option<&str>,
        env: &Env,
    ) -> Result<Self, Problem> {
        Self::select(options, profile, env, Some(&|| Saved::load(env)))
    }

    /// The same without profiles, as `login` needs it.
    ///
    /// # Errors
    /// As for [`Selection::new`].
    pub fn without_profiles(options: &cli::Credentials, env: &Env) -> Result<Self, Problem> {
        Self::select(options, None, env, None)
    }

    fn select(
        options: &cli::Credentials,
        profile: Option<&str>,
        env: &Env,
        load: Option<&dyn Fn() -> Result<Saved, Problem>>,
    ) -> Result<Self, Problem> {
        let mut selection = Self {
            client_id: None,
            id_source: Source::Prompt,
            secret: SecretSource::PROMPT,
            base_url: None,
            profile: None,
            no_input: options.no_input || env.switch(&env::CELLS_NO_INPUT)? || env.is_ci(),
            passed_over: Vec::new(),
        };
        selection.warn_of_empty(env);
        let id = options.client_id.as_deref().map(OsStr::new);
        selection.offer_id(Source::Option("--client-id"), id)?;
        selection.offer_secrets(option_secrets(options))?;
        if let (Some(load), Some(name)) = (load, profile) {
            selection.offer_named_profile(NamedBy::Option, name, load)?;
        }
        let id = env.raw(&env::CELLS_CLIENT_ID);
        selection.offer_id(Source::Variable(&env::CELLS_CLIENT_ID), id)?;
        selection.offer_secrets(variable_secrets(env))?;
        if let (Some(load), Some(name)) = (load, env.text(&env::CELLS_PROFILE)?) {
            match profile {
                Some(_) => {
                    selection.pass_over(NamedBy::Variable, "--profile takes precedence", false);
                }
                None => selection.offer_named_profile(NamedBy::Variable, name, load)?,
            }
        }
        for family in &FAMILIES {
            selection.offer_family(family, env)?;
        }
        if let (Some(load), None, false) = (load, profile, env.is_set(&env::CELLS_PROFILE)) {
            selection.offer_default_profile(load)?;
        }
        Ok(selection)
    }

    /// The profile in use, if it precedes variables such as `CELLS_BASE_URL`.
    pub fn profile_before_variables(&self) -> Option<&Profile> {
        let (profile, named_by) = self.profile.as_ref()?;
        (*named_by == NamedBy::Option).then_some(profile)
    }

    /// The profile in use, if such variables precede it.
    pub fn profile_after_variables(&self) -> Option<&Profile> {
        let (profile, named_by) = self.profile.as_ref()?;
        (*named_by != NamedBy::Option).then_some(profile)
    }

    /// Reports which sources are used and which are passed over.
    pub fn explain(&self, report: Reporter) {
        report.verbose(|| {
            format!(
                "using the client id from {} and the client secret from {}",
                self.id_source, self.secret
            )
        });
        for passed_over in &self.passed_over {
            let text = || format!("passed over {}: {}", passed_over.source, passed_over.why);
            match passed_over.is_suspicious {
                true => report.warning(&text()),
                false => report.verbose(text),
            }
        }
    }

    /// Whether a source gives the id and a source gives the secret.
    fn is_complete(&self) -> bool {
        self.client_id.is_some() && self.has_secret()
    }

    /// Whether no source gives an id or a secret.
    pub fn is_empty(&self) -> bool {
        self.client_id.is_none() && !self.has_secret()
    }

    fn has_secret(&self) -> bool {
        self.secret.place != SecretPlace::Prompt
    }

    fn warn_of_empty(&mut self, env: &Env) {
        let own = [&env::CELLS_CLIENT_ID, &env::CELLS_PROFILE];
        let own = own.into_iter().chain(env::SECRET_VARIABLES);
        let families = FAMILIES
            .iter()
            .flat_map(|family| [family.id, family.secret]);
        for variable in own
            .chain(families)
            .filter(|variable| env.is_empty(variable))
        {
            self.pass_over(variable.name, "it is set but empty", true);
        }
    }

    fn offer_id(&mut self, source: Source, id: Option<&OsStr>) -> Result<(), Problem> {
        match id {
            Some(_) if self.client_id.is_some() => {
                let why = format!("{} takes precedence", self.id_source);
                self.pass_over(source, why, false);
            }
            Some(id) => {
                self.client_id = Some(usable_id(id, &source)?);
                self.id_source = source;
            }
            None => {}
        }
        Ok(())
    }

    /// Offers the secrets given at one level, of which there must be one at most.
    fn offer_secrets(&mut self, mut sources: Vec<SecretSource>) -> Result<(), Problem> {
        if self.has_secret() {
            for SecretSource { source, .. } in sources {
                let why = format!("{} takes precedence", self.secret.source);
                self.pass_over(source, why, false);
            }
            return Ok(());
        }
        if let [first, second, ..] = sources.as_slice() {
            return Err(Problem::new(
                format!(
                    "{} and {} both give a client secret",
                    first.source, second.source
                ),
                format!("keep only {} or {}", first.source, second.source),
            ));
        }
        if let Some(source) = sources.pop() {
            self.secret = source;
        }
        Ok(())
    }

    fn offer_family(&mut self, family: &'static Family, env: &Env) -> Result<(), Problem> {
        let (id, secret) = (family.id, family.secret);
        let half = match (env.raw(id), env.is_set(secret)) {
            (Some(value), true) => {
                let pair = Pair {
                    name: format!("{}/{}", id.name, secret.name),
                    id_source: Source::Variable(id),
                    id: value,
                    secret: SecretSource {
                        source: Source::Variable(secret),
                        place: SecretPlace::Value,
                    },
                };
                match self.reason_against(&pair) {
                    Some(why) => self.pass_over(pair.name, why, false),
                    None => {
                        self.take(pair)?;
                        self.base_url = family.base_url;
                    }
                }
                return Ok(());
            }
            (Some(_), false) => [id, secret],
            (None, true) => [secret, id],
            (None, false) => return Ok(()),
        };
        let [found, missing] = half.map(|variable| variable.name);
        self.pass_over(found, format!("{missing} is not set"), false);
        Ok(())
    }

    fn offer_named_profile(
        &mut self,
        named_by: NamedBy,
        name: &str,
        load: &dyn Fn() -> Result<Saved, Problem>,
    ) -> Result<(), Problem> {
        if self.is_complete() {
            self.pass_over(named_by, self.precedence(), false);
            return Ok(());
        }
        let name = ProfileName::parse(name, &named_by.to_string())?;
        let saved = load()?;
        let profile = saved.profiles.named(&name)?;
        match self.offer_profile(&saved.dir, &name, profile, named_by)? {
            None => Ok(()),
            Some(why) if named_by == NamedBy::Option => Err(Problem::new(
                format!("the profile {name} cannot be used: {why}"),
                "leave out --profile, or the other option",
            )),
            Some(why) => {
                self.pass_over(named_by, why, true);
                Ok(())
            }
        }
    }

    /// Beside an id or secret from elsewhere, a profile file that cannot be used is no error.
    fn offer_default_profile(
        &mut self,
        load: &dyn Fn() -> Result<Saved, Problem>,
    ) -> Result<(), Problem> {
        if self.is_complete() {
            return Ok(());
        }
        let offered = load().and_then(|saved| match saved.profiles.default_profile()? {
            Some((name, profile)) => {
                self.offer_profile(&saved.dir, name, profile, NamedBy::Default)
            }
            None => Ok(None),
        });
        match offered {
            Ok(None) => {}
            Ok(Some(why)) => self.pass_over(NamedBy::Default, why, false),
            Err(problem) if self.is_empty() => return Err(problem),
            Err(problem) => self.pass_over(NamedBy::Default, problem.what, true),
        }
        Ok(())
    }

    /// Takes the profile, or returns why not.
    fn offer_profile(
        &mut self,
        dir: &Path,
        name: &ProfileName,
        profile: &Profile,
        named_by: NamedBy,
    ) -> Result<Option<String>, Problem> {
        let source = Source::Profile(name.clone());
        let place = match &profile.secret {
            SecretLocation::Keyring => SecretPlace::Keyring(name.clone()),
            SecretLocation::Stored => SecretPlace::File(profile::stored_secret(dir, name)),
            SecretLocation::File(path) => SecretPlace::File(path.clone()),
            SecretLocation::Command(command) => SecretPlace::Command(command.into()),
        };
        let pair = Pair {
            name: source.to_string(),
            id_source: source.clone(),
            id: OsStr::new(&profile.client_id),
            secret: SecretSource { source, place },
        };
        let why = self.reason_against(&pair);
        if why.is_none() {
            self.take(pair)?;
            self.profile = Some((profile.clone(), named_by));
        }
        Ok(why)
    }

    /// Why `pair` can give neither both nor the missing secret of the same id.
    fn reason_against(&self, pair: &Pair) -> Option<String> {
        match &self.client_id {
            Some(_) if self.has_secret() => Some(self.precedence()),
            Some(own) if !is_same_id(pair.id, own) => Some(format!(
                "its client id differs from that of {}",
                self.id_source
            )),
            None if matches!(self.secret.source, Source::Option(_)) => Some(format!(
                "its client id is not combined with {}",
                self.secret.source
            )),
            _ => None,
        }
    }

    fn precedence(&self) -> String {
        let (id, secret) = (&self.id_source, &self.secret.source);
        match id == secret {
            true => format!("{id} takes precedence"),
            false => format!("{id} and {secret} take precedence"),
        }
    }

    fn take(&mut self, pair: Pair) -> Result<(), Problem> {
        if self.client_id.is_none() {
            self.client_id = Some(usable_id(pair.id, &pair.id_source)?);
            self.id_source = pair.id_source;
            if self.has_secret() {
                let own = env::CELLS_CLIENT_ID.name;
                let why = format!("{own} is not set; using {}", pair.name);
                self.pass_over(self.secret.source.clone(), why, true);
            }
        }
        self.secret = pair.secret;
        Ok(())
    }

    fn pass_over(&mut self, source: impl ToString, why: impl Into<String>, is_suspicious: bool) {
        self.passed_over.push(PassedOver {
            source: source.to_string(),
            why: why.into(),
            is_suspicious,
        });
    }
}

/// An id and the secret that belongs to it.
struct Pair<'a> {
    name: String,
    id_source: Source,
    id: &'a OsStr,
    secret: SecretSource,
}

impl Saved {
    fn load(env: &Env) -> Result<Self, Problem> {
        // Without a home directory there are no profiles.
        let Some(dir) = profile::directory(env) else {
            return Ok(Self::default());
        };
        let profiles = Profiles::load(&dir)?;
        Ok(Self { dir, profiles })
    }
}

impl fmt::Display for NamedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Option => "--profile",
            Self::Variable => env::CELLS_PROFILE.name,
            Self::Default => "the default profile",
        })
    }
}

fn option_secrets(options: &cli::Credentials) -> Vec<SecretSource> {
    let value = options.client_secret.as_ref().map(|_| SecretPlace::Value);
    let file = options.client_secret_file.as_ref();
    let command = options.client_secret_command.clone();
    let places = [
        ("--client-secret", value),
        (
            "--client-secret-file",
            file.map(|path| file_or_stdin(path.as_os_str())),
        ),
        ("--client-secret-command", command.map(SecretPlace::Command)),
    ];
    sources(places.map(|(name, place)| (Source::Option(name), place)))
}

fn variable_secrets(env: &Env) -> Vec<SecretSource> {
    let [value, file, command] = env::SECRET_VARIABLES;
    let places = [
        (value, env.raw(value).map(|_| SecretPlace::Value)),
        (file, env.raw(file).map(file_or_stdin)),
        (
            command,
            env.raw(command)
                .map(|text| SecretPlace::Command(text.to_owned())),
        ),
    ];
    sources(places.map(|(variable, place)| (Source::Variable(variable), place)))
}

fn sources(places: [(Source, Option<SecretPlace>); 3]) -> Vec<SecretSource> {
    let given = places.into_iter().filter_map(|(source, place)| {
        let place = place?;
        Some(SecretSource { source, place })
    });
    given.collect()
}

fn file_or_stdin(path: &OsStr) -> SecretPlace {
    match path == "-" {
        true => SecretPlace::Stdin,
        false => SecretPlace::File(PathBuf::from(path)),
    }
}

fn is_same_id(text: &OsStr, id: &ClientId) -> bool {
    text.to_str().map(secret::without_line_ending) == Some(&id.0)
}

fn usable_id(text: &OsStr, source: &Source) -> Result<ClientId, Problem> {
    let problem = |defect: &str| {
        Problem::new(
            format!("the client id from {source} {defect}"),
            format!("set {source} to the client id that the dashboard shows"),
        )
    };
    let text = text.to_str().ok_or_else(|| problem("is not UTF-8"))?;
    let id = secret::without_line_ending(text);
    match secret::defect(id) {
        Some(defect) => Err(problem(defect)),
        None => Ok(ClientId(id.to_owned())),
    }
}

#[cfg(test)]
mod tests;
