//! Which source wins, which were passed over, and why. Pure: reads no file and asks nobody.
//!
//! A flag beats `CELLS_*`, which beats the names that the vendor's SDKs and documents use; those
//! count only as pairs, so that an id never meets the secret of another.

use super::{IdSource, SecretSource};
use crate::cli;
use crate::env::{self, Env, Variable};
use crate::oauth::ClientId;
use crate::problem::Problem;
use crate::report::Reporter;
use crate::secret::{self, ClientSecret};

pub(super) const ID_FLAG: &str = "--client-id";
pub(super) const SECRET_FLAG: &str = "--client-secret";
const SECRET_FILE_FLAG: &str = "--client-secret-file";

/// A pair of variables that the vendor's SDKs or documents taught users.
struct Family {
    id: &'static Variable,
    secret: &'static Variable,
    base_url: Option<&'static Variable>,
}

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

/// What will be used. Holds no secret.
#[derive(Debug)]
pub struct Selection {
    /// `None` if it has to be asked for.
    pub client_id: Option<ClientId>,
    /// Where the id comes from.
    pub id_source: IdSource,
    /// Where the secret comes from.
    pub secret: SecretSource,
    /// The variable with the base URL that belongs to the pair, if the pair has one.
    pub base_url: Option<&'static Variable>,
    /// Whether nobody may be asked.
    pub no_input: bool,
    /// Sources that were there and not used.
    pub passed_over: Vec<PassedOver>,
}

/// A source that was there and not used.
#[derive(Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// The option or variables.
    pub source: String,
    /// Why something else was used.
    pub why: String,
    /// Whether the user should hear of it unasked: it looks like a slip.
    pub surprising: bool,
}

impl Selection {
    /// Decides.
    ///
    /// # Errors
    /// If the source that won cannot be right, or two secrets are given at the same level.
    pub fn new(flags: &cli::Credentials, env: &Env) -> Result<Self, Problem> {
        let mut selection = Self {
            client_id: None,
            id_source: IdSource::Prompt,
            secret: SecretSource::Prompt,
            base_url: None,
            no_input: flags.no_input || env.flag(&env::CELLS_NO_INPUT) || env.is_set(&env::CI),
            passed_over: Vec::new(),
        };
        selection.take_id(flags, env)?;
        selection.take_secret(flags, env)?;
        for family in &FAMILIES {
            selection.consider(family, env)?;
        }
        Ok(selection)
    }

    /// Says which sources won and which were passed over.
    pub fn explain(&self, report: Reporter) {
        report.verbose(|| {
            format!(
                "the client id comes from {}, the secret from {}",
                self.id_source, self.secret
            )
        });
        for PassedOver {
            source,
            why,
            surprising,
        } in &self.passed_over
        {
            let text = || format!("passed over {source}: {why}");
            match surprising {
                true => report.warning(&text()),
                false => report.verbose(text),
            }
        }
    }

    /// Whether nothing is set, so that a person has to be asked for both.
    pub fn asks_for_all(&self) -> bool {
        self.client_id.is_none() && self.secret == SecretSource::Prompt
    }

    fn take_id(&mut self, flags: &cli::Credentials, env: &Env) -> Result<(), Problem> {
        if let Some(id) = &flags.client_id {
            self.client_id = Some(usable_id(id, ID_FLAG)?);
            self.id_source = IdSource::Flag;
            if env.is_set(&env::CELLS_CLIENT_ID) {
                self.pass_over(
                    env::CELLS_CLIENT_ID.name,
                    format!("{ID_FLAG} comes before it"),
                );
            }
        } else if let Some(id) = env.text(&env::CELLS_CLIENT_ID)? {
            self.client_id = Some(usable_id(id, env::CELLS_CLIENT_ID.name)?);
            self.id_source = IdSource::Env(&env::CELLS_CLIENT_ID);
        }
        Ok(())
    }

