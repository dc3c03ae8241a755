//! clap's refusals in our own verbosity. A value is never repeated: it may be a secret in the wrong place.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::problem::Problem;

const SEE_HELP: &str = "see cells-token --help";

/// The sentence and the hint for a command line that clap refused.
pub fn explain(error: &clap::Error) -> Problem {
    let named = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        Some(ContextValue::Strings(texts)) => texts.first().map(String::as_str),
        _ => None,
    };
    if error.kind() == ErrorKind::UnknownArgument
        && named(ContextKind::InvalidArg).is_some_and(may_hold_a_secret)
    {
        return Problem::new(
            "there is no such option (not repeated here, it may hold a secret)",
            "a value stands apart from its option; give the secret by CELLS_CLIENT_SECRET or --client-secret-file",
        );
    }
    let argument = named(ContextKind::InvalidArg).and_then(|shown| match error.kind() {
        // What the user wrote, which may be anything.
        ErrorKind::UnknownArgument => option_name(shown),
        // What the table of options says, <SHELL> for instance.
        _ => option_name(shown).or(Some(shown).filter(|shown| shown.starts_with('<'))),
    });
    let hint = [
        ContextKind::SuggestedArg,
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedValue,
    ]
    .into_iter()
    .find_map(named)
    .map_or(SEE_HELP.to_owned(), |suggestion| {
        format!("did you mean {suggestion}?")
    });
    let what = match (error.kind(), argument) {
        (ErrorKind::UnknownArgument, Some(option)) => format!("there is no option {option}"),
        (ErrorKind::UnknownArgument, None) => {
            let hint = format!("{SEE_HELP}; a command to run comes after --");
            let what = "there is one argument too many (not repeated here, it may be a secret)";
            return Problem::new(what, hint);
        }
        (ErrorKind::InvalidSubcommand, _) => {
            "there is no such command (not repeated here, it may be a secret)".to_owned()
        }
        (ErrorKind::ArgumentConflict, Some(option)) => {
            match named(ContextKind::PriorArg).and_then(option_name) {
                Some(other) if other != option => {
                    format!("{option} and {other} cannot be given together")
                }
                _ => format!("{option} is given more than once"),
            }
        }
        (
            ErrorKind::InvalidValue | ErrorKind::NoEquals | ErrorKind::WrongNumberOfValues,
            Some(option),
        ) => {
            let values = match error.get(ContextKind::ValidValue) {
                Some(ContextValue::Strings(values)) if !values.is_empty() => {
                    format!(" (one of {})", values.join(", "))
                }
                _ => String::new(),
            };
            match named(ContextKind::InvalidValue) {
                Some("") | None => format!("{option} needs a value{values}"),
                Some(_) => format!("{option} was given a value that it does not have{values}"),
            }
        }
        (ErrorKind::MissingRequiredArgument, Some(argument)) => format!("{argument} is missing"),
        (ErrorKind::MissingSubcommand, _) => {
            let hint =
                "usage: cells-token COMMAND [OPTIONS], such as cells-token get; see cells-token -h";
            return Problem::new("no command was given", hint);
        }
        (ErrorKind::InvalidUtf8, _) => "an argument is not UTF-8".to_owned(),
        (_, Some(option)) => format!("{option} is not used as it should be"),
        (_, None) => "the command line is not as it should be".to_owned(),
    };
    Problem::new(what, hint)
}

/// Whether a secret may be glued to the option that it belongs to.
fn may_hold_a_secret(shown: &str) -> bool {
    shown.starts_with("--client-secret") && !"--client-secret-file".starts_with(shown)
}

/// `--name` out of what clap says of an argument, which may go on with a value.
fn option_name(shown: &str) -> Option<&str> {
    let end = shown.find(['=', ' ']).unwrap_or(shown.len());
    Some(&shown[..end]).filter(|name| name.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn a_refusal_names_the_option_and_no_value() {
        for (arguments, what, hint) in [
            (
                &["get", "--hush"][..],
                "there is no option --hush",
                SEE_HELP,
            ),
            (
                &["get", "--client-di", "hush"],
                "there is no option --client-di",
                "did you mean --client-id?",
            ),
            (
                &["get", "--client-secrethush"],
                "there is no such option",
                "CELLS_CLIENT_SECRET",
            ),
            (
                &["get", "--client-secret-fil", "hush"],
                "there is no option --client-secret-fil",
                "did you mean --client-secret-file?",
            ),
            (&["get", "hush"], "one argument too many", SEE_HELP),
            (&["hush"], "there is no such command", SEE_HELP),
            (&["got"], "there is no such command", "did you mean get?"),
            (&["get", "-q", "-v"], "cannot be given together", SEE_HELP),
            (
                &["get", "--timeout=1", "--timeout=hush"],
                "--timeout is given more than once",
                SEE_HELP,
            ),
            (&["get", "--timeout"], "--timeout needs a value", SEE_HELP),
            (
                &["get", "-o"],
                "--output needs a value (one of raw, json, header, env)",
                SEE_HELP,
            ),
            (
                &["get", "-o", "hush"],
                "--output was given a value that it does not have (one of raw, json, header, env)",
                SEE_HELP,
            ),
            (
                &["get", "-o", "jsn"],
                "--output was given",
                "did you mean json?",
            ),
            (&["get", "--quiet=hush"], "--quiet", SEE_HELP),
            (&[], "no command was given", "cells-token -h"),
        ] {
            let error = Cli::try_parse_from([&["cells-token"], arguments].concat()).unwrap_err();
            let problem = explain(&error);
            assert!(problem.what.contains(what), "{arguments:?}: {problem:?}");
            assert!(problem.hint.contains(hint), "{arguments:?}: {problem:?}");
            let is_option = arguments.contains(&"--hush");
            assert!(is_option || !problem.what.contains("hush"), "{problem:?}");
        }
    }
}
