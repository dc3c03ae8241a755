//! The prompt, on a terminal of the test's own: asked there and nowhere else, without echo, and Ctrl-C ends the script.

use std::fs;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::{Gate, ID, Reply, SECRET, Server, TOKEN, Terminal, TestEnv, each_row};

/// A world without credentials that would ask `server`.
fn without_credentials(server: &Server) -> TestEnv {
    let mut env = TestEnv::new();
    env.var("CELLS_BASE_URL", server.url());
    env
}

fn answer_both(terminal: &mut Terminal) {
    terminal.wait_for("id").type_line(ID);
    answer_secret(terminal, SECRET);
}

fn answer_secret(terminal: &mut Terminal, secret: &str) {
    terminal.wait_for("secret");
    type_silently(terminal, secret);
}

/// Typed once the terminal no longer echoes: what shows on the screen is the program's fault.
fn type_silently(terminal: &mut Terminal, secret: &str) {
    terminal.wait_for_echo(false).type_line(secret);
}

#[track_caller]
fn assert_sent(server: &Server, id: &str, secret: &str) {
    let request = server.request();
    assert_eq!(request.field("client_id").as_deref(), Some(id));
    assert_eq!(request.field("client_secret").as_deref(), Some(secret));
}

#[test]
fn a_prompt_leaves_stdout_to_the_command_substitution() {
    for shell in ["sh", "bash"] {
        let server = Server::replies([Reply::token()]);
        let env = without_credentials(&server);
        let script =
            r#"export TOKEN=$(cells-token get); printf %s "$TOKEN" >token; echo done; read end"#;
        let mut terminal = env.terminal(shell, script);
        answer_both(&mut terminal);
        terminal.wait_for("done").wait_for_echo(true).type_line("");
        let ended = terminal.finish();
        assert_eq!(ended.code, Some(0), "{}", ended.screen);
        assert!(!ended.screen.contains(TOKEN), "{}", ended.screen);
        assert_eq!(fs::read_to_string(env.path("token")).unwrap(), TOKEN);
        assert_sent(&server, ID, SECRET);
    }
}

#[test]
fn the_terminal_is_asked_though_all_three_streams_are_elsewhere() {
    let server = Server::replies([Reply::token()]);
    let env = without_credentials(&server);
    let mut terminal = env.terminal(
        "sh",
        "cells-token get </dev/null >token 2>errors; echo status $?",
    );
    answer_both(&mut terminal);
    terminal.wait_for("status 0");
    terminal.finish();
    assert_eq!(
        fs::read_to_string(env.path("token")).unwrap(),
        format!("{TOKEN}\n")
    );
    assert_sent(&server, ID, SECRET);
}

#[test]
fn standard_input_is_not_read_by_the_prompt() {
    let server = Server::replies([Reply::token()]);
    let env = without_credentials(&server);
    let mut terminal = env.terminal(
        "sh",
        "echo from-a-pipe | cells-token get >token; echo status $?",
    );
    answer_both(&mut terminal);
    terminal.wait_for("status 0");
    terminal.finish();
    assert_sent(&server, ID, SECRET);
}

#[test]
fn only_what_is_missing_is_asked_for() {
    let server = Server::replies([Reply::token()]);
    let mut env = without_credentials(&server);
    env.var("CELLS_CLIENT_ID", ID);
    let mut terminal = env.terminal("sh", "cells-token get >token; echo status $?");
    // Were the id asked for, there would be an echo.
    answer_secret(&mut terminal, SECRET);
    terminal.wait_for("status 0");
    terminal.finish();
    assert_sent(&server, ID, SECRET);

    let server = Server::replies([Reply::token()]);
    let mut env = without_credentials(&server);
    env.var("CELLS_CLIENT_SECRET", SECRET);
    let mut terminal = env.terminal("sh", "cells-token get >token; echo status $?");
    terminal
        .wait_for("id")
        .type_line("typed-id")
        .wait_for("status 0");
    terminal.finish();
    assert_sent(&server, "typed-id", SECRET);
}

#[test]
fn nothing_is_asked_for_where_nothing_is_missing() {
    let server = Server::replies([Reply::token()]);
    let env = TestEnv::for_server(&server);
    let mut terminal = env.terminal("sh", "cells-token get >token; echo status $?");
    terminal.wait_for("status 0");
    assert_eq!(terminal.finish().screen, "status 0\n");
}

