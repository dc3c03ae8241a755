//! The checked-in completions and man pages. The unit tests in src/cli/tests.rs keep them up to date.

use std::fs;
use std::path::Path;

use crate::support::{TestEnv, is_installed};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn the_program_prints_the_checked_in_completions() {
    for (shell, file) in [
        ("bash", "cells-token.bash"),
        ("zsh", "_cells-token"),
        ("fish", "cells-token.fish"),
        ("powershell", "_cells-token.ps1"),
        ("elvish", "cells-token.elv"),
    ] {
        let output = TestEnv::new().run(&["completions", shell]);
        let checked_in =
            fs::read_to_string(Path::new(ROOT).join("completions").join(file)).unwrap();
        assert_eq!(
            output.exits(0).stdout.trim_end(),
            checked_in.trim_end(),
            "{file}"
        );
    }
}

#[test]
fn an_unknown_shell_is_exit_2() {
    let env = TestEnv::new();
    env.run(&["completions"])
        .exits(2)
        .says("<SHELL> is missing");
    env.run(&["completions", "nosh"])
        .exits(2)
        .says("<SHELL>")
        .says("powershell")
        .never_says("nosh,");
    env.run(&["completions", "bash", "zsh"]).exits(2);
}

#[test]
fn completions_that_cannot_be_written_are_exit_1() {
    if cfg!(target_os = "linux") {
        TestEnv::new()
            .sh("cells-token completions bash >/dev/full")
            .exits(1)
            .says("standard output");
    }
}

#[test]
fn mandoc_has_no_warnings_about_the_man_pages() {
    if !is_installed("mandoc") {
        return;
    }
    let output = TestEnv::new().sh(&format!("mandoc -Tlint -W warning {ROOT}/man/*.1"));
    output.exits(0).prints("");
}

#[test]
fn every_command_has_a_page_with_all_its_options() {
    let help = TestEnv::new().run(&["-h"]).stdout;
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let names = commands
        .lines()
        .map_while(|line| line.strip_prefix("  ")?.split(' ').next());
    let names: Vec<&str> = names.collect();
    assert!(names.len() >= 5, "{help}");
    for name in names {
        let page = page(&format!("cells-token-{name}.1"));
        let help = TestEnv::new().run(&[name, "--help"]).stdout;
        for option in help
            .split([' ', '\n', ','])
            .filter(|word| word.starts_with("--") && word.len() > 2)
        {
            let option = option.trim_end_matches([']', ')', '\'']);
            assert!(
                page.contains(&option.replace('-', "\\-")),
                "{option} is missing in the page of {name}"
            );
        }
        assert!(page.contains(".SH EXAMPLES\n"), "{name}");
    }
}

#[test]
fn the_main_page_has_every_section_and_every_exit_code() {
    let page = page("cells-token.1");
    let sections = page.lines().filter_map(|line| line.strip_prefix(".SH "));
    let expected = [
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
        "OPTIONS",
        "COMMANDS",
        "EXAMPLES",
        "ENVIRONMENT",
        "FILES",
        "\"EXIT STATUS\"",
    ];
    assert_eq!(sections.collect::<Vec<_>>(), expected);
    for code in [
        "0", "1", "2", "3", "4", "5", "6", "7", "125", "126", "127", "130",
    ] {
        assert!(page.contains(&format!(".TP\n\\fB{code}\\fR\n")), "{code}");
    }
    for variable in [
        "CELLS_CLIENT_ID",
        "CELLS_TIMEOUT",
        "CI",
        "CellsCloudClientSecret",
    ] {
        assert!(
            page.contains(&format!(".TP\n\\fB{variable}\\fR\n")),
            "{variable}"
        );
    }
}

fn page(name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join("man").join(name)).unwrap()
}
