//! Where the client id and the client secret come from. `Selection` decides it; the secret is read later, and only if it
//! is needed.

mod command;
mod file;
#[cfg_attr(not(feature = "keyring"), path = "no_keyring.rs")]
mod keyring;
mod prompt;
pub mod saved;
mod selection;
mod terminal;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::{fmt, mem};

pub use selection::Selection;

use self::file::SIZE_LIMIT;
use crate::env::{Env, Variable};
use crate::error::{Error, Exit};
use crate::input;
use crate::oauth::ClientId;
use crate::problem::Problem;
use crate::profile::ProfileName;
use crate::secret::{self, ClientSecret};
use crate::time::Deadline;

/// What gave a client id or secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// An option.
    Option(&'static str),
    /// A variable.
    Variable(&'static Variable),
    /// A profile.
    Profile(ProfileName),
    /// The terminal.
    #[default]
    Prompt,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(name) => f.write_str(name),
            Self::Variable(variable) => f.write_str(variable.name),
            Self::Profile(name) => write!(f, "the profile {name}"),
            Self::Prompt => f.write_str("the prompt"),
        }
    }
}

/// Where the client secret is. Never holds the secret itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretSource {
    /// What named the place.
    pub source: Source,
    /// The place.
    pub place: SecretPlace,
}

/// The kinds of places that a client secret is read from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SecretPlace {
    /// The value of the option or variable.
    Value,
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
    /// The output of a shell command.
    Command(OsString),
    /// The operating system's keyring.
    Keyring(ProfileName),
    /// The answer of a person.
    #[default]
    Prompt,
}

impl SecretPlace {
    /// What a path means as the place of a secret: `-` is standard input.
    fn of_path(path: &Path) -> Self {
        match path.as_os_str() == "-" {
            true => Self::Stdin,
            false => Self::File(path.to_owned()),
        }
    }

    /// Whether the secret can be read any number of times without bothering a person. A pipe can be read only once, such
    /// as that of a shell's `<(command)`.
    pub fn is_rereadable(&self) -> bool {
        match self {
            Self::Value => true,
            Self::File(path) => path.metadata().map_or(true, |file| file.is_file()),
            _ => false,
        }
    }
}

impl SecretSource {
    /// Whether reading the secret may bother a person, so that it is read only if a request is needed.
    pub fn is_interactive(&self) -> bool {
        matches!(
            self.place,
            SecretPlace::Command(_) | SecretPlace::Keyring(_) | SecretPlace::Prompt
        )
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = &self.source;
        match &self.place {
            SecretPlace::Value | SecretPlace::Prompt => source.fmt(f),
            SecretPlace::File(path) => write!(f, "the file {} ({source})", path.display()),
            SecretPlace::Stdin => write!(f, "standard input ({source})"),
            SecretPlace::Command(_) => write!(f, "the command of {source}"),
            SecretPlace::Keyring(_) => write!(f, "the keyring ({source})"),
        }
    }
}

/// The client id of `selection`; prompts for it if need be.
///
/// # Errors
/// `Exit::NoCredentials` if it is missing and cannot be prompted for.
pub fn client_id(selection: &Selection, env: &Env) -> Result<ClientId, Error> {
    if let Some(id) = &selection.client_id {
        return Ok(id.clone());
    }
    let question = match selection.is_empty() {
        true => prompt::CREDENTIALS,
        false => prompt::CLIENT_ID,
    };
    let id = prompt::ask(&question, selection.no_input, env)?;
    usable_id(OsStr::new(&*id), &Source::Prompt)
        .map_err(|problem| Error::Local(Exit::NoCredentials, problem))
}

/// Reads the client secret of `selection` from where it is. A prompt or command may take longer than the deadline.
///
/// # Errors
/// `Exit::NoCredentials` if the source is interactive, else `Exit::Usage`.
pub fn client_secret(
    selection: &Selection,
    option: Option<&ClientSecret>,
    env: &Env,
    deadline: Deadline,
) -> Result<ClientSecret, Error> {
    let source = &selection.secret;
    let exit = match source.is_interactive() {
        true => Exit::NoCredentials,
        false => Exit::Usage,
    };
    let error = |problem| Error::Local(exit, problem);
    let secret = match &source.place {
        SecretPlace::Value => match source.source {
            Source::Variable(variable) => env.secret(variable),
            _ => Ok(option.cloned()),
        }
        .map(|value| value.unwrap_or_else(|| ClientSecret::new(String::new()))),
        SecretPlace::File(path) => file::parse(input::read(path, SIZE_LIMIT, deadline), source),
        SecretPlace::Stdin => file::read_stdin(source, deadline),
        SecretPlace::Command(command) => command::run(command, source),
        SecretPlace::Keyring(name) => keyring::read(name).map_err(|why| {
            Problem::new(
                format!("cannot read the client secret from {source}: {why}"),
                format!("unlock the keyring, or run cells-token login --profile {name} again"),
            )
        }),
        SecretPlace::Prompt => {
            let mut text = prompt::ask(&prompt::CLIENT_SECRET, selection.no_input, env)?;
            Ok(ClientSecret::new(mem::take(&mut text)))
        }
    };
    let secret = secret.map_err(error)?;
    match secret.defect() {
        None => Ok(secret),
        Some(defect) => Err(error(unusable("client secret", source, defect))),
    }
}

/// Checks a client id that `source` gave.
fn usable_id(text: &OsStr, source: &Source) -> Result<ClientId, Problem> {
    let problem = |defect| unusable("client id", source, defect);
    let text = text.to_str().ok_or_else(|| problem("is not UTF-8"))?;
    let id = secret::without_line_ending(text);
    match secret::defect(id) {
        Some(defect) => Err(problem(defect)),
        None => Ok(ClientId(id.to_owned())),
    }
}

fn unusable(what: &str, source: &dyn fmt::Display, defect: &str) -> Problem {
    Problem::new(
        format!("the {what} from {source} {defect}"),
        format!("give the {what} as a single line, as the dashboard shows it"),
    )
}
