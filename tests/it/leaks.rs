//! The secret and the token stay out of `-v`, the arguments and core files. `TestEnv` searches the output and files of
//! every run for them and sets `RUST_LOG=trace`. What a child process inherits is tested in `run`.

use crate::support::{Gate, ID, Reply, SECRET, Server, Step, TOKEN, TestEnv, each_row};

#[test]
fn verbose_output_never_contains_the_secret_or_the_token() {
    let quoting = format!("{{\"error\":\"{ID}\",\"error_description\":{SECRET:?}}}");
    let rows = [
        ("a token", Reply::token()),
        (
            "a token in a string",
            Reply::json(200, format!("\"{TOKEN}\"")),
        ),
        ("a refusal", Reply::oauth_error(401, "invalid_client")),
        (
            "a refusal that quotes the secret",
            Reply::json(400, quoting.clone()),
        ),
        (
            "an outage that quotes the secret",
            Reply::json(503, quoting.clone()),
        ),
        (
            "a page that quotes the secret",
            Reply::text(200, "text/html", quoting),
        ),
        (
            "a token of another type",
            Reply::json(
                200,
                format!("{{\"access_token\":\"{TOKEN}\",\"token_type\":\"mac\"}}"),
            ),
        ),
        (
            "a truncated token",
            Reply::json(200, format!("{{\"access_token\":\"{TOKEN}")),
        ),
        ("no response", Reply::steps([Step::ReadRequest])),
        ("not HTTP", Reply::raw(format!("{SECRET} {TOKEN}"))),
        (
            "a header with the token",
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
fn a_secret_from_a_file_is_not_among_the_arguments() {
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

/// A core file would contain the secret.
#[cfg(target_os = "linux")]
#[test]
fn a_killed_process_leaves_no_core_file() {
    let this = "leaks::a_killed_process_leaves_no_core_file";
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

/// Runs a script that ends in `exec`, kills the process once `ready` returns, and reports whether it dumped core.
#[cfg(target_os = "linux")]
fn dumps_core(script: &str, env: &TestEnv, ready: impl FnOnce()) -> bool {
    let running = env.start_sh(&format!("ulimit -c unlimited && {script}"));
    ready();
    running.kill_with_core()
}

/// Unwinding drops secrets, which zeroizes them.
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
