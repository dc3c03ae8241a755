//! Which source gives the client id and the client secret, which sources are passed over, and why. Prompts for nothing,
//! and reads only the profile file, if options and variables leave something to find there.

use std::ffi::OsStr;
use std::path::Path;

use super::{SecretPlace, SecretSource, Source, usable_id};
use crate::cli;
use crate::env::{self, Env, Variable};
use crate::oauth::ClientId;
use crate::problem::Problem;
use crate::profile::{Profile, ProfileName, Profiles, SecretLocation};
use crate::report::Reporter;
use crate::secret;

/// Client id and secret variables that the vendor's SDKs and documents taught users, in order of precedence.
const FAMILIES: [(&Variable, &Variable); 4] = [
    (&env::CELLS_CLOUD_CLIENT_ID, &env::CELLS_CLOUD_CLIENT_SECRET),
    (&env::PRODUCT_CLIENT_ID, &env::PRODUCT_CLIENT_SECRET),
    (&env::ASPOSE_CLIENT_ID, &env::ASPOSE_CLIENT_SECRET),
    (
        &env::ASPOSE_CLOUD_CLIENT_ID,
        &env::ASPOSE_CLOUD_CLIENT_SECRET,
    ),
];

const PROFILE_OPTION: &str = "--profile";
const DEFAULT_PROFILE: &str = "the default profile";

