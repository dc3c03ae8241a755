//! `--client-secret-command`: what it is given, when it runs, and how it fails.

use std::fs;
use std::time::Duration;

use crate::support::{ID, Reply, SECRET, Server, TOKEN, Terminal, TestEnv, each_row};

/// An environment whose secret command is `command`; `$FILE` is a file that holds the secret.
fn with_command(server: &Server, command: &str) -> TestEnv {
    let mut env = TestEnv::new();
    let file = env.file("the-secret", format!("{SECRET}\nlogin: me\n"));
    env.var("CELLS_CLIENT_ID", ID)
        .var("CELLS_BASE_URL", server.url())
        .var("FILE", file)
        .var("CELLS_CLIENT_SECRET_COMMAND", command);
    env
}

#[test]
fn the_first_line_of_output_is_the_secret() {
    for command in [
        "cat $FILE",
        "cat $FILE; yes | head -c 60000",
        "printf '\\357\\273\\277'; cat $FILE",
        "head -n 1 $FILE | tr -d '\\n'",
    ] {
        let server = Server::replies([Reply::token()]);
        let env = with_command(&server, command);
        env.run(&["get"]).exits(0).prints(&format!("{TOKEN}\n"));
        let sent = server.request().field("client_secret");
        assert_eq!(sent.as_deref(), Some(SECRET), "{command}");
    }
}

#[test]
fn it_runs_only_if_a_request_is_needed() {
    let server = Server::replies([Reply::token()]);
    let mut env = with_command(&server, "echo run >>count; cat $FILE");
    env.var("CELLS_NO_CACHE", "");
    for _ in 0..3 {
        env.run(&["get"]).exits(0);
    }
    let status = env.run(&["status"]);
    assert!(
        status
            .stdout
            .contains("the command of CELLS_CLIENT_SECRET_COMMAND")
    );
    assert_eq!(fs::read_to_string(env.path("count")).unwrap(), "run\n");
}

#[test]
fn its_time_does_not_count_against_the_timeout() {
    let server = Server::replies([Reply::token()]);
    let env = with_command(&server, "sleep 1.2; cat $FILE");
    env.run(&["get", "--timeout", "1s"]).exits(0);
}

#[test]
fn its_input_is_empty_and_its_environment_has_no_secret_variables() {
    let server = Server::replies([Reply::token()]);
    let command = "{ cat; env | grep ^CELLS_CLIENT_SECRET; } >given; cat $FILE";
    let env = with_command(&server, command);
    env.run_with_stdin(&["get"], b"not for the command")
        .exits(0);
    assert_eq!(fs::read_to_string(env.path("given")).unwrap(), "");
}

#[test]
fn run_does_not_pass_the_command_on() {
    let server = Server::replies([Reply::token()]);
    let env = with_command(&server, "cat $FILE");
    let output = env.run(&[
        "run",
        "--",
        "sh",
        "-c",
        "env | grep ^CELLS_CLIENT_SECRET || echo none",
    ]);
    output.exits(0).prints("none\n");
}

#[test]
fn a_command_that_gives_no_secret_is_exit_3() {
    let rows = [
        ("it fails", "cat $FILE; exit 7", "exited with status 7"),
        (
            "it is not found",
            "no-such-password-manager",
            "exited with status 127",
        ),
        ("it is killed", "kill -KILL $$", "signal: 9"),
        ("it prints nothing", "true", "printed nothing"),
        (
            "it prints an empty line",
            "echo; cat $FILE",
            "printed nothing",
        ),
        ("it prints bytes", "printf 'a\\377b'", "not UTF-8"),
        ("it prints NUL", "printf 'a\\000b'", "NUL"),
        (
            "it prints a megabyte",
            "head -c 1000000 /dev/zero",
            "longer than 64 KiB",
        ),
        ("it never stops printing", "yes", "longer than 64 KiB"),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, command, said)| {
            let server = Server::untouched();
            let output = with_command(&server, command).sh("cells-token get");
            output
                .exits(3)
                .says("the command of CELLS_CLIENT_SECRET_COMMAND")
                .says(said);
            assert!(output.elapsed < Duration::from_secs(10), "{output}");
        },
    );
}

#[test]
fn its_messages_reach_the_user() {
    let server = Server::untouched();
    let output =
        with_command(&server, "echo the vault is sealed >&2; exit 2").sh("cells-token get");
    output.exits(3).says("the vault is sealed");
}

#[test]
fn it_can_prompt_on_the_terminal() {
    let server = Server::replies([Reply::token()]);
    let command = "printf PIN: >/dev/tty; read pin; [ $pin = 42 ] && cat $FILE";
    let env = with_command(&server, command);
    let mut terminal = env.terminal("sh", "cells-token get </dev/null >token; echo status $?");
    terminal
        .wait_for("PIN:")
        .type_line("42")
        .wait_for("status 0");
    terminal.finish();
}

#[test]
fn ctrl_c_stops_the_script() {
    for command in [
        "printf PIN: >/dev/tty; exec sleep 60",
        "printf PIN: >/dev/tty; sleep 60; true",
    ] {
        let server = Server::untouched();
        let env = with_command(&server, command);
        let mut terminal = env.terminal("bash", "T=$(cells-token get); echo after");
        terminal.wait_for("PIN:").press(Terminal::CTRL_C);
        let ended = terminal.finish();
        assert!(
            ended.signal == Some(2) || ended.code == Some(130),
            "{:?}\n{}",
            ended.code,
            ended.screen
        );
        assert!(!ended.screen.contains("after"), "{}", ended.screen);
    }
}
