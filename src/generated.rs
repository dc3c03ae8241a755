//! What is generated from the tables of this program and checked in: `completions/` and `man/`. A test compares, so that
//! nothing needs a build script or a command of its own, and a package can be made from a fresh clone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::builder::StyledStr;
use clap::{Arg, Command, CommandFactory as _, ValueEnum as _};
use clap_complete::{Generator as _, Shell};
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, roman};

use crate::cli::Cli;
use crate::command::completions;
use crate::env::VARIABLES;
use crate::error::Exit;

/// Mends all that this file finds wrong.
const MEND: &str = "CELLS_TOKEN_BLESS=1 cargo test --bin cells-token generated";

/// The version that the man pages were last read for, and the day.
const READ: (&str, &str) = ("0.1.0", "2026-11-23");

/// Set for others, and read by nobody here.
const ACCESS_TOKEN: &str = "CELLS_ACCESS_TOKEN";

type Files = BTreeMap<PathBuf, String>;

#[test]
fn completions_are_those_of_the_command_line() {
    let shells = Shell::value_variants().iter();
    let file = |shell: &Shell| {
        (
            shell.file_name("cells-token").into(),
            completions::script(*shell),
        )
    };
    compare("completions", &shells.map(file).collect());
}

#[test]
fn man_pages_are_those_of_the_command_line() {
    assert_eq!(
        READ.0,
        env!("CARGO_PKG_VERSION"),
        "read the man pages again, and set READ"
    );
    let mut root = Cli::command();
    root.build();
    let verbs: Vec<_> = root.get_subcommands().cloned().collect();
    let mut files = Files::from([("cells-token.1".into(), main_page(&root, &verbs))]);
    for verb in &verbs {
        files.insert(
            format!("cells-token-{}.1", verb.get_name()).into(),
            verb_page(verb),
        );
    }
    compare("man", &files);
}

/// Written by hand, but from the same tables.
#[test]
fn the_readme_has_every_exit_code_variable_and_option_and_no_other() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let mut root = Cli::command();
    root.build();
    let codes = Exit::ALL
        .iter()
        .map(|exit| format!("\n| {} | {} |\n", *exit as u8, exit.about()));
    let variables = VARIABLES
        .iter()
        .map(|variable| format!("`{}`", variable.name));
    let options = root.get_subcommands().flat_map(Command::get_arguments);
    let options = options.filter_map(|option| Some(format!("`--{}", option.get_long()?)));
    let missing: BTreeSet<_> = codes
        .chain(variables)
        .chain(options)
        .filter(|text| !readme.contains(text))
        .collect();
    assert!(missing.is_empty(), "README.md lacks {missing:?}");

    let codes_listed = readme.lines().filter_map(|line| {
        line.strip_prefix("| ")?
            .split(' ')
            .next()?
            .parse::<u8>()
            .ok()
    });
    assert_eq!(codes_listed.count(), Exit::ALL.len());
    let words = |line: &str| -> Vec<String> {
        let codes = line.split('`').skip(1).step_by(2);
        codes
            .filter_map(|code| code.split(' ').next().map(str::to_owned))
            .collect()
    };
    let listed: Vec<_> = readme
        .lines()
        .filter(|line| line.starts_with('|'))
        .flat_map(words)
        .collect();
    let is_known = |name: &String| match name.strip_prefix("--") {
        Some(long) => root
            .get_subcommands()
            .flat_map(Command::get_arguments)
            .any(|arg| {
                let aliases = arg.get_visible_aliases().unwrap_or_default();
                arg.get_long() == Some(long) || aliases.contains(&long)
            }),
        None => VARIABLES.iter().any(|variable| variable.name == name) || name == ACCESS_TOKEN,
    };
    let looks_like_a_name = |name: &&String| {
        let is_variable = name.contains('_') || name.ends_with("Id") || name.ends_with("Secret");
        name.starts_with("--") || is_variable && !name.contains('-')
    };
    let unknown: Vec<_> = listed
        .iter()
        .filter(looks_like_a_name)
        .filter(|name| !is_known(name))
        .collect();
    assert!(unknown.is_empty(), "README.md lists {unknown:?}");
}

/// Fails if the files below `folder` are others than these; puts them there if that was asked for.
#[expect(
    clippy::disallowed_methods,
    reason = "the developer's own checkout and wish"
)]
fn compare(folder: &str, files: &Files) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(&folder).into_iter().flatten();
    let there: Files = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (
                path.file_name().unwrap().into(),
                fs::read_to_string(&path).unwrap_or_default(),
            )
        })
        .collect();
    if std::env::var_os("CELLS_TOKEN_BLESS").is_some() {
        fs::create_dir_all(&folder).unwrap();
        for stale in there.keys().filter(|name| !files.contains_key(*name)) {
            fs::remove_file(folder.join(stale)).unwrap();
        }
        for (name, text) in files {
            fs::write(folder.join(name), text).unwrap();
        }
        return;
    }
    let names: BTreeSet<_> = files.keys().chain(there.keys()).collect();
    let wrong: Vec<_> = names
        .into_iter()
        .filter(|name| files.get(*name) != there.get(*name))
        .collect();
    assert!(
        wrong.is_empty(),
        "{wrong:?} in {} not of this program; to mend it: {MEND}",
        folder.display()
    );
}