#[test]
fn what_is_typed_arrives_as_it_is() {
    let long = "long-secret-".repeat(40);
    let rows = [
        ("another script", "пароль-🔑"),
        ("blanks around", "  secret of mine  "),
        ("shell syntax", "$(reboot) `x` \"y\" 'z' \\"),
        ("a long one", &long),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, secret)| {
            let server = Server::replies([Reply::token()]);
            let mut env = without_credentials(&server);
            env.secret(secret).var("CELLS_CLIENT_ID", ID);
            let mut terminal = env.terminal("sh", "cells-token get >token; echo status $?");
            answer_secret(&mut terminal, secret);
            terminal.wait_for("status 0");
            terminal.finish();
            assert_sent(&server, ID, secret);
        },
    );
}

#[test]
fn backspace_corrects_what_was_typed() {
    let server = Server::replies([Reply::token()]);
    let mut env = without_credentials(&server);
    env.var("CELLS_CLIENT_ID", ID);
    let mut terminal = env.terminal("sh", "cells-token get >token; echo status $?");
    answer_secret(&mut terminal, &format!("xyz\x7f\x7f\x7f{SECRET}"));
    terminal.wait_for("status 0");
    terminal.finish();
    assert_sent(&server, ID, SECRET);
}

/// Scripts that go on unless SIGINT stops them.
const SCRIPTS: &[&str] = &[
    "export TOKEN=$(cells-token get); echo after",
    "TOKEN=$(cells-token get </dev/null 2>errors); echo after",
    "cells-token get; echo after",
];

#[test]
fn ctrl_c_at_either_prompt_stops_the_script_and_the_terminal_echoes_again() {
    let mut rows = Vec::new();
    for shell in ["sh", "bash"] {
        for script in SCRIPTS {
            for prompt in ["id", "secret"] {
                rows.push((
                    format!("{shell}: {script} at the {prompt}"),
                    shell,
                    script,
                    prompt,
                ));
            }
        }
    }
    each_row(
        &rows,
        |row| &row.0,
        |(_, shell, script, prompt)| {
            let server = Server::untouched();
            let env = without_credentials(&server);
            let mut terminal = env.terminal(shell, script);
            terminal.wait_for("id");
            if *prompt == "secret" {
                terminal
                    .type_line(ID)
                    .wait_for("secret")
                    .wait_for_echo(false);
            }
            terminal.press(Terminal::CTRL_C);
            let ended = terminal.finish();
            assert!(
                ended.signal == Some(2) || ended.code == Some(130),
                "{:?}\n{}",
                ended.code,
                ended.screen
            );
            assert!(!ended.screen.contains("after"), "{}", ended.screen);
            assert!(ended.echoes, "{}", ended.screen);
        },
    );
}

#[test]
fn ctrl_c_is_status_130_to_a_script_that_survives_it() {
    for prompt in ["id", "secret"] {
        let server = Server::untouched();
        let env = without_credentials(&server);
        let mut terminal = env.terminal("sh", "trap : INT; cells-token get; echo status $?");
        terminal.wait_for("id");
        if prompt == "secret" {
            terminal
                .type_line(ID)
                .wait_for("secret")
                .wait_for_echo(false);
        }
        terminal.press(Terminal::CTRL_C).wait_for("status 130");
        assert!(terminal.finish().echoes);
    }
}

/// The handler around the prompt is gone: a long wait for the service can be interrupted as before.
#[test]
fn ctrl_c_after_the_prompt_stops_the_script_too() {
    let gate = Gate::default();
    let server = Server::replies([Reply::token().held_by(&gate)]);
    let env = without_credentials(&server);
    let mut terminal = env.terminal("sh", "TOKEN=$(cells-token get); echo after");
    answer_both(&mut terminal);
    server.wait_for_requests(1);
    terminal.press(Terminal::CTRL_C);
    let ended = terminal.finish();
    assert!(
        ended.signal == Some(2) || ended.code == Some(130),
        "{:?}\n{}",
        ended.code,
        ended.screen
    );
    assert!(!ended.screen.contains("after"), "{}", ended.screen);
    assert!(ended.echoes);
}

/// What a supervisor sends, rather than a person.
#[test]
fn a_signal_from_elsewhere_leaves_an_echoing_terminal() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT] {
        let server = Server::untouched();
        let mut env = without_credentials(&server);
        env.var("CELLS_CLIENT_ID", ID);
        let mut terminal = env.terminal("sh", "exec cells-token get");
        terminal
            .wait_for("secret")
            .wait_for_echo(false)
            .signal(signal);
        let ended = terminal.finish();
        assert_ne!(ended.code, Some(0), "{}", ended.screen);
        assert!(ended.echoes, "after {signal:?}: {}", ended.screen);
    }
}

