//! What nobody may see: the secret in arguments, in a core file, in anything said under `-v`. That it is in no output
//! and no file is judged by every run; `RUST_LOG=trace` is set in every world.
//!
//! The environment of a child is looked at in `run`.

use crate::support::{Gate, ID, Reply, SECRET, Server, Step, TOKEN, TestEnv, each_row};

#[test]
fn nothing_is_told_under_v_whatever_happens() {
    let quoting = format!("{{\"error\":\"{ID}\",\"error_description\":{SECRET:?}}}");
    let rows = [
        ("a token", Reply::token()),
        (
            "a token in a string",
            Reply::json(200, format!("\"{TOKEN}\"")),
        ),
        ("a refusal", Reply::oauth_error(401, "invalid_client")),
        ("a refusal that quotes", Reply::json(400, quoting.clone())),
        ("an outage that quotes", Reply::json(503, quoting.clone())),
        ("a page that quotes", Reply::text(200, "text/html", quoting)),
        (
            "a token with a wrong type",
            Reply::json(
                200,
                format!("{{\"access_token\":\"{TOKEN}\",\"token_type\":\"mac\"}}"),
            ),
        ),
        (
            "a token that is cut off",
            Reply::json(200, format!("{{\"access_token\":\"{TOKEN}")),
        ),
        ("no answer", Reply::steps([Step::ReadRequest])),
        ("no HTTP", Reply::raw(format!("{SECRET} {TOKEN}"))),
        (
            "a header that quotes",
            Reply::raw(format!("HTTP/1.1 200 {TOKEN}\r\n{TOKEN}\r\n\r\n")),
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, reply)| {
            let server = Server::replies([reply.clone()]);
            TestEnv::for_server(&server).run_once(&["get", "-v"]);
            let server = Server::replies([reply.clone()]);
            let mut env = TestEnv::for_server(&server);
            env.var("CELLS_NO_CACHE", "");
            env.run_once(&["get", "-v"]);
            env.run(&["status", "-v"]);
        },
    );
}

#[cfg(target_os = "linux")]
#[test]
fn no_secret_but_that_of_the_option_is_among_the_arguments() {
    let gate = Gate::default();
    let server = Server::replies([Reply::token().held_by(&gate)]);
    let mut env = TestEnv::for_server(&server);
    let file = env.file("secret", SECRET);
    env.var("CELLS_CLIENT_SECRET", "");
    let running = env.start(&["get", "--client-secret-file", &file]);
    server.wait_for_requests(1);
    let arguments = running.arguments();
    assert!(
        arguments.windows(4).any(|part| part == b"\0get"),
        "{arguments:?}"
    );
    env.assert_no_secret("the arguments", &arguments);
    gate.open();
    running.finish().exits(0);
}

/// A process that may be dumped leaves a core file when it is killed so, with the secret in it.
#[cfg(target_os = "linux")]
#[test]
fn it_leaves_no_core_file() {
    let this = "leaks::it_leaves_no_core_file";
    let sleeping = TestEnv::new();
    let is_up = || while !sleeping.path("up").exists() {};
    if !dumps_core("touch up && exec sleep 60", &sleeping, is_up) {
        return crate::support::skipped(this, "core files");
    }
    let server = Server::replies([Reply::steps([Step::ReadRequest, Step::Hang])]);
    let env = TestEnv::for_server(&server);
    assert!(!dumps_core("exec cells-token get", &env, || server.wait_for_requests(1)));
    assert!(!env.path("core").exists());
}

/// Whether what the script becomes leaves a core file when it is killed once it is `ready`.
#[cfg(target_os = "linux")]
fn dumps_core(script: &str, env: &TestEnv, ready: impl FnOnce()) -> bool {
    let running = env.start_sh(&format!("ulimit -c unlimited && {script}"));
    ready();
    running.kill_with_core()
}

/// So that a panic drops, and so wipes, what is secret.
#[test]
fn a_panic_unwinds_in_every_profile() {
    let manifest = include_str!("../../Cargo.toml");
    let settings = manifest
        .lines()
        .filter(|line| line.trim_start().starts_with("panic"));
    assert!(
        settings.clone().all(|line| !line.contains("abort")),
        "{:?}",
        settings.collect::<Vec<_>>()
    );
}