    fn take_secret(&mut self, flags: &cli::Credentials, env: &Env) -> Result<(), Problem> {
        let flag = flags.client_secret.as_ref().map(|_| SecretSource::Flag);
        let flag_file = flags
            .client_secret_file
            .as_ref()
            .map(|path| match path.as_os_str() {
                dash if dash == "-" => SecretSource::Stdin(SECRET_FILE_FLAG),
                _ => SecretSource::File(path.clone(), SECRET_FILE_FLAG),
            });
        let variable = env
            .is_set(&env::CELLS_CLIENT_SECRET)
            .then_some(SecretSource::Env(&env::CELLS_CLIENT_SECRET));
        let file_name = env::CELLS_CLIENT_SECRET_FILE.name;
        let variable_file = env
            .raw(&env::CELLS_CLIENT_SECRET_FILE)
            .map(|path| match path {
                dash if dash == "-" => SecretSource::Stdin(file_name),
                path => SecretSource::File(path.into(), file_name),
            });
        let level =
            |one: Option<SecretSource>, other: Option<SecretSource>, names: [&str; 2]| match (
                one, other,
            ) {
                (Some(_), Some(_)) => Err(Problem::new(
                    format!(
                        "two client secrets are named at once, by {} and {}",
                        names[0], names[1]
                    ),
                    format!("keep one of {} and {}", names[0], names[1]),
                )),
                (one, other) => Ok(one.or(other)),
            };
        if let Some(source) = level(flag, flag_file, [SECRET_FLAG, SECRET_FILE_FLAG])? {
            for variable in [&env::CELLS_CLIENT_SECRET, &env::CELLS_CLIENT_SECRET_FILE] {
                if env.is_set(variable) {
                    self.pass_over(variable.name, "an option comes before it");
                }
            }
            self.secret = source;
        } else if let Some(source) = level(
            variable,
            variable_file,
            [env::CELLS_CLIENT_SECRET.name, file_name],
        )? {
            self.secret = source;
        }
        if let (SecretSource::Flag, Some(secret)) = (&self.secret, &flags.client_secret) {
            check_flag(secret)?;
        }
        Ok(())
    }

    /// Takes the pair of a family, or says why not. A pair that is passed over may hold anything.
    fn consider(&mut self, family: &'static Family, env: &Env) -> Result<(), Problem> {
        let (id, secret) = (family.id.name, family.secret.name);
        match (env.is_set(family.id), env.is_set(family.secret)) {
            (true, true) => {}
            (true, false) => {
                self.pass_over(id, format!("{secret} is not set beside it"));
                return Ok(());
            }
            (false, true) => {
                self.pass_over(secret, format!("{id} is not set beside it"));
                return Ok(());
            }
            (false, false) => return Ok(()),
        }
        let names = format!("{id}/{secret}");
        let is_secret_missing = self.secret == SecretSource::Prompt;
        match &self.client_id {
            Some(_) if !is_secret_missing => {
                let why = format!(
                    "the client id comes from {}, the secret from {}",
                    self.id_source, self.secret
                );
                self.pass_over(&names, why);
            }
            Some(id) if !env.is(family.id, &id.0) => {
                let why = format!("its client id is not the one from {}", self.id_source);
                self.pass_over(&names, why);
            }
            Some(_) => self.take(family),
            None if is_named_by_flag(&self.secret) => {
                let source = &self.secret;
                let why =
                    format!("the secret comes from {source}, which belongs to no other client id");
                self.pass_over(&names, why);
            }
            None => {
                let familys_id = env.text(family.id)?.unwrap_or_default();
                self.client_id = Some(usable_id(familys_id, id)?);
                self.id_source = IdSource::Env(family.id);
                if !is_secret_missing {
                    let own = env::CELLS_CLIENT_ID.name;
                    self.passed_over.push(PassedOver {
                        source: self.secret.to_string(),
                        why: format!("{own} is not set beside it; {names} is used"),
                        surprising: true,
                    });
                }
                self.take(family);
            }
        }
        Ok(())
    }

    fn take(&mut self, family: &'static Family) {
        self.secret = SecretSource::Env(family.secret);
        self.base_url = family.base_url;
    }

    fn pass_over(&mut self, source: &str, why: impl Into<String>) {
        self.passed_over.push(PassedOver {
            source: source.to_owned(),
            why: why.into(),
            surprising: false,
        });
    }
}

fn is_named_by_flag(source: &SecretSource) -> bool {
    match source {
        SecretSource::Flag => true,
        SecretSource::File(_, named_by) | SecretSource::Stdin(named_by) => {
            *named_by == SECRET_FILE_FLAG
        }
        SecretSource::Env(_) | SecretSource::Prompt => false,
    }
}

fn usable_id(text: &str, source: &str) -> Result<ClientId, Problem> {
    let id = secret::without_line_ending(text);
    match secret::defect(id) {
        Some(defect) => Err(Problem::new(
            format!("the client id given by {source} {defect}"),
            format!("give the id that the dashboard shows to {source}"),
        )),
        None => Ok(ClientId(id.to_owned())),
    }
}

fn check_flag(secret: &ClientSecret) -> Result<(), Problem> {
    match secret.defect() {
        Some(defect) => Err(Problem::new(
            format!("the client secret given by {SECRET_FLAG} {defect}"),
            "give the secret that the dashboard shows, by CELLS_CLIENT_SECRET or a file rather than by an option",
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
