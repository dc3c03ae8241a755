//! Generates the files that follow from the command line and the tables of variables and exit codes: `completions/`,
//! `man/` and `docs/reference.md`. They are checked in, so that packages can be built without running anything; the
//! tests fail when a file is out of date.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use clap::builder::StyledStr;
use clap::{Command, CommandFactory as _, ValueEnum as _};
use clap_complete::{Generator as _, Shell};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::{Cli, WIDTH};
use crate::command::completions;
use crate::env::VARIABLES;
use crate::error::Exit;

/// The command that brings the files up to date.
const UPDATE: &str = "CELLS_TOKEN_BLESS=1 cargo test --bin cells-token generated";

/// The date in the man pages.
const DATE: &str = "2026-11-27";

const ENVIRONMENT: &str = "An option overrides its variable. An empty variable counts as unset. The variables of the \
    vendor's SDKs come last, and only as a pair of a client ID and its secret.";

/// The files that the program writes.
const FILES: &[(&str, &str)] = &[
    (
        "~/.cache/cells-token",
        "The token cache, readable by its owner only. It never holds the client secret. Located in $XDG_CACHE_HOME if \
        that is set, in ~/Library/Caches on macOS and in %LOCALAPPDATA% on Windows.",
    ),
    (
        "~/.config/cells-token/profiles.json",
        "The profiles, which may be edited: {\"version\": 1, \"default\": \"NAME\", \"profiles\": {\"NAME\": \
        {\"client_id\": \"...\", \"secret\": WHERE}}}. WHERE is \"keyring\", \"stored\", {\"file\": \"PATH\"} or \
        {\"command\": \"COMMAND\"}. A profile may also have base_url or token_url, allow_http (true), ca_cert and proxy, \
        with the meaning of the options. The file never holds a secret. Located in $XDG_CONFIG_HOME if that is set, in \
        ~/Library/Application Support on macOS and in %APPDATA% on Windows.",
    ),
    (
        "~/.config/cells-token/secrets/NAME",
        "The client secret of a profile saved with login --store file. Readable by its owner only, not encrypted.",
    ),
];

const EXIT_CODES: &[(Exit, &str)] = &[
    (Exit::Success, "Success."),
    (
        Exit::Unexpected,
        "Unexpected failure, including failures of standard output and the keyring.",
    ),
    (Exit::Usage, "Invalid options, variables, profiles or URLs."),
    (
        Exit::NoCredentials,
        "No usable credentials, and no terminal to prompt on.",
    ),
    (Exit::Refused, "The service refused the credentials."),
    (
        Exit::Unreachable,
        "The service cannot be reached (DNS, connection, TLS, proxy, timeout); retrying may help.",
    ),
    (
        Exit::Unavailable,
        "The service is unavailable or limits the request rate, even after retries; retry later.",
    ),
    (Exit::Invalid, "The answer is not a token response."),
    (
        Exit::BeforeCommand,
        "run or sandbox failed itself, usage errors included.",
    ),
    (
        Exit::CannotRun,
        "run or sandbox cannot execute the command.",
    ),
    (Exit::NotFound, "run or sandbox cannot find the command."),
    (Exit::Interrupted, "Interrupted."),
];

#[test]
fn generated_completions_are_up_to_date() {
    let shells = Shell::value_variants().iter();
    let script = |shell: &Shell| (shell.file_name("cells-token"), completions::script(*shell));
    compare("completions", shells.map(script));
}

#[test]
fn generated_man_pages_are_up_to_date() {
    let root = all_commands();
    let commands = root.get_subcommands().map(|command| {
        let name = format!("cells-token-{}.1", command.get_name());
        (name, command_page(command))
    });
    compare(
        "man",
        commands.chain([("cells-token.1".into(), main_page(&root))]),
    );
}

#[test]
fn the_generated_reference_is_up_to_date() {
    compare_file("docs/reference.md".as_ref(), &reference());
}

/// The command line with all commands described.
fn all_commands() -> Command {
    let mut root = Cli::command();
    root.build();
    root
}

/// Fails if a directory has other files than these, which are given by name and contents.
fn compare(directory: &str, files: impl Iterator<Item = (String, String)>) {
    let paths: BTreeSet<PathBuf> = files
        .map(|(name, text)| compare_file(&Path::new(directory).join(name), &text))
        .collect();
    let found = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)).unwrap();
    let found: BTreeSet<PathBuf> = found.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(found, paths, "files that nothing generates");
}

