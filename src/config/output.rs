//! From options to what stands on standard output. Pure.

use crate::cli;
use crate::env;
use crate::output::Form;
use crate::problem::Problem;

const DEFAULT_ENV_NAME: &str = "CELLS_ACCESS_TOKEN";

/// What is printed.
///
/// # Errors
/// If `-o env` shall set a variable that nobody can set or that cells-token itself reads, or if a
/// variable is named for a format that sets none.
pub fn form(flags: &cli::Output) -> Result<Form<'_>, Problem> {
    match (flags.output.unwrap_or_default(), flags.env_name.as_deref()) {
        (cli::Format::Env, name) => Ok(Form::Env(env_name(name)?)),
        (_, Some(_)) => Err(Problem::new(
            "--env-name is given, but the output format has no variable name",
            "add -o env, or leave out --env-name",
        )),
        (cli::Format::Raw, None) => Ok(Form::Raw),
        (cli::Format::Json, None) => Ok(Form::Json),
        (cli::Format::Header, None) => Ok(Form::Header),
    }
}

/// The variable that holds the token.
///
/// # Errors
/// If nobody can set a variable of that name, or if cells-token itself reads it.
pub fn env_name(flag: Option<&str>) -> Result<&str, Problem> {
    let name = flag.unwrap_or(DEFAULT_ENV_NAME);
    if !is_variable_name(name) {
        return Err(Problem::new(
            "the name given by --env-name is not a valid variable name",
            "use letters, digits and underscores, and no digit first, such as CELLS_ACCESS_TOKEN",
        ));
    }
    // Windows does not tell capitals from small letters.
    let mut own = env::VARIABLES.iter().map(|variable| variable.name);
    match own.find(|own| own.eq_ignore_ascii_case(name)) {
        Some(own) => Err(Problem::new(
            format!("--env-name names {own}, which cells-token reads itself"),
            "choose another name",
        )),
        None => Ok(name),
    }
}

fn is_variable_name(name: &str) -> bool {
    let may_come_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(may_come_first)
        && name
            .chars()
            .all(|c| may_come_first(c) || c.is_ascii_digit())
}
