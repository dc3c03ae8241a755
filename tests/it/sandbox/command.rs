//! The command or shell: its status, signals and terminal.

use std::path::PathBuf;

use super::leftovers;
use crate::support::{TestEnv, each_row};

#[cfg(unix)]
#[test]
fn the_commands_status_is_passed_on() {
    let rows = [
        ("success", "exit 0", 0),
        ("failure", "exit 1", 1),
        ("one of our own", "exit 125", 125),
        ("the greatest", "exit 255", 255),
        ("SIGTERM", "kill -TERM $$", 128 + 15),
        ("SIGKILL", "kill -KILL $$", 128 + 9),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, script, code)| {
            let env = TestEnv::new();
            let output = env.sh(&format!("cells-token sandbox -- sh -c '{script}'"));
            output.exits(*code).prints("");
            assert_eq!(output.stderr, "");
            assert_eq!(leftovers(&env), Vec::<PathBuf>::new());
        },
    );
}

#[cfg(unix)]
#[test]
fn its_own_failures_are_125_and_a_command_that_cannot_start_126_or_127() {
    let no_tmp = "TMPDIR=$PWD/missing cells-token sandbox -- true";
    let rows = [
        (
            "a bad duration",
            "cells-token sandbox --expires-in soon -- true",
            125,
            "--expires-in",
        ),
        (
            "no status",
            "cells-token sandbox --respond 503, -- true",
            125,
            "--respond",
        ),
        (
            "a status below 200",
            "cells-token sandbox --respond 199 -- true",
            125,
            "--respond",
        ),
        (
            "a status above 599",
            "cells-token sandbox --respond 600 -- true",
            125,
            "--respond",
        ),
        (
            "a word for a status",
            "cells-token sandbox --respond teapot -- true",
            125,
            "--respond",
        ),
        (
            "an unknown option",
            "cells-token sandbox --nonsense",
            125,
            "unknown option",
        ),
        (
            "a command without --",
            "cells-token sandbox true",
            125,
            "put -- before",
        ),
        (
            "nowhere to make its folder",
            no_tmp,
            125,
            "private directory",
        ),
        (
            "a file that is no program",
            "cells-token sandbox -- /etc/passwd",
            126,
            "/etc/passwd",
        ),
        ("a folder", "cells-token sandbox -- /etc", 126, "/etc"),
        (
            "no such file",
            "cells-token sandbox -- ./nothing",
            127,
            "./nothing",
        ),
        (
            "nothing on PATH",
            "cells-token sandbox -- nothing-like-it",
            127,
            "nothing-like-it",
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, script, code, text)| {
            let env = TestEnv::new();
            let output = env.sh(script);
            output
                .exits(*code)
                .prints("")
                .says("cells-token: error: ")
                .says(text)
                .says("hint: ");
            assert_eq!(leftovers(&env), Vec::<PathBuf>::new());
        },
    );
}

#[cfg(unix)]
#[test]
fn without_a_command_it_runs_the_users_shell() {
    let mut env = TestEnv::new();
    let input = b"cells-token get >/dev/null && echo in-the-shell-$0";
    for (shell, output) in [
        ("/bin/bash", "in-the-shell-/bin/bash\n"),
        ("", "in-the-shell-/bin/sh\n"),
    ] {
        env.var("SHELL", shell);
        let loud = env.run_with_stdin(&["sandbox"], input);
        loud.exits(0)
            .prints(output)
            .says("http://127.0.0.1:")
            .says("exit");
        assert_eq!(loud.stderr.lines().count(), 1, "{loud}");
        let quiet = env.run_with_stdin(&["sandbox", "-q"], input);
        assert_eq!(quiet.exits(0).prints(output).stderr, "");
    }
}

#[cfg(unix)]
#[test]
fn the_command_handles_ctrl_c() {
    let env = TestEnv::new();
    let command = r#"trap "exit 5" INT; echo ready; while :; do sleep 0.1; done"#;
    let mut terminal = env.terminal(
        "sh",
        &format!("exec cells-token sandbox -- sh -c '{command}'"),
    );
    terminal
        .wait_for("ready")
        .press(crate::support::Terminal::CTRL_C);
    assert_eq!(terminal.finish().code, Some(5));
    assert_eq!(leftovers(&env), Vec::<PathBuf>::new());
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_if_the_command_ends() {
    let env = TestEnv::new();
    let script = "exec cells-token sandbox -- sh -c 'echo ready; exec sleep 20'";
    let mut terminal = env.terminal("sh", script);
    terminal
        .wait_for("ready")
        .press(crate::support::Terminal::CTRL_C);
    assert_eq!(terminal.finish().code, Some(130));
    assert_eq!(leftovers(&env), Vec::<PathBuf>::new());
}

/// The shell and its children own the terminal, not the sandbox.
#[cfg(unix)]
#[test]
fn an_interactive_shell_owns_the_terminal() {
    use crate::support::Terminal;
    const CTRL_Z: u8 = 0x1a;
    for shell in ["/bin/bash", "/bin/sh"] {
        let mut env = TestEnv::new();
        env.var("SHELL", shell);
        let mut terminal = env.terminal("sh", "exec cells-token sandbox");
        terminal.wait_for("type exit to leave");
        terminal
            .type_line("cells-token get >token && echo got''-it")
            .wait_for("got-it");
        for key in [Terminal::CTRL_C, CTRL_Z] {
            terminal
                .type_line(r#"sh -c "echo sleep''ing; exec sleep 20""#)
                .wait_for("sleeping");
            terminal
                .press(key)
                .type_line("echo still''-here")
                .wait_for("still-here");
        }
        terminal.type_line("kill %1; exit 3; exit 3");
        assert_eq!(terminal.finish().code, Some(3), "{shell}");
        assert_eq!(leftovers(&env), Vec::<PathBuf>::new());
    }
}

#[cfg(unix)]
#[test]
fn termination_signals_are_passed_on() {
    for (signal, code) in [("TERM", "9"), ("HUP", "8")] {
        let env = TestEnv::new();
        let command = r#"trap "exit 9" TERM; trap "exit 8" HUP; echo ready >ready; while :; do sleep 0.1; done"#;
        let script = format!(
            "cells-token sandbox -- sh -c '{command}' & until test -s ready; do sleep 0.01; done
             kill -{signal} $!; wait $!; echo $?"
        );
        env.sh(&script).exits(0).prints(&format!("{code}\n"));
        assert_eq!(leftovers(&env), Vec::<PathBuf>::new());
    }
}
