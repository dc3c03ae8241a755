//! Describes a command line that clap rejected, in the program's own error format. What the user typed is never
//! repeated, because it may be a misplaced secret; the suggestions come from the table of commands and options.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::problem::Problem;

/// The error and the hint for a command line that clap rejected.
pub fn explain(error: &clap::Error) -> Problem {
    let texts = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => std::slice::from_ref(text),
        Some(ContextValue::Strings(texts)) => texts,
        _ => &[],
    };
    let first = |kind| texts(kind).first().map(String::as_str);
    // clap sorts them by similarity: the last is the nearest.
    let nearest = |kind| texts(kind).last();
    let suggestion = nearest(ContextKind::SuggestedSubcommand)
        .or(nearest(ContextKind::SuggestedArg))
        .or(nearest(ContextKind::SuggestedValue));

    let typed = first(ContextKind::InvalidArg).unwrap_or_default();
    // Except for an unknown argument, this is the name from the table of options, such as `--output <FORMAT>`.
    let argument = name(typed);
    let what = match error.kind() {
        ErrorKind::MissingSubcommand => "no command given".into(),
        ErrorKind::InvalidSubcommand => "unknown command".into(),
        ErrorKind::UnknownArgument if typed.starts_with('-') => "unknown option".into(),
        ErrorKind::UnknownArgument => "unexpected argument".into(),
        ErrorKind::MissingRequiredArgument => format!("{argument} is missing"),
        ErrorKind::ArgumentConflict => match first(ContextKind::PriorArg).map(name) {
            Some(other) if other != argument => {
                format!("{argument} and {other} cannot be used together")
            }
            _ => format!("{argument} is given more than once"),
        },
        ErrorKind::InvalidValue if first(ContextKind::InvalidValue) == Some("") => {
            format!("{argument} needs a value")
        }
        ErrorKind::InvalidValue => format!("invalid value for {argument}"),
        ErrorKind::TooManyValues => format!("{argument} takes no value"),
        ErrorKind::InvalidUtf8 => "an argument is not valid UTF-8".into(),
        _ => "invalid command line".into(),
    };
    let what = match suggestion {
        Some(name) => format!("{what}; did you mean \"{name}\"?"),
        None => what,
    };

    let usage = match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => usage.to_string(),
        _ => "Usage: cells-token".into(),
    };
    let values = texts(ContextKind::ValidValue);
    let hint = match error.kind() {
        ErrorKind::MissingSubcommand => {
            "run cells-token get, or cells-token --help for usage".into()
        }
        ErrorKind::UnknownArgument if !typed.starts_with('-') && usage.contains("-- <CMD>") => {
            "put -- before the command to run".into()
        }
        _ if !values.is_empty() => format!("use one of {}", values.join(", ")),
        _ => format!("run {} --help", command(&usage)),
    };
    Problem::new(what, hint)
}

/// `--name` of `--name <VALUE>`, `<NAME>` of `<NAME>...`.
fn name(argument: &str) -> &str {
    argument.split([' ', '=', '.']).next().unwrap_or_default()
}

/// The command that a usage line is about: `cells-token get` of `Usage: cells-token get [OPTIONS]`.
fn command(usage: &str) -> String {
    let words = usage.split(' ').skip(1);
    let names = words.take_while(|word| word.starts_with(|c: char| c.is_ascii_lowercase()));
    names.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn a_rejected_command_line_is_described_without_what_was_typed() {
        const HELP: &str = "run cells-token --help";
        const GET_HELP: &str = "run cells-token get --help";
        const FORMATS: &str = "use one of raw, json, header, env";
        const SEPARATOR: &str = "put -- before the command to run";
        let rows: &[(&[&str], &str, &str)] = &[
            (
                &[],
                "no command given",
                "run cells-token get, or cells-token --help for usage",
            ),
            (&["hush"], "unknown command", HELP),
            (&["got"], "unknown command; did you mean \"get\"?", HELP),
            (
                &["forgt"],
                "unknown command; did you mean \"forget\"?",
                HELP,
            ),
            (&["--hush", "get"], "unknown option", HELP),
            (&["get", "--hush"], "unknown option", GET_HELP),
            (&["get", "-phush"], "unknown option", GET_HELP),
            (
                &["get", "--client-di", "hush"],
                "unknown option; did you mean \"--client-id\"?",
                GET_HELP,
            ),
            (
                &["get", "--client-secrethush"],
                "unknown option; did you mean \"--client-secret\"?",
                GET_HELP,
            ),
            (&["get", "hush"], "unexpected argument", GET_HELP),
            (&["run", "hush"], "unexpected argument", SEPARATOR),
            (&["run"], "<CMD> is missing", "run cells-token run --help"),
            (
                &["get", "-q", "-v"],
                "--quiet and --verbose cannot be used together",
                GET_HELP,
            ),
            (
                &["get", "--timeout=1", "--timeout=hush"],
                "--timeout is given more than once",
                GET_HELP,
            ),
            (&["get", "--timeout"], "--timeout needs a value", HELP),
            (&["get", "--quiet=hush"], "--quiet takes no value", GET_HELP),
            (&["get", "-o"], "--output needs a value", FORMATS),
            (
                &["get", "-o", "hush"],
                "invalid value for --output",
                FORMATS,
            ),
            (
                &["get", "-o", "jsn"],
                "invalid value for --output; did you mean \"json\"?",
                FORMATS,
            ),
        ];
        for (arguments, what, hint) in rows {
            let error = Cli::try_parse_from([&["cells-token"], *arguments].concat()).unwrap_err();
            assert_eq!(explain(&error), Problem::new(*what, *hint), "{arguments:?}");
        }
    }
}
