//! `run`: the command, its environment, and the exit codes.

use crate::support::{Reply, SECRET, Server, TOKEN, TestEnv, each_row};

/// An environment and a server that issues one token.
fn environment() -> (TestEnv, Server) {
    let server = Server::replies([Reply::token()]);
    (TestEnv::for_server(&server), server)
}

#[test]
fn the_command_has_the_token_and_not_the_secret() {
    let (mut env, _server) = environment();
    env.var("COPY_OF_THE_SECRET", SECRET)
        .var("WITH_A_LINE_ENDING", format!("{SECRET}\n"))
        .var("CELLS_ACCESS_TOKEN", "from outside");
    let output = env.sh("cells-token run -- env");
    output.exits(0);
    let lines: Vec<_> = output.stdout.lines().collect();
    assert!(lines.contains(&&*format!("CELLS_ACCESS_TOKEN={TOKEN}")));
    for gone in [
        "CELLS_CLIENT_SECRET=",
        "COPY_OF_THE_SECRET=",
        "WITH_A_LINE_ENDING=",
    ] {
        assert!(!lines.iter().any(|line| line.starts_with(gone)), "{gone}");
    }
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("CELLS_CLIENT_ID="))
    );
}

/// The cached token is used without the secret, but its seal recognizes the secret in other variables.
#[test]
fn a_secret_that_was_not_needed_is_not_passed_on_either() {
    let (mut env, _server) = environment();
    env.var("CELLS_NO_CACHE", "");
    env.run(&["get"]).exits(0);
    env.var("CELLS_CLIENT_SECRET", "")
        .var("COPY_OF_THE_SECRET", SECRET)
        .var("ProductClientSecret", format!("{SECRET}\n"));
    let output = env.sh("cells-token run -- env");
    output.exits(0);
    assert!(output.stdout.contains(TOKEN), "{output}");
    for gone in ["COPY_OF_THE_SECRET=", "ProductClientSecret="] {
        assert!(!output.stdout.contains(gone), "{gone}");
    }
}

#[test]
fn other_variables_for_the_secret_are_not_passed_on() {
    let (mut env, _server) = environment();
    let file = env.file("secret", SECRET);
    env.var("CELLS_CLIENT_SECRET", "");
    env.var("CELLS_CLIENT_SECRET_FILE", file);
    let output = env.sh("cells-token run -- env");
    output.exits(0);
    assert!(
        !output.stdout.contains("CELLS_CLIENT_SECRET_FILE"),
        "{output}"
    );
}

#[test]
fn env_name_sets_the_name_of_the_variable() {
    let (env, _server) = environment();
    let script =
        "cells-token run --env-name API_TOKEN -- sh -c 'echo $API_TOKEN${CELLS_ACCESS_TOKEN-}'";
    env.sh(script).exits(0).prints(&format!("{TOKEN}\n"));
}

/// The process id stays the same, so signals reach the command.
#[test]
#[cfg(unix)]
fn the_command_replaces_the_process() {
    let (env, _server) = environment();
    let script = "sh -c 'echo $$; exec cells-token run -- sh -c \"echo \\$\\$\"'";
    let output = env.sh(script);
    output.exits(0);
    let pids: Vec<_> = output.stdout.lines().collect();
    assert_eq!(pids.len(), 2);
    assert_eq!(pids[0], pids[1]);
}

#[test]
#[cfg(unix)]
fn the_exit_status_is_that_of_the_command() {
    each_row(
        &[
            ("a status", "exit 9", 9),
            ("success", "exit 0", 0),
            ("a signal", "kill -TERM $$", 143),
        ],
        |row| row.0,
        |(_, script, status)| {
            let (env, _server) = environment();
            env.sh(&format!("cells-token run -- sh -c '{script}'; exit $?"))
                .exits(*status);
        },
    );
}

/// This program ignores SIGPIPE; a command that did so too would not end in `yes | head`.
#[test]
#[cfg(unix)]
fn the_command_starts_with_default_signals() {
    let (env, _server) = environment();
    let script = "cells-token run -- sh -c 'yes 2>&1; echo $? >&2' | head -1";
    let output = env.sh(script);
    assert_eq!(output.exits(0).stdout, "y\n");
    assert_eq!(output.stderr, "141\n");
}

#[test]
fn a_command_that_cannot_start_is_126_or_127() {
    for (command, code) in [
        ("no-such-command", 127),
        ("./no-such-file", 127),
        ("/", 126),
    ] {
        let (env, _server) = environment();
        env.run(&["run", "--", command]).exits(code).says(command);
    }
}

#[test]
fn other_failures_are_125_and_the_command_is_not_run() {
    let refused = Server::always(Reply::oauth_error(401, "invalid_client"));
    each_row(
        &[
            ("no command", ["run", "--no-input"].as_slice(), "CMD"),
            (
                "usage",
                &["run", "--no-such-option", "--", "touch", "ran"],
                "unknown option",
            ),
            (
                "a bad value",
                &["run", "--timeout", "soon", "--", "touch", "ran"],
                "--timeout",
            ),
            (
                "a bad name",
                &["run", "--env-name", "1", "--", "touch", "ran"],
                "--env-name",
            ),
            (
                "a variable of its own",
                &["run", "--env-name", "CELLS_CLIENT_ID", "--", "touch", "ran"],
                "CELLS_CLIENT_ID",
            ),
            ("refusal", &["run", "--", "touch", "ran"], "invalid_client"),
        ],
        |row| row.0,
        |(_, args, said)| {
            let mut env = TestEnv::for_server(&refused);
            env.var("CELLS_ACCESS_TOKEN", "from outside");
            env.run(args).exits(125).says(said);
            assert!(!env.path("ran").exists());
        },
    );
}

#[test]
fn missing_credentials_are_125_too() {
    TestEnv::new()
        .run(&["run", "--", "true"])
        .exits(125)
        .hints("CELLS_CLIENT_ID");
}

#[test]
fn min_ttl_is_respected() {
    let short = || {
        Reply::json(
            200,
            format!(r#"{{"access_token":"{TOKEN}","expires_in":600}}"#),
        )
    };
    let server = Server::replies([short(), short()]);
    let mut env = TestEnv::for_server(&server);
    env.var("CELLS_NO_CACHE", "");
    env.run(&["get"]).exits(0);
    env.run(&["run", "--min-ttl", "5m", "--", "true"]).exits(0);
    assert_eq!(
        server.requests().len(),
        1,
        "the cached one lives long enough"
    );
    env.run(&["run", "--refresh", "--", "true"]).exits(0);
}
