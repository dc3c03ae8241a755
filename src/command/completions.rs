//! `completions`: prints a shell completion script.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::{self, Cli};
use crate::error::Error;
use crate::output;

/// Where the generated script begins to tell the commands apart.
const BASH_CASES: &str = "    case \"${cmd}\" in\n";

/// clap_complete completes nothing after `--`, where `run` and `sandbox` expect a command.
const BASH_COMMAND: &str = r#"    if [[ ${prev} == -- ]] ; then
        COMPREPLY=( $(compgen -c -- "${cur}") )
        return 0
    fi

"#;

const BASH_PROFILE: &str = r#"                --profile)
                    COMPREPLY=($(compgen -f "${cur}"))"#;

/// Prints the names of the profiles.
const PROFILES: &str =
    r#"cells-token status 2>/dev/null | sed -n "s/^profile  *\([A-Za-z0-9._-]*\).*/\1/p""#;

/// As [`BASH_COMMAND`].
const FISH_COMMAND: &str = r#"complete -c cells-token -n "__fish_seen_subcommand_from run sandbox; and contains -- -- (commandline -opc)" -f -a "(__fish_complete_command)"
"#;

/// Prints the script for the given shell.
///
/// # Errors
/// If standard output cannot be written.
#[inline(never)]
pub fn run(args: &cli::Completions) -> Result<(), Error> {
    Ok(output::write_stdout(script(args.shell).trim_end())?)
}

/// The script for a shell.
pub fn script(shell: Shell) -> String {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, &name, &mut script);
    let script = String::from_utf8_lossy(&script);
    match shell {
        // The script sets one label and looks for another where the name has a hyphen, and so completes nothing after a
        // command (https://github.com/clap-rs/clap/issues/6421).
        Shell::Bash => script
            .replace(&name.replace('-', "__subcmd__"), &name.replace('-', "__"))
            .replacen(BASH_CASES, &format!("{BASH_COMMAND}{BASH_CASES}"), 1)
            .replace(
                BASH_PROFILE,
                &BASH_PROFILE.replace("-f ", &format!(r#"-W "$({PROFILES})" -- "#)),
            ),
        Shell::Zsh => edit_lines(&script, "'--profile=", |line| {
            line.replace(":_default'", &format!(":{{compadd -- $({PROFILES})}}'"))
        }),
        Shell::Fish => {
            let names = format!(" -f -a '({PROFILES})'");
            edit_lines(&script, " -l profile ", |line| format!("{line}{names}")) + FISH_COMMAND
        }
        _ => script.into_owned(),
    }
}

/// Applies `edit` to the lines that contain `marker`.
fn edit_lines(script: &str, marker: &str, edit: impl Fn(&str) -> String) -> String {
    let line = |line: &str| match line.contains(marker) {
        true => edit(line) + "\n",
        false => format!("{line}\n"),
    };
    script.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fish_finds_no_variable_in_a_description() {
        let mut root = Cli::command();
        root.build();
        for command in root.get_subcommands() {
            for argument in command.get_arguments() {
                for value in argument.get_possible_values() {
                    let help = value.get_help().map(ToString::to_string);
                    assert!(!help.unwrap_or_default().contains('$'), "{value:?}");
                }
            }
        }
    }
}
