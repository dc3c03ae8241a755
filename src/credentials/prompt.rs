//! Asks for credentials on the terminal, never on standard output or input, which belong to the calling script.

use std::io;

use anyhow::Context as _;
use zeroize::Zeroizing;

use super::terminal::Terminal;
use crate::env::{self, Env, Variable};
use crate::error::{Error, Exit};
use crate::problem::Problem;

/// A question, and what is missing without an answer to it.
pub struct Question {
    text: &'static str,
    is_secret: bool,
    missing: &'static str,
    /// The variables that make the question unnecessary.
    variables: &'static [&'static Variable],
}

pub const CLIENT_ID: Question = Question {
    text: "Client ID: ",
    is_secret: false,
    missing: "no client id",
    variables: &[&env::CELLS_CLIENT_ID],
};

pub const CLIENT_SECRET: Question = Question {
    text: "Client secret (not shown): ",
    is_secret: true,
    missing: "no client secret",
    variables: &[&env::CELLS_CLIENT_SECRET],
};

/// Asks for the client id if the secret will be asked for too.
pub const CREDENTIALS: Question = Question {
    text: "No credentials found. Create an application at https://dashboard.aspose.cloud to get them.\nClient ID: ",
    is_secret: false,
    missing: "no credentials",
    variables: &[&env::CELLS_CLIENT_ID, &env::CELLS_CLIENT_SECRET],
};

/// Asks for one line; a secret without echo. The answer may end in a line ending.
///
/// # Errors
/// If there is no answer, or the terminal fails.
pub fn ask(question: &Question, no_input: bool, env: &Env) -> Result<Zeroizing<String>, Error> {
    let why = if no_input {
        "--no-input, CELLS_NO_INPUT or CI disables the prompt"
    } else if let Some(terminal) = Terminal::open() {
        let answer = match question.is_secret {
            true => terminal.ask_without_echo(question.text),
            false => terminal.ask(question.text),
        };
        match answer {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                let problem = Problem::new("interrupted", "run the command again");
                return Err(Error::Local(Exit::Interrupted, problem));
            }
            answer => match answer.context("cannot prompt on the terminal")? {
                Some(answer) => return Ok(answer),
                None => "the input ended",
            },
        }
    } else {
        "there is no terminal to prompt on"
    };
    let mut variables = question.variables.iter();
    let hint = match variables.find(|variable| env.is_empty(variable)) {
        Some(Variable { name, .. }) => {
            format!("{name} is set but empty: check where its value comes from")
        }
        None => {
            let names: Vec<_> = question.variables.iter().map(|set| set.name).collect();
            let names = names.join(" and ");
            format!("set {names}, or run cells-token login on a terminal")
        }
    };
    let what = format!("{} found, and {why}", question.missing);
    Err(Error::Local(Exit::NoCredentials, Problem::new(what, hint)))
}
