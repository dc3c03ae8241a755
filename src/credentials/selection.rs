//! Which source gives the client id and the client secret, which sources are passed over, and why. Prompts for nothing,
//! and reads only the profile file, if options and variables leave something to find there.

use std::ffi::OsStr;
use std::fmt;
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

const SECRET_OPTIONS: [Source; 3] = [
    Source::Option("--client-secret"),
    Source::Option("--client-secret-file"),
    Source::Option("--client-secret-command"),
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

/// What named a profile, which decides its precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NamedBy {
    Option,
    Variable,
    Default,
}

/// An id and the secret that belongs to it.
struct Pair<'a> {
    id_source: Source,
    id: &'a OsStr,
    secret: SecretSource,
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
            selection.offer_profile(NamedBy::Option, profile, env)?;
        }
        selection.offer_own_variables(env)?;
        let variable = env.text(&env::CELLS_PROFILE)?;
        if variable.is_some() {
            selection.offer_profile(NamedBy::Variable, variable, env)?;
        }
        selection.offer_families(env)?;
        if variable.is_none()
            && let Err(problem) = selection.offer_profile(NamedBy::Default, None, env)
        {
            // No error beside an id or secret from elsewhere.
            if selection.is_empty() {
                return Err(problem);
            }
            selection.pass_over(NamedBy::Default, problem.what, true);
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
            Some((profile, NamedBy::Option)) => of_profile(profile).or(variable),
            Some((profile, _)) => variable.or_else(|| of_profile(profile)),
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
            client_id: None,
            id_source: Source::Prompt,
            secret: SecretSource::PROMPT,
            profile: None,
            no_input: options.no_input || env.switch(&env::CELLS_NO_INPUT)? || env.is_ci(),
            passed_over: Vec::new(),
        };
        selection.warn_of_empty(env);
        let id = options.client_id.as_deref().map(OsStr::new);
        selection.offer_id(Source::Option("--client-id"), id)?;
        let file = options.client_secret_file.as_deref().map(Path::as_os_str);
        let command = options.client_secret_command.as_deref();
        let places = secret_places(options.client_secret.is_some(), file, command);
        selection.offer_secrets(SECRET_OPTIONS, places)?;
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
        let id = env.raw(&env::CELLS_CLIENT_ID);
        self.offer_id(Source::Variable(&env::CELLS_CLIENT_ID), id)?;
        let [value, file, command] = env::SECRET_VARIABLES;
        let places = secret_places(env.is_set(value), env.raw(file), env.raw(command));
        self.offer_secrets(env::SECRET_VARIABLES.map(Source::Variable), places)
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
    fn offer_secrets(
        &mut self,
        sources: [Source; 3],
        places: [Option<SecretPlace>; 3],
    ) -> Result<(), Problem> {
        let secret = |(source, place): (Source, Option<SecretPlace>)| {
            let place = place?;
            Some(SecretSource { source, place })
        };
        let given: Vec<_> = sources.into_iter().zip(places).filter_map(secret).collect();
        match given.as_slice() {
            given if self.has_secret() => {
                for SecretSource { source, .. } in given {
                    let why = format!("{} takes precedence", self.secret.source);
                    self.pass_over(source, why, false);
                }
            }
            [] => {}
            [only] => self.secret = only.clone(),
            [
                SecretSource { source: a, .. },
                SecretSource { source: b, .. },
                ..,
            ] => {
                return Err(Problem::new(
                    format!("{a} and {b} both give a client secret"),
                    format!("keep only {a} or {b}"),
                ));
            }
        }
        Ok(())
    }

    fn offer_families(&mut self, env: &Env) -> Result<(), Problem> {
        for (id, secret) in FAMILIES {
            match (env.raw(id), env.is_set(secret)) {
                (Some(value), true) => {
                    let name = format!("{}/{}", id.name, secret.name);
                    let pair = Pair {
                        id_source: Source::Variable(id),
                        id: value,
                        secret: SecretSource {
                            source: Source::Variable(secret),
                            place: SecretPlace::Value,
                        },
                    };
                    if let Some(why) = self.offer_pair(pair, &name)? {
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

    /// Offers the profile called `name`, or else the default profile, if there is one. `--profile` must be usable.
    fn offer_profile(
        &mut self,
        named_by: NamedBy,
        name: Option<&str>,
        env: &Env,
    ) -> Result<(), Problem> {
        if self.is_complete() {
            if named_by != NamedBy::Default {
                self.pass_over(named_by, self.precedence(), named_by == NamedBy::Option);
            }
            return Ok(());
        }
        let name = name.map(|name| ProfileName::parse(name, &named_by.to_string()));
        let name = name.transpose()?;
        let profiles = Profiles::load(env)?;
        let found = match &name {
            Some(name) => Some((name, profiles.named(name)?)),
            None => profiles.default_profile()?,
        };
        let Some((name, profile)) = found else {
            return Ok(());
        };
        let source = Source::Profile(name.clone());
        let place = match &profile.secret {
            SecretLocation::Keyring => SecretPlace::Keyring(name.clone()),
            SecretLocation::Stored => SecretPlace::File(profiles.stored_secret(name)),
            SecretLocation::File(path) => SecretPlace::File(path.clone()),
            SecretLocation::Command(command) => SecretPlace::Command(command.into()),
        };
        let pair = Pair {
            id_source: source.clone(),
            id: OsStr::new(&profile.client_id),
            secret: SecretSource { source, place },
        };
        match self.offer_pair(pair, &named_by.to_string())? {
            None => self.profile = Some((profile.clone(), named_by)),
            Some(why) if named_by == NamedBy::Option => {
                return Err(Problem::new(
                    format!("the profile {name} cannot be used: {why}"),
                    "leave out --profile or the other option",
                ));
            }
            Some(why) => self.pass_over(named_by, why, named_by == NamedBy::Variable),
        }
        Ok(())
    }

    /// Takes the id and secret of `pair`, or the secret alone if it has the same id; else returns why not.
    fn offer_pair(&mut self, pair: Pair, name: &str) -> Result<Option<String>, Problem> {
        match &self.client_id {
            Some(_) if self.has_secret() => return Ok(Some(self.precedence())),
            Some(id) if !is_same_id(pair.id, id) => {
                let own = &self.id_source;
                return Ok(Some(format!("its client id differs from that of {own}")));
            }
            None if matches!(self.secret.source, Source::Option(_)) => {
                let own = &self.secret.source;
                return Ok(Some(format!("its client id is not combined with {own}")));
            }
            Some(_) => {}
            None => {
                self.client_id = Some(usable_id(pair.id, &pair.id_source)?);
                self.id_source = pair.id_source;
                if self.has_secret() {
                    let own = env::CELLS_CLIENT_ID.name;
                    let why = format!("{own} is not set; using {name}");
                    self.pass_over(self.secret.source.clone(), why, true);
                }
            }
        }
        self.secret = pair.secret;
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

impl fmt::Display for NamedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Option => "--profile",
            Self::Variable => env::CELLS_PROFILE.name,
            Self::Default => "the default profile",
        })
    }
}

/// The places of a secret that is given as a value, as the path of a file (`-` is standard input), and as a command.
fn secret_places(
    has_value: bool,
    file: Option<&OsStr>,
    command: Option<&OsStr>,
) -> [Option<SecretPlace>; 3] {
    let file = file.map(|path| match path == "-" {
        true => SecretPlace::Stdin,
        false => SecretPlace::File(path.into()),
    });
    let command = command.map(|command| SecretPlace::Command(command.to_owned()));
    [has_value.then_some(SecretPlace::Value), file, command]
}

fn is_same_id(text: &OsStr, id: &ClientId) -> bool {
    text.to_str().map(secret::without_line_ending) == Some(&id.0)
}

#[cfg(test)]
mod tests;