/// The shell sets its own modes while the program is stopped.
#[test]
fn a_prompt_that_was_stopped_goes_on_without_echo() {
    let server = Server::replies([Reply::token()]);
    let mut env = without_credentials(&server);
    env.var("CELLS_CLIENT_ID", ID);
    let script =
        "set -m; cells-token get >token; stty echo; echo stopped; read; fg; echo status $?";
    let mut terminal = env.terminal("bash", script);
    terminal.wait_for("secret").wait_for_echo(false);
    terminal.press(Terminal::CTRL_Z).wait_for("stopped");
    terminal.wait_for_echo(true).type_line("");
    type_silently(terminal.wait_for("cells-token get"), SECRET);
    terminal.wait_for("status 0");
    assert!(terminal.finish().echoes);
    assert_sent(&server, ID, SECRET);
}

#[test]
fn a_secret_half_typed_is_gone_after_ctrl_c() {
    let server = Server::untouched();
    let mut env = without_credentials(&server);
    env.secret("half-a-secret").var("CELLS_CLIENT_ID", ID);
    let mut terminal = env.terminal(
        "sh",
        "trap : INT; cells-token get; echo status $?; read line; echo \"[$line]\"",
    );
    terminal.wait_for("secret").wait_for_echo(false);
    for byte in b"half-a-secret" {
        terminal.press(*byte);
    }
    terminal
        .press(Terminal::CTRL_C)
        .wait_for("status 130")
        .wait_for_echo(true);
    terminal.type_line("").wait_for("[]");
    terminal.finish();
}

/// The end of input is no answer: it ends, asks nobody, and the terminal echoes again.
#[test]
fn ctrl_d_is_no_answer() {
    for prompt in ["id", "secret"] {
        let server = Server::untouched();
        let env = without_credentials(&server);
        let mut terminal = env.terminal("sh", "cells-token get; echo status $?");
        terminal.wait_for("id");
        if prompt == "secret" {
            terminal
                .type_line(ID)
                .wait_for("secret")
                .wait_for_echo(false);
        }
        terminal.press(Terminal::CTRL_D).wait_for("status ");
        let ended = terminal.finish();
        assert!(ended.echoes, "{}", ended.screen);
        let status: Vec<_> = ["status 2\n", "status 3\n"]
            .into_iter()
            .filter(|end| ended.screen.ends_with(end))
            .collect();
        assert!(!status.is_empty(), "at the {prompt}: {}", ended.screen);
        assert!(
            ended.screen.contains("cells-token: error: "),
            "{}",
            ended.screen
        );
        assert!(ended.screen.contains("hint: "), "{}", ended.screen);
    }
}

/// A command, and whether it asks.
#[test]
fn no_input_means_no_prompt() {
    let rows = [
        ("cells-token get --no-input", false),
        ("CELLS_NO_INPUT=1 cells-token get", false),
        ("CI=true cells-token get", false),
        ("CI=woodpecker cells-token get", false),
        ("CELLS_NO_INPUT=off CI=false cells-token get", true),
        ("CELLS_NO_INPUT= CI= cells-token get", true),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(command, asks)| {
            let server = if *asks {
                Server::replies([Reply::token()])
            } else {
                Server::untouched()
            };
            let env = without_credentials(&server);
            let mut terminal = env.terminal("sh", &format!("{command} >token; echo status $?"));
            if *asks {
                answer_both(&mut terminal);
            }
            terminal.wait_for(if *asks { "status 0" } else { "status 3" });
            let ended = terminal.finish();
            if !asks {
                assert!(
                    ended.screen.starts_with("cells-token: error: "),
                    "{}",
                    ended.screen
                );
                assert!(ended.screen.contains("CELLS_CLIENT_ID"), "{}", ended.screen);
            }
        },
    );
}

/// Its streams are a terminal, but it has none of its own to ask on.
#[cfg(target_os = "linux")]
#[test]
fn without_a_controlling_terminal_it_is_exit_3() {
    let server = Server::untouched();
    let env = without_credentials(&server);
    let mut terminal = env.terminal("sh", "setsid --wait cells-token get; echo status $?");
    terminal.wait_for("status 3");
    let ended = terminal.finish();
    for name in [
        "cells-token: error: ",
        "hint: ",
        "CELLS_CLIENT_ID",
        "CELLS_CLIENT_SECRET",
    ] {
        assert!(ended.screen.contains(name), "{}", ended.screen);
    }
    // Nor with all streams elsewhere.
    env.run(&["get"])
        .exits(3)
        .says("CELLS_CLIENT_ID")
        .says("CELLS_CLIENT_SECRET");
}

#[test]
fn the_timeout_begins_after_the_prompt() {
    let server = Server::replies([Reply::token()]);
    let env = without_credentials(&server);
    let mut terminal = env.terminal("sh", "cells-token get --timeout 2s >token; echo status $?");
    terminal.wait_for("id");
    thread::sleep(Duration::from_millis(2200));
    terminal.type_line(ID);
    answer_secret(&mut terminal, SECRET);
    terminal.wait_for("status 0");
    terminal.finish();
}
