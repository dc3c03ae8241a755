//! Limits on what is the same on every machine: system calls and instructions of a cached `get`, connections of a new
//! token, and file size. `benches/` measures times.

use std::fs;

use crate::support::{Authority, Cert, Reply, Server, TOKEN, TestEnv, is_dynamic, is_installed};

/// A cached `get` may cost this many times the instructions of an empty program. Reached: 2.28;
/// the seal over the whole entry and the relocations of libdbus are 0.19 of it.
const INSTRUCTIONS_LIMIT: f64 = 2.31;
/// Reached: 66; static, with musl, 67.
const CACHED_CALLS_LIMIT: usize = 75;
/// Reached: 158.
const COLD_CALLS_LIMIT: usize = 165;
/// Reached: 184. musl's allocator maps and unmaps memory 80 times.
const STATIC_COLD_CALLS_LIMIT: usize = 205;
/// Bytes, with all features, of which the keyring is about 700,000. Reached: 4,472,944.
const SIZE_LIMIT: u64 = 4_500_000;

/// An environment with a cached token.
fn environment_with_cached_token() -> TestEnv {
    let server = Server::replies([Reply::token()]);
    let mut env = TestEnv::for_server(&server);
    env.var("CELLS_NO_CACHE", "");
    env.run(&["get"]).exits(0);
    env
}

/// The system calls of a command, one per line; `None` without strace, which is a failure under `CI`.
fn system_calls(env: &TestEnv, command: &str) -> Option<Vec<String>> {
    if !is_installed("strace") {
        return None;
    }
    // Outside the working directory, which is searched for leaks.
    let script = format!("strace -f -qq -e signal=none -o ../trace {command}");
    env.sh(&script).exits(0).prints(&format!("{TOKEN}\n"));
    let trace = fs::read_to_string(env.path("../trace")).unwrap();
    let calls = trace.lines().filter(|line| !line.contains(" resumed>"));
    // "PID call(…) = …", the PID padded.
    let calls = calls.map(|line| line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' '));
    Some(calls.map(str::to_owned).collect())
}

#[test]
fn a_cached_get_opens_no_socket_starts_nothing_and_writes_only_to_stdout() {
    let env = environment_with_cached_token();
    let Some(calls) = system_calls(&env, "cells-token get") else {
        return;
    };
    // The first call is the execve of the program itself.
    for call in &calls[1..] {
        let (name, args) = call.split_once('(').unwrap();
        let is_harmless = match name {
            "write" => args.starts_with("1, "),
            "open" | "openat" => !["O_WRONLY", "O_RDWR", "O_CREAT"]
                .iter()
                .any(|flag| args.contains(flag)),
            _ => ![
                "socket", "connect", "clone", "fork", "exec", "rename", "unlink", "mkdir", "link",
                "chmod", "chown", "truncate", "writev", "pwrite", "sendto", "utime", "getdents",
                "flock", "fsync",
            ]
            .iter()
            .any(|harm| name.contains(harm) && name != "readlink"),
        };
        assert!(is_harmless, "{call}\nin {calls:#?}");
    }
    // build.rs links the unwinder into the program.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    assert!(
        !calls.iter().any(|call| call.contains("libgcc_s")),
        "{calls:#?}"
    );
    let writes = calls
        .iter()
        .filter(|call| call.starts_with("write("))
        .count();
    assert_eq!(writes, 1, "{calls:#?}");
    assert!(
        calls.len() <= CACHED_CALLS_LIMIT,
        "{} calls: {calls:#?}",
        calls.len()
    );
}

#[test]
fn a_cold_get_is_one_connection_with_one_request() {
    let authority = Authority::new();
    // The server expects exactly one connection per reply.
    let server = Server::tls(authority.server(Cert::Good), [Reply::token()]);
    let mut env = TestEnv::for_server(&server);
    env.var("CELLS_NO_CACHE", "");
    let ca_file = env.file("ca.pem", authority.pem());
    // Replaces the system's roots, whose number differs between machines.
    env.var("SSL_CERT_FILE", ca_file);
    match system_calls(&env, "cells-token get") {
        Some(calls) => {
            let sockets = calls
                .iter()
                .filter(|call| call.starts_with("socket("))
                .count();
            assert_eq!(sockets, 1, "{calls:#?}");
            let limit = match is_dynamic() {
                true => COLD_CALLS_LIMIT,
                false => STATIC_COLD_CALLS_LIMIT,
            };
            assert!(calls.len() <= limit, "{} calls: {calls:#?}", calls.len());
        }
        None => drop(env.run(&["get"]).exits(0)),
    }
    assert!(server.request().line.starts_with("POST "));
}

/// The directory in which `.ci/run` has built the program and an empty one in the release profile.
fn release_directory() -> String {
    std::env::var("CELLS_TOKEN_RELEASE").unwrap()
}

#[test]
#[ignore = "wants the release build: .ci/run runs it"]
fn a_cached_get_costs_little_more_than_an_empty_program() {
    let folder = release_directory();
    let env = environment_with_cached_token();
    let instructions = |command: &str| {
        let callgrind = "valgrind --tool=callgrind --callgrind-out-file=/dev/null";
        let output = env.sh(&format!("{callgrind} {folder}/{command}"));
        output.exits(0);
        let (_, count) = output.stderr.split_once("Collected : ").unwrap();
        count.lines().next().unwrap().trim().parse::<f64>().unwrap()
    };
    let (empty, cached) = (instructions("empty"), instructions("cells-token get"));
    let ratio = cached / empty;
    eprintln!("{cached} instructions, an empty program {empty}: {ratio:.2} times as many");
    assert!(
        ratio <= INSTRUCTIONS_LIMIT,
        "{ratio:.2} times an empty program"
    );
}

#[test]
#[ignore = "wants the release build: .ci/run runs it"]
fn the_program_is_small() {
    let program = format!("{}/cells-token", release_directory());
    let size = fs::metadata(program).unwrap().len();
    eprintln!("{size} bytes");
    assert!(size <= SIZE_LIMIT, "{size} bytes");
}