/// The sources that will be used. Holds no secret.
#[derive(Debug, Default)]
pub struct Selection {
    /// `None` if it has to be prompted for.
    pub client_id: Option<ClientId>,
    /// What gives the client id.
    pub id_source: Source,
    /// Where the client secret is.
    pub secret: SecretSource,
    /// The profile in use, and whether `--profile` named it.
    profile: Option<(Profile, bool)>,
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
        let mut selection = Self::of_options(options, env)?;
        if profile.is_some() {
            selection.offer_profile(PROFILE_OPTION, profile, env)?;
        }
        selection.offer_own_variables(env)?;
        let variable = env.text(&env::CELLS_PROFILE)?;
        if variable.is_some() {
            selection.offer_profile(env::CELLS_PROFILE.name, variable, env)?;
        }
        selection.offer_families(env)?;
        if variable.is_none()
            && let Err(problem) = selection.offer_profile(DEFAULT_PROFILE, None, env)
        {
            // No error beside an id or secret from elsewhere.
            if selection.is_empty() {
                return Err(problem);
            }
            selection.pass_over(DEFAULT_PROFILE, problem.what, true);
        }
        Ok(selection)
    }

    /// The same without profiles.
    ///
    /// # Errors
    /// As for [`Selection::new`].
    pub fn without_profiles(options: &cli::Credentials, env: &Env) -> Result<Self, Problem> {
        let mut selection = Self::of_options(options, env)?;
        selection.offer_own_variables(env)?;
        selection.offer_families(env)?;
        Ok(selection)
    }

    /// The value that a profile or variable gives, in order of precedence: `--profile` precedes variables such as
    /// `CELLS_BASE_URL`, which precede other profiles.
    pub fn profile_or_variable<'a, T>(
        &'a self,
        of_profile: impl FnOnce(&'a Profile) -> Option<T>,
        variable: Option<T>,
    ) -> Option<T> {
        match &self.profile {
            Some((profile, true)) => of_profile(profile).or(variable),
            Some((profile, false)) => variable.or_else(|| of_profile(profile)),
            None => variable,
        }
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

    fn of_options(options: &cli::Credentials, env: &Env) -> Result<Self, Problem> {
        let mut selection = Self {
            no_input: options.no_input || env.switch(&env::CELLS_NO_INPUT)? || env.is_ci(),
            ..Self::default()
        };
        selection.warn_of_empty(env);
        let id = options.client_id.as_deref().map(OsStr::new);
        let value = options.client_secret.as_ref();
        let file = options.client_secret_file.as_deref();
        let command = options.client_secret_command.clone();
        let secrets = [
            ("--client-secret", value.map(|_| SecretPlace::Value)),
            ("--client-secret-file", file.map(SecretPlace::of_path)),
            ("--client-secret-command", command.map(SecretPlace::Command)),
        ];
        let secrets = secrets.map(|(name, place)| (Source::Option(name), place));
        selection.offer_own(Source::Option("--client-id"), id, secrets)?;
        Ok(selection)
    }

    fn warn_of_empty(&mut self, env: &Env) {
        let own = [&env::CELLS_CLIENT_ID, &env::CELLS_PROFILE];
        let own = own.into_iter().chain(env::SECRET_VARIABLES);
        let families = FAMILIES.iter().flat_map(|(id, secret)| [*id, *secret]);
        for variable in own.chain(families) {
            if env.is_empty(variable) {
                self.pass_over(variable.name, "it is set but empty", true);
            }
        }
    }

    fn offer_own_variables(&mut self, env: &Env) -> Result<(), Problem> {
        let [value, file, command] = env::SECRET_VARIABLES;
        let path = env.raw(file).map(Path::new);
        let shell = env.raw(command).map(OsStr::to_owned);
        let secrets = [
            (value, env.raw(value).map(|_| SecretPlace::Value)),
            (file, path.map(SecretPlace::of_path)),
            (command, shell.map(SecretPlace::Command)),
        ];
        let secrets = secrets.map(|(variable, place)| (Source::Variable(variable), place));
        let id = &env::CELLS_CLIENT_ID;
        self.offer_own(Source::Variable(id), env.raw(id), secrets)
    }

    /// Offers an id and a secret that need not belong together. Only one secret may be given.
    fn offer_own(
        &mut self,
        id_source: Source,
        id: Option<&OsStr>,
        secrets: [(Source, Option<SecretPlace>); 3],
    ) -> Result<(), Problem> {
        match (id, &self.client_id) {
            (Some(id), None) => {
                self.client_id = Some(usable_id(id, &id_source)?);
                self.id_source = id_source;
            }
            (Some(_), Some(_)) => {
                let why = format!("{} takes precedence", self.id_source);
                self.pass_over(id_source, why, false);
            }
            (None, _) => {}
        }
        let had_secret = self.has_secret();
        for (source, place) in secrets {
            let selected = &self.secret.source;
            match place {
                Some(place) if !self.has_secret() => self.secret = SecretSource { source, place },
                Some(_) if had_secret => {
                    let why = format!("{selected} takes precedence");
                    self.pass_over(source, why, false);
                }
                Some(_) => {
                    return Err(Problem::new(
                        format!("{selected} and {source} both give a client secret"),
                        format!("keep only {selected} or {source}"),
                    ));
                }
                None => {}
            }
        }
        Ok(())
    }

    fn offer_families(&mut self, env: &Env) -> Result<(), Problem> {
        for (id, secret) in FAMILIES {
            match (env.raw(id), env.is_set(secret)) {
                (Some(value), true) => {
                    let name = format!("{}/{}", id.name, secret.name);
                    let source = SecretSource {
                        source: Source::Variable(secret),
                        place: SecretPlace::Value,
                    };
                    if let Some(why) =
                        self.offer_pair(&name, Source::Variable(id), value, source)?
                    {
                        self.pass_over(name, why, false);
                    }
                }
                (Some(_), false) => {
                    self.pass_over(id.name, format!("{} is not set", secret.name), false);
                }
                (None, true) => {
                    self.pass_over(secret.name, format!("{} is not set", id.name), false);
                }
                (None, false) => {}
            }
        }
        Ok(())
    }

    /// Offers the profile called `name`, which `named_by` gave, or else the default profile, if there is one.
    /// `--profile` must be usable.
    fn offer_profile(
        &mut self,
        named_by: &'static str,
        name: Option<&str>,
        env: &Env,
    ) -> Result<(), Problem> {
        let is_option = named_by == PROFILE_OPTION;
        if self.is_complete() {
            if name.is_some() {
                self.pass_over(named_by, self.precedence(), is_option);
            }
            return Ok(());
        }
        let parse = |name| ProfileName::parse(name, named_by);
        let given = name.map(parse).transpose()?;
        let profiles = Profiles::load(env)?;
        let found = match &given {
            Some(name) => Some((name, profiles.named(name)?)),
            None => profiles.default_profile()?,
        };
        let Some((name, profile)) = found else {
            return Ok(());
        };
        let source = Source::Profile(name.clone());
        let secret = SecretSource {
            source: source.clone(),
            place: match &profile.secret {
                SecretLocation::Keyring => SecretPlace::Keyring(name.clone()),
                SecretLocation::Stored => SecretPlace::File(profiles.stored_secret(name)),
                SecretLocation::File(path) => SecretPlace::File(path.clone()),
                SecretLocation::Command(command) => SecretPlace::Command(command.into()),
            },
        };
        match self.offer_pair(named_by, source, OsStr::new(&profile.client_id), secret)? {
            None => self.profile = Some((profile.clone(), is_option)),
            Some(why) if is_option => {
                return Err(Problem::new(
                    format!("the profile {name} cannot be used: {why}"),
                    "leave out --profile or the other option",
                ));
            }
            Some(why) => self.pass_over(named_by, why, given.is_some()),
        }
        Ok(())
    }

    /// Takes an id and the secret that belongs to it, or the secret alone if the id is the same; else returns why not.
    fn offer_pair(
        &mut self,
        name: &str,
        id_source: Source,
        id: &OsStr,
        secret: SecretSource,
    ) -> Result<Option<String>, Problem> {
        if self.is_complete() {
            return Ok(Some(self.precedence()));
        }
        let selected = &self.secret.source;
        match &self.client_id {
            Some(selected) if id.to_str().map(secret::without_line_ending) != Some(&selected.0) => {
                let source = &self.id_source;
                return Ok(Some(format!("its client id differs from that of {source}")));
            }
            None if matches!(selected, Source::Option(_)) => {
                return Ok(Some(format!(
                    "its client id is not combined with {selected}"
                )));
            }
            Some(_) => {}
            None => {
                self.client_id = Some(usable_id(id, &id_source)?);
                self.id_source = id_source;
                if self.has_secret() {
                    let why = format!("{} is not set; using {name}", env::CELLS_CLIENT_ID.name);
                    self.pass_over(self.secret.source.clone(), why, true);
                }
            }
        }
        self.secret = secret;
        Ok(None)
    }

    fn precedence(&self) -> String {
        let (id, secret) = (&self.id_source, &self.secret.source);
        match id == secret {
            true => format!("{id} takes precedence"),
            false => format!("{id} and {secret} take precedence"),
        }
    }

    fn pass_over(&mut self, source: impl ToString, why: impl Into<String>, is_suspicious: bool) {
        self.passed_over.push(PassedOver {
            source: source.to_string(),
            why: why.into(),
            is_suspicious,
        });
    }
}

#[cfg(test)]
mod tests;
