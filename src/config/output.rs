//! The output format of `get`. Pure.

use crate::cli;
use crate::env;
use crate::output::Form;
use crate::problem::Problem;

const DEFAULT_ENV_NAME: &str = "CELLS_ACCESS_TOKEN";

/// The output format.
///
/// # Errors
/// As for [`env_name`], or if `--env-name` is given for another format.
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

/// The variable to set to the token.
///
/// # Errors
/// If its name is not valid, or if cells-token itself reads it.
pub fn env_name(flag: Option<&str>) -> Result<&str, Problem> {
    let name = flag.unwrap_or(DEFAULT_ENV_NAME);
    if !is_variable_name(name) {
        return Err(Problem::new(
            "the name given by --env-name is not a valid variable name",
            "use letters, digits and underscores, and no digit first, such as CELLS_ACCESS_TOKEN",
        ));
    }
    // Names are case-insensitive on Windows.
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
