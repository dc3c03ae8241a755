//! Which source gives the client id and the client secret, which sources are passed over, and why. Pure: reads no file
//! and prompts for nothing.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::{SecretPlace, SecretSource, Source};
use crate::cli;
use crate::env::{self, Env, Variable};
use crate::oauth::ClientId;
use crate::problem::Problem;
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
    /// Selects the first source of each, in order of precedence: options, `CELLS_CLIENT_*`, the SDKs' variables, the
    /// prompt. An id is never combined with the secret of another source.
    ///
    /// # Errors
    /// If the selected source is not usable, or two options or two variables give a secret.
    pub fn new(options: &cli::Credentials, env: &Env) -> Result<Self, Problem> {
        let mut selection = Self {
            client_id: None,
            id_source: Source::Prompt,
            secret: SecretSource::PROMPT,
            base_url: None,
            no_input: options.no_input || env.switch(&env::CELLS_NO_INPUT)? || env.is_ci(),
            passed_over: Vec::new(),
        };
        selection.warn_of_empty(env);
        let id = options.client_id.as_deref().map(OsStr::new);
        selection.offer_id(Source::Option("--client-id"), id)?;
        selection.offer_secrets(option_secrets(options))?;
        let id = env.raw(&env::CELLS_CLIENT_ID);
        selection.offer_id(Source::Variable(&env::CELLS_CLIENT_ID), id)?;
        selection.offer_secrets(variable_secrets(env))?;
        for family in &FAMILIES {
            selection.offer_family(family, env)?;
        }
        Ok(selection)
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

    /// Whether no source gives an id or a secret.
    pub fn is_empty(&self) -> bool {
        self.client_id.is_none() && !self.has_secret()
    }

    fn has_secret(&self) -> bool {
        self.secret.place != SecretPlace::Prompt
    }

    fn warn_of_empty(&mut self, env: &Env) {
        let own = [&env::CELLS_CLIENT_ID]
            .into_iter()
            .chain(env::SECRET_VARIABLES);
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
                let source = SecretSource {
                    source: Source::Variable(secret),
                    place: SecretPlace::Value,
                };
                let name = format!("{}/{}", id.name, secret.name);
                if self.offer_pair(&name, Source::Variable(id), value, source)? {
                    self.base_url = family.base_url;
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

    /// Offers an id and the secret that belongs to it. Returns whether they are used: for both, or for the missing
    /// secret of the same id.
    fn offer_pair(
        &mut self,
        name: &str,
        id_source: Source,
        id: &OsStr,
        secret: SecretSource,
    ) -> Result<bool, Problem> {
        let why = match &self.client_id {
            Some(_) if self.has_secret() => Some(format!(
                "{} and {} take precedence",
                self.id_source, self.secret.source
            )),
            Some(own) if !is_same_id(id, own) => Some(format!(
                "its client id differs from that of {}",
                self.id_source
            )),
            None if matches!(self.secret.source, Source::Option(_)) => {
                Some(format!("it is not combined with {}", self.secret.source))
            }
            _ => None,
        };
        if let Some(why) = why {
            self.pass_over(name, why, false);
            return Ok(false);
        }
        if self.client_id.is_none() {
            self.client_id = Some(usable_id(id, &id_source)?);
            self.id_source = id_source;
            if self.has_secret() {
                let why = format!("{} is not set; using {name}", env::CELLS_CLIENT_ID.name);
                self.pass_over(self.secret.source.clone(), why, true);
            }
        }
        self.secret = secret;
        Ok(true)
    }

    fn pass_over(&mut self, source: impl ToString, why: impl Into<String>, is_suspicious: bool) {
        self.passed_over.push(PassedOver {
            source: source.to_string(),
            why: why.into(),
            is_suspicious,
        });
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
