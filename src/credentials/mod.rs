//! Where the client id and the client secret come from: which source wins is decided by `Selection`,
//! which is pure; the secret is read later, and only if it is needed.

mod file;
mod prompt;
mod selection;
mod terminal;

use std::fmt;
use std::path::PathBuf;

pub use selection::Selection;

use crate::env::{self, Env, Variable};
use crate::error::Error;
use crate::oauth::ClientId;
use crate::problem::Problem;
use crate::secret::{self, ClientSecret};

const ID_QUESTION: &str = "Client ID: ";

/// For who has nothing yet: where the answers to the questions are.
const FIRST_RUN: &str =
    "No credentials are set. An application made at https://dashboard.aspose.cloud has them.";

/// Where the client id comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdSource {
    /// `--client-id`
    Flag,
    /// A variable.
    Env(&'static Variable),
    /// The terminal.
    Prompt,
}

/// Where the client secret comes from; never what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// `--client-secret`
    Flag,
    /// A variable.
    Env(&'static Variable),
    /// The file that an option or a variable named.
    File(PathBuf, &'static str),
    /// Standard input, as an option or a variable said.
    Stdin(&'static str),
    /// The terminal.
    Prompt,
}

impl fmt::Display for IdSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str(selection::ID_FLAG),
            Self::Env(variable) => f.write_str(variable.name),
            Self::Prompt => f.write_str("the prompt"),
        }
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str(selection::SECRET_FLAG),
            Self::Env(variable) => f.write_str(variable.name),
            Self::File(path, named_by) => write!(f, "the file {} ({named_by})", path.display()),
            Self::Stdin(named_by) => write!(f, "standard input ({named_by})"),
            Self::Prompt => f.write_str("the prompt"),
        }
    }
}

/// The client id of `selection`, asked for if need be.
///
/// # Errors
/// `Error::NoCredentials` if there is nobody to ask.
pub fn client_id(selection: &Selection) -> Result<ClientId, Error> {
    match &selection.client_id {
        Some(id) => Ok(id.clone()),
        None => {
            let missing = match selection.secret {
                SecretSource::Prompt => {
                    [env::CELLS_CLIENT_ID.name, env::CELLS_CLIENT_SECRET.name].as_slice()
                }
                _ => &[env::CELLS_CLIENT_ID.name],
            };
            let question = match selection.asks_for_all() {
                true => format!("{FIRST_RUN}\n{ID_QUESTION}"),
                false => ID_QUESTION.to_owned(),
            };
            let id = prompt::visible(&question, selection.no_input)
                .map_err(|error| error.explain(missing))?;
            match secret::defect(&id) {
                Some(defect) => Err(unusable(
                    &format!("the client id that was entered {defect}"),
                    missing,
                )),
                None => Ok(ClientId(id)),
            }
        }
    }
}

/// The client secret of `selection`, read from where it is.
///
/// # Errors
/// `Error::Usage` if the source that won cannot be read or holds no usable secret;
/// `Error::NoCredentials` if it would have to be asked for and there is nobody to ask.
pub fn client_secret(
    selection: &Selection,
    flag: Option<&ClientSecret>,
    env: &Env,
) -> Result<ClientSecret, Error> {
    let secret = match &selection.secret {
        SecretSource::Flag => flag.cloned(),
        SecretSource::Env(variable) => env.secret(variable).map_err(Error::Usage)?,
        SecretSource::File(path, _) => {
            Some(file::read(path, &selection.secret).map_err(Error::Usage)?)
        }
        SecretSource::Stdin(_) => Some(file::read_stdin(&selection.secret).map_err(Error::Usage)?),
        SecretSource::Prompt => {
            let missing = [env::CELLS_CLIENT_SECRET.name];
            let text = prompt::hidden("Client secret (not shown): ", selection.no_input)
                .map_err(|error| error.explain(&missing))?;
            let secret = ClientSecret::new(text);
            return match secret.defect() {
                Some(defect) => Err(unusable(
                    &format!("the client secret that was entered {defect}"),
                    &missing,
                )),
                None => Ok(secret),
            };
        }
    };
    let source = &selection.secret;
    let hint = format!("give the client secret as one line in {source}");
    match secret {
        None => Err(Error::Usage(Problem::new(
            format!("there is no client secret in {source}"),
            hint,
        ))),
        Some(secret) => match secret.defect() {
            Some(defect) => Err(Error::Usage(Problem::new(
                format!("the client secret in {source} {defect}"),
                hint,
            ))),
            None => Ok(secret),
        },
    }
}

fn unusable(what: &str, variables: &[&str]) -> Error {
    Error::NoCredentials(Problem::new(
        what,
        format!("enter it again, or set {}", variables.join(" and ")),
    ))
}
