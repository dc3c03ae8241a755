//! Generates the files that follow from the command line and the tables of variables and exit codes: `completions/`,
//! `man/` and `docs/reference.md`. They are checked in, so that packages can be built without running anything; the
//! tests here fail when a file is out of date.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use clap::builder::StyledStr;
use clap::{Command, CommandFactory as _, ValueEnum as _};
use clap_complete::{Generator as _, Shell};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::cli::{Cli, WIDTH};
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

/// Contents by file name.
type Files = BTreeMap<OsString, String>;

#[test]
fn completions_are_up_to_date() {
    let shells = Shell::value_variants().iter();
    let script = |shell: &Shell| {
        let name = shell.file_name("cells-token");
        (name.into(), completions::script(*shell))
    };
    compare("completions", &shells.map(script).collect());
}

#[test]
fn man_pages_are_up_to_date() {
    let root = command();
    let mut pages = Files::from([("cells-token.1".into(), main_page(&root))]);
    for command in root.get_subcommands() {
        let mut page = man_page(command);
        see_also(&mut page, &["cells-token".into()]);
        let name = format!("cells-token-{}.1", command.get_name());
        pages.insert(name.into(), page);
    }
    compare("man", &pages);
}

#[test]
fn the_reference_is_up_to_date() {
    compare_file(Path::new("docs/reference.md"), &reference());
}

/// The command line with all commands described.
fn command() -> Command {
    let mut root = Cli::command();
    root.build();
    root
}

/// Fails if a directory of generated files is out of date.
fn compare(directory: &str, files: &Files) {
    let directory = Path::new(directory);
    for (name, text) in files {
        compare_file(&directory.join(name), text);
    }
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)).unwrap() {
        let entry = entry.unwrap();
        assert!(
            files.contains_key(&entry.file_name()),
            "nothing generates {}",
            entry.path().display()
        );
    }
}

/// Fails if a generated file is out of date, or updates it if `CELLS_TOKEN_BLESS` is set.
#[expect(
    clippy::disallowed_methods,
    reason = "a test writes to the source tree at the developer's request"
)]
fn compare_file(path: &Path, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("CELLS_TOKEN_BLESS").is_some() {
        fs::write(&file, text).unwrap();
    }
    assert!(
        fs::read_to_string(&file).is_ok_and(|current| current == text),
        "{} is out of date; to update it: {UPDATE}",
        path.display()
    );
}

/// The page of the program, with what all commands have in common.
fn main_page(root: &Command) -> String {
    let mut page = man_page(root);
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
    for exit in Exit::ALL {
        definition(&mut section, &(*exit as u8).to_string(), exit.about());
    }
    page.push_str(&section.render());
    let commands = root.get_subcommands();
    let names: Vec<_> = commands
        .map(|command| format!("cells-token-{}", command.get_name()))
        .collect();
    see_also(&mut page, &names);
    page
}

/// Name, synopsis, description, options and examples of a command.
fn man_page(command: &Command) -> String {
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
        .mut_args(|arg| arg.hide_short_help(false));
    let has_commands = command.has_subcommands();
    let man = Man::new(command)
        .date(DATE)
        .source(concat!("cells-token ", env!("CARGO_PKG_VERSION")))
        .manual("cells-token");
    let mut page = Vec::new();
    man.render_title(&mut page).unwrap();
    man.render_name_section(&mut page).unwrap();
    man.render_synopsis_section(&mut page).unwrap();
    man.render_description_section(&mut page).unwrap();
    if has_commands {
        man.render_subcommands_section(&mut page).unwrap();
    }
    man.render_options_section(&mut page).unwrap();
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

fn definition(section: &mut Roff, term: &str, about: &str) {
    section
        .control("TP", [])
        .text([bold(term)])
        .text([roman(about)]);
}

fn see_also(page: &mut String, names: &[String]) {
    let mut section = Roff::new();
    section.control("SH", ["SEE ALSO"]);
    let references = names.iter().enumerate().flat_map(|(i, name)| {
        let separator = if i == 0 { "" } else { ", " };
        [roman(separator), bold(name), roman("(1)")]
    });
    section.text(references.collect::<Vec<_>>());
    page.push_str(&section.render());
}

/// All help texts, variables, files and exit codes on one page.
fn reference() -> String {
    let mut page = "\
# Reference

Generated from the program: the text of `--help`, the environment variables, the files and the exit codes.
The man pages say the same.
"
    .to_owned();
    let root = command();
    for command in root.get_subcommands() {
        let help = command
            .clone()
            .term_width(WIDTH)
            .render_long_help()
            .to_string();
        let help: String = help
            .lines()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect();
        let name = command.get_name();
        write!(page, "\n## {name}\n\n```text\n{help}```\n").unwrap();
    }
    write!(page, "\n## Environment variables\n\n{ENVIRONMENT}\n\n").unwrap();
    let variables = VARIABLES.iter().map(|variable| {
        let name = format!("`{}`", variable.name);
        (name, variable.about)
    });
    table(&mut page, ["Variable", "Meaning"], variables);
    page.push_str("\n## Files\n\n");
    let files = FILES
        .iter()
        .map(|(path, about)| (format!("`{path}`"), *about));
    table(&mut page, ["Path", "Contents"], files);
    page.push_str("\n## Exit codes\n\n");
    let codes = Exit::ALL
        .iter()
        .map(|exit| ((*exit as u8).to_string(), exit.about()));
    table(&mut page, ["Code", "Meaning"], codes);
    page
}

fn table<'a>(page: &mut String, head: [&str; 2], rows: impl Iterator<Item = (String, &'a str)>) {
    write!(page, "| {} | {} |\n|---|---|\n", head[0], head[1]).unwrap();
    for (name, meaning) in rows {
        writeln!(page, "| {name} | {meaning} |").unwrap();
    }
}

fn text(styled: Option<&StyledStr>) -> String {
    styled.map(StyledStr::to_string).unwrap_or_default()
}