/// The page of the program as a whole: what every verb has in common.
fn main_page(root: &Command, verbs: &[Command]) -> String {
    let man = man(root);
    let mut page = beginning(&man);
    put(&mut page, |page| man.render_subcommands_section(page));
    put(&mut page, |page| man.render_options_section(page));
    let mut rest = Roff::new();
    examples(&mut rest, root);
    rest.control("SH", ["ENVIRONMENT"])
        .text([roman(ENVIRONMENT)]);
    for variable in VARIABLES {
        entry(&mut rest, variable.name, variable.about);
    }
    rest.control("SH", ["FILES"]);
    for (path, about) in FILES {
        entry(&mut rest, path, about);
    }
    rest.control("SH", ["EXIT STATUS"]);
    for exit in Exit::ALL {
        entry(&mut rest, &(*exit as u8).to_string(), exit.about());
    }
    see_also(
        &mut rest,
        verbs
            .iter()
            .map(|verb| format!("cells-token-{}", verb.get_name())),
    );
    put(&mut page, |page| rest.to_writer(page));
    page
}

fn verb_page(verb: &Command) -> String {
    let man = man(verb);
    let mut page = beginning(&man);
    put(&mut page, |page| man.render_options_section(page));
    let mut rest = Roff::new();
    examples(&mut rest, verb);
    see_also(&mut rest, ["cells-token".to_owned()]);
    rest.text([roman("for the variables, the files and the exit status.")]);
    put(&mut page, |page| rest.to_writer(page));
    page
}

const ENVIRONMENT: &str = "An option comes before its variable. An empty variable counts as unset, and so do 0, false \
    and no where a variable that begins with CELLS_ answers a question. The names of the vendor's SDKs come last, and only in pairs of an id and its secret.";

/// Where things are kept.
const FILES: &[(&str, &str)] = &[(
    "~/.cache/cells-token",
    "The cached tokens, readable by their owner alone: for each token URL and client id a file, and beside it a lock and \
     what last failed. The client secret is in none of them. The folder is in $XDG_CACHE_HOME if that is set, in \
     ~/Library/Caches on macOS, and in %LOCALAPPDATA% on Windows.",
)];

/// The command as a manual tells it: every option with all that there is to say.
fn man(command: &Command) -> Man {
    let usage = command.clone().render_usage().to_string();
    let details = command
        .get_long_about()
        .map(StyledStr::to_string)
        .unwrap_or_default();
    // Its first paragraph is the line below NAME.
    let (_, details) = details.split_once("\n\n").unwrap_or_default();
    let command = command
        .clone()
        .override_usage(usage.trim_start_matches("Usage: ").to_owned())
        .long_about(details.to_owned())
        .subcommand_help_heading("COMMANDS")
        .mut_args(|arg| with_aliases(arg.hide_short_help(false)));
    let version = concat!("cells-token ", env!("CARGO_PKG_VERSION"));
    Man::new(command)
        .date(READ.1)
        .source(version)
        .manual("cells-token")
}

/// Its other names in its text, as in the help: clap_mangen leaves them out.
fn with_aliases(arg: Arg) -> Arg {
    let aliases = arg.get_visible_aliases().unwrap_or_default();
    if aliases.is_empty() {
        return arg;
    }
    let help = arg.get_long_help().or_else(|| arg.get_help());
    let help = help.map(StyledStr::to_string).unwrap_or_default();
    let help = format!("{help}\n\n[alias: --{}]", aliases.join(", --"));
    arg.long_help(help)
}

/// Up to the description.
fn beginning(man: &Man) -> String {
    let mut page = String::new();
    put(&mut page, |page| man.render_title(page));
    put(&mut page, |page| man.render_name_section(page));
    put(&mut page, |page| man.render_synopsis_section(page));
    put(&mut page, |page| man.render_description_section(page));
    page
}

/// Adds a section of clap_mangen's.
fn put(page: &mut String, section: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) {
    // Each begins with the same definition of the apostrophe, and once is enough.
    const APOSTROPHE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";
    let mut text = Vec::new();
    section(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let text = match page.is_empty() {
        true => text.as_str(),
        false => text.strip_prefix(APOSTROPHE).unwrap(),
    };
    // A break before and after an empty line is one break too many for mandoc.
    page.push_str(&text.replace("\n.br\n\n.br\n", "\n.sp\n"));
}

fn examples(page: &mut Roff, command: &Command) {
    let help = command
        .get_before_help()
        .map(StyledStr::to_string)
        .unwrap_or_default();
    page.control("SH", ["EXAMPLES"]).control("nf", []);
    for line in help.lines().skip(1) {
        page.text([roman(line.trim_start())]);
    }
    page.control("fi", []);
}

fn entry(page: &mut Roff, term: &str, about: &str) {
    page.control("TP", [])
        .text([bold(term)])
        .text([roman(about)]);
}

fn see_also(page: &mut Roff, names: impl IntoIterator<Item = String>) {
    page.control("SH", ["SEE ALSO"]);
    let mut line: Vec<Inline> = Vec::new();
    for name in names {
        if !line.is_empty() {
            line.push(roman(", "));
        }
        line.extend([bold(name), roman("(1)")]);
    }
    page.text(line);
}
