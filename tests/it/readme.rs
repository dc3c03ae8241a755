//! The README, believed in nothing: its shell lines are run in a sandbox, and what it shows is compared with what is
//! printed. (Its tables are compared with the program's own in src/generated.rs.)
//!
//! The rule: a block marked `sh`, `fish`, `powershell` or `make` runs as it stands, in a fresh folder and a shell that
//! stops at the first failure, and has to end well and to complain of nothing. A block marked `console` is run too, and
//! has to print what it shows. In `yaml` the commands of GitLab's `script` are run. No other block is allowed.
#![cfg(all(unix, feature = "server"))]

use std::collections::BTreeSet;
use std::fs;

use crate::formats::is_there;
use crate::support::TestEnv;
use crate::support::page::{self, Block, blocks, shows, succeeds, world};

const README: &str = "README.md";
const STRICT: &str = "sh -eu";

fn block_with(text: &str) -> Block {
    let mut found = blocks(README)
        .into_iter()
        .filter(|block| block.text.contains(text));
    match (found.next(), found.next()) {
        (Some(block), None) => block,
        _ => panic!("there is not one block with {text:?} in {README}"),
    }
}

#[test]
fn every_block_does_what_it_says() {
    let mut seen = BTreeSet::new();
    for block in blocks(README) {
        seen.insert(block.language.clone());
        match &*block.language {
            "sh" => drop(succeeds(STRICT, &block)),
            "console" => shows(&block),
            "fish" if !is_there("fish") => {}
            "fish" => drop(succeeds("fish --no-config", &block)),
            "powershell" if !has_powershell() => {}
            "powershell" => drop(succeeds("pwsh -NoProfile -File", &block)),
            "make" => drop(succeeds("make -s -f", &block)),
            "yaml" => {
                let commands = block
                    .text
                    .lines()
                    .filter_map(|line| line.trim().strip_prefix("- "));
                let text = commands.map(|command| format!("{command}\n")).collect();
                succeeds(STRICT, &Block { text, ..block });
            }
            other => panic!("{}: nobody knows how to run {other:?}", block.place),
        }
    }
    for language in ["sh", "console", "fish", "powershell", "make", "yaml"] {
        assert!(seen.contains(language), "there is no {language} block");
    }
}

/// Few machines have it, so its absence is no failure even under CI.
fn has_powershell() -> bool {
    let found = TestEnv::new().sh("command -v pwsh").code == Some(0);
    if !found {
        eprintln!("SKIPPED: pwsh is not installed");
    }
    found
}

#[test]
fn the_line_it_replaces_works_and_shows_null_for_a_wrong_secret() {
    let block = block_with("jq -r");
    let output = succeeds(STRICT, &block);
    assert!(
        output.stdout.starts_with("eyJ") && output.stdout.len() > 700,
        "{output}"
    );
    let wrong = format!("CELLS_CLIENT_SECRET=wrong\n{}", block.text);
    page::run(&mut world(), "", STRICT, &wrong)
        .exits(0)
        .prints("null\n");
}

#[test]
fn the_first_way_to_export_hides_the_failure_and_the_second_does_not() {
    let block = block_with("export TOKEN=$(");
    let lines: Vec<&str> = block.text.lines().collect();
    assert_eq!(lines.len(), 2);
    for (line, code) in [(lines[0], 0), (lines[1], 7)] {
        page::run(&mut world(), "--respond 404", STRICT, line).exits(code);
    }
}

#[test]
fn fish_ends_with_the_exit_code() {
    if is_there("fish") {
        let block = block_with("set -gx");
        page::run(
            &mut world(),
            "--respond 404",
            "fish --no-config",
            &block.text,
        )
        .exits(7);
    }
}

#[test]
fn later_steps_find_the_token() {
    let mut env = world();
    let block = block_with("::add-mask::");
    let output = page::run(&mut env, "", "bash -e", &block.text);
    let token = output
        .exits(0)
        .stdout
        .trim_start_matches("::add-mask::")
        .to_owned();
    let written = fs::read_to_string(env.path("github-env")).unwrap();
    assert_eq!(written, format!("CELLS_ACCESS_TOKEN={token}"));
}

#[test]
fn the_loop_tries_again_after_5_and_6_alone() {
    let block = block_with("for pause in");
    for (answers, code, slept) in [
        ("200", 0, ""),
        ("503,200", 0, "60\n"),
        ("503,429,200", 0, "60\n300\n"),
        ("503", 1, "60\n300\n0\n"),
        ("404", 1, ""),
    ] {
        let mut env = world();
        env.var("CELLS_RETRIES", "0").var("CELLS_NO_CACHE", "1");
        let output = page::run(
            &mut env,
            &format!("--respond {answers}"),
            STRICT,
            &block.text,
        );
        output.exits(code);
        let found = fs::read_to_string(env.path("slept")).unwrap_or_default();
        assert_eq!(found, slept, "{answers}");
    }
}
