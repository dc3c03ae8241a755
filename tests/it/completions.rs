//! The completion scripts in real shells, with Tab typed on a terminal.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::{TestEnv, is_installed};

const COMPLETIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/completions");

/// What is typed, with Tab in it, and the resulting arguments.
const TYPED: &[(&str, &str)] = &[
    ("sta\t", "status"),
    ("compl\t", "completions"),
    ("completions bas\t", "completions bash"),
    ("get --client-secret-f\tx", "get --client-secret-file x"),
    ("get --refr\t", "get --refresh"),
    ("run -- unam\t", "run -- uname"),
    ("get --profile wor\tx", "get --profile work x"),
    ("get -o hea\t", "get -o header"),
    ("get --output js\t", "get --output json"),
    ("status -o te\t", "status -o text"),
    ("forget --al\t", "forget --all"),
    (
        "sandbox --exp\t5m --resp\t503 -- true",
        "sandbox --expires-in 5m --respond 503 -- true",
    ),
    (
        "get --client-secret-file not\t",
        "get --client-secret-file notes.txt",
    ),
];

#[test]
fn bash_completes() {
    completes(
        "bash",
        "bash --norc --noprofile -i",
        &format!("source {COMPLETIONS}/cells-token.bash"),
    );
}

#[test]
fn zsh_completes() {
    let set_up =
        format!("fpath=({COMPLETIONS} $fpath); autoload -Uz compinit; compinit -u -d ~/.zcompdump");
    completes("zsh", "zsh -f -i", &set_up);
}

#[test]
fn fish_completes() {
    completes(
        "fish",
        "fish",
        &format!("source {COMPLETIONS}/cells-token.fish"),
    );
}

/// Shows its arguments. (zsh puts = between an option and its value.)
const STAND_IN: &str = "#!/bin/sh\n[ \"$*\" != status ] || echo 'profile        work (default): client id x'\necho \"<< $* >>\" | tr = ' '\n";

/// Types into `shell`, started by `start`, once `set_up` has been typed too.
fn completes(shell: &str, start: &str, set_up: &str) {
    if !is_installed(shell) {
        return;
    }
    let mut env = TestEnv::new();
    // Shells look completions up by the name of the program.
    fs::create_dir(env.path("bin")).unwrap();
    let stand_in = env.path("bin/cells-token");
    fs::write(&stand_in, STAND_IN).unwrap();
    fs::set_permissions(&stand_in, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(env.path("notes.txt"), "").unwrap();
    env.var("STAND_IN", env.path("bin"));
    let mut terminal = env.terminal("sh", &format!("PATH=$STAND_IN:$PATH exec {start}"));
    terminal
        .type_line(set_up)
        .type_line("echo set''-up")
        .wait_for("set-up");
    for (typed, arguments) in TYPED {
        if shell == "fish" && *typed == "completions bas\t" {
            // clap_complete generates no fish completions for positional arguments.
            continue;
        }
        terminal.type_line(&format!("cells-token {typed}"));
        terminal.wait_for(&format!("<< {arguments} >>"));
    }
    terminal.type_line("exit 7");
    assert_eq!(terminal.finish().code, Some(7));
}
