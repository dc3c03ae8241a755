//! The progress line: on a terminal, after a second, and cleared afterwards.

use crate::support::{Gate, Reply, Server, TestEnv};

/// Whether the line was cleared, with nothing after it.
fn is_cleared(screen: &str) -> bool {
    screen.ends_with("\r\u{1b}[2K")
}

#[test]
fn a_slow_server_shows_a_progress_line() {
    let gate = Gate::default();
    let server = Server::replies([Reply::token().held_by(&gate)]);
    let env = TestEnv::for_server(&server);
    let mut terminal = env.terminal("sh", "cells-token get >token");
    terminal.wait_for("waiting for 127.0.0.1 (1 s)");
    gate.open();
    let ended = terminal.finish();
    assert_eq!(ended.code, Some(0));
    assert!(is_cleared(&ended.screen), "{:?}", ended.screen);
}

#[test]
fn a_retry_shows_a_progress_line() {
    let busy = Reply::http(503, "Retry-After: 2\r\n", "");
    let server = Server::replies([busy, Reply::token()]);
    let env = TestEnv::for_server(&server);
    let mut terminal = env.terminal("sh", "cells-token get >token");
    terminal.wait_for("waiting for attempt 2 of 4 (1 s)");
    let ended = terminal.finish();
    assert_eq!(ended.code, Some(0));
    assert!(is_cleared(&ended.screen), "{:?}", ended.screen);
}

#[test]
fn waiting_for_another_process_shows_a_progress_line() {
    let gate = Gate::default();
    let server = Server::replies([Reply::token().held_by(&gate)]);
    let mut env = TestEnv::for_server(&server);
    env.var("CELLS_NO_CACHE", "");
    let first = env.start(&["get"]);
    server.wait_for_requests(1);
    let mut terminal = env.terminal("sh", "cells-token get >token");
    terminal.wait_for("waiting for another process to fetch the token (1 s)");
    gate.open();
    let ended = terminal.finish();
    assert_eq!(ended.code, Some(0));
    assert!(is_cleared(&ended.screen), "{:?}", ended.screen);
    first.finish().exits(0);
}

#[test]
fn there_is_no_progress_line_in_a_pipe_or_with_quiet() {
    let wait = || Server::replies([Reply::http(503, "Retry-After: 2\r\n", ""), Reply::token()]);
    let (piped, quiet) = (wait(), wait());
    let (piped, quiet) = (TestEnv::for_server(&piped), TestEnv::for_server(&quiet));
    let running = piped.start(&["get"]);
    let ended = quiet.terminal("sh", "cells-token get -q >token").finish();
    assert_eq!((ended.code, &*ended.screen), (Some(0), ""));
    assert_eq!(running.finish().exits(0).stderr, "");
}