/// Fails if a generated file is out of date, or updates it if `CELLS_TOKEN_BLESS` is set. Returns its absolute path.
#[expect(
    clippy::disallowed_methods,
    reason = "a test writes to the source tree at the developer's request"
)]
fn compare_file(path: &Path, text: &str) -> PathBuf {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("CELLS_TOKEN_BLESS").is_some() {
        fs::write(&file, text).unwrap();
    }
    assert!(
        fs::read_to_string(&file).is_ok_and(|current| current == text),
        "{} is out of date; to update it: {UPDATE}",
        path.display()
    );
    file
}

/// The page of the program, with what all commands have in common.
fn main_page(root: &Command) -> String {
    let mut section = Roff::new();
    section
        .control("SH", ["ENVIRONMENT"])
        .text([roman(ENVIRONMENT)]);
    for variable in VARIABLES {
        definition(&mut section, variable.name, variable.about);
    }
    section.control("SH", ["FILES"]);
    for (path, about) in FILES {
        definition(&mut section, path, about);
    }
    section.control("SH", ["EXIT STATUS"]);
    for (exit, about) in EXIT_CODES {
        definition(&mut section, &(*exit as u8).to_string(), about);
    }
    page(root) + &section.render()
}

fn definition(section: &mut Roff, term: &str, about: &str) {
    section
        .control("TP", [])
        .text([bold(term)])
        .text([roman(about)]);
}

fn command_page(command: &Command) -> String {
    page(command) + ".SH \"SEE ALSO\"\n\\fBcells\\-token\\fR(1)\n"
}

/// Name, synopsis, description, options, subcommands and examples of a command.
fn page(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let about = text(command.get_long_about());
    // The first paragraph is in the NAME section already.
    let (_, description) = about.split_once("\n\n").unwrap_or_default();
    let examples = text(command.get_before_help());
    let command = command
        .clone()
        .override_usage(usage.trim_start_matches("Usage: ").to_owned())
        .long_about(description.to_owned())
        .subcommand_help_heading("COMMANDS")
        .after_help(None::<&str>)
        .version(None::<&str>)
        .mut_args(|arg| arg.hide_short_help(false));
    let man = Man::new(command)
        .date(DATE)
        .source(concat!("cells-token ", env!("CARGO_PKG_VERSION")))
        .manual("cells-token");
    let mut page = Vec::new();
    man.render(&mut page).unwrap();
    let mut section = Roff::new();
    section.control("SH", ["EXAMPLES"]).control("nf", []);
    for line in examples.lines().skip(1) {
        section.text([roman(line.trim_start())]);
    }
    section.control("fi", []);
    section.to_writer(&mut page).unwrap();
    // mandoc warns of a line break beside an empty line.
    String::from_utf8(page)
        .unwrap()
        .replace("\n.br\n\n.br\n", "\n.sp\n")
}

/// All help texts, variables, files and exit codes on one page.
fn reference() -> String {
    let mut page = "\
# Reference

Generated from the program: the text of `--help`, the environment variables, the files and the exit codes.
The man pages say the same.
"
    .to_owned();
    for command in all_commands().get_subcommands() {
        let help = command.clone().term_width(WIDTH).render_long_help();
        write!(page, "\n## {}\n\n```text\n", command.get_name()).unwrap();
        for line in help.to_string().lines() {
            writeln!(page, "{}", line.trim_end()).unwrap();
        }
        page.push_str("```\n");
    }
    let variables = VARIABLES.iter();
    let variables = variables.map(|variable| (variable.name.to_owned(), variable.about));
    let files = FILES
        .iter()
        .map(|(path, about)| ((*path).to_owned(), *about));
    let codes = EXIT_CODES.iter();
    let codes = codes.map(|(exit, about)| ((*exit as u8).to_string(), *about));
    write!(page, "\n## Environment variables\n\n{ENVIRONMENT}\n").unwrap();
    table(&mut page, ["Variable", "Meaning"], variables);
    page.push_str("\n## Files\n");
    table(&mut page, ["Path", "Contents"], files);
    page.push_str("\n## Exit codes\n");
    table(&mut page, ["Code", "Meaning"], codes);
    page
}

fn table<'a>(page: &mut String, head: [&str; 2], rows: impl Iterator<Item = (String, &'a str)>) {
    write!(page, "\n| {} | {} |\n|---|---|\n", head[0], head[1]).unwrap();
    for (name, meaning) in rows {
        writeln!(page, "| `{name}` | {meaning} |").unwrap();
    }
}

fn text(styled: Option<&StyledStr>) -> String {
    styled.map(StyledStr::to_string).unwrap_or_default()
}
