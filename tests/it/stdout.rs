//! Standard output has the result alone, standard error the rest, and errors writing to either are handled.

use std::process::Stdio;
use std::time::Duration;

use crate::support::{Gate, ID, Output, Reply, SECRET, Server, TOKEN, TestEnv};

#[test]
fn every_spelling_of_a_format_works() {
    let raw = ["-o raw", "--output raw", "--output=raw", "-oraw", ""];
    let json = ["-o json", "--output json", "--output=json", "-ojson"];
    for (n, option) in raw.into_iter().chain(json).enumerate() {
        let server = Server::replies([Reply::token()]);
        let args: Vec<_> = ["get"]
            .into_iter()
            .chain(option.split_whitespace())
            .collect();
        let output = TestEnv::for_server(&server).run(&args);
        match n < raw.len() {
            true => drop(output.exits(0).prints(&format!("{TOKEN}\n"))),
            false => assert_eq!(output.json()["access_token"], TOKEN),
        }
    }
}

/// Rust's standard library ignores the error of writing to a read-only descriptor.
#[cfg(target_os = "linux")]
#[test]
fn a_stdout_that_cannot_be_written_is_exit_1() {
    let server = Server::always(Reply::token());
    let env = TestEnv::for_server(&server);
    for args in [
        &["get"][..],
        &["get", "-o", "json"],
        &["status"],
        &["--help"],
        &["--version"],
    ] {
        let full = std::fs::File::create("/dev/full").unwrap();
        let read_only = std::fs::File::open("/dev/null").unwrap();
        let (read_end, _writer) = std::io::pipe().unwrap();
        for stdout in [
            Stdio::from(full),
            Stdio::from(read_only),
            Stdio::from(read_end),
        ] {
            let output = env.start_into(args, stdout).finish();
            output.exits(1).assert_message_format();
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_stderr_that_cannot_be_written_changes_nothing() {
    let server = Server::replies([Reply::token()]);
    let env = TestEnv::for_server(&server);
    let token = format!("{TOKEN}\n");
    env.sh("cells-token get -v 2>/dev/full")
        .exits(0)
        .prints(&token);
    env.sh("CELLS_CLIENT_ID= cells-token get 2>/dev/full")
        .exits(3)
        .prints("");
    env.sh("cells-token get --no-such-option 2>/dev/full")
        .exits(2)
        .prints("");
}

#[test]
fn a_closed_pipe_is_exit_0_without_a_message() {
    let gate = Gate::default();
    let server = Server::replies([Reply::token().held_by(&gate)]);
    let (reader, writer) = std::io::pipe().unwrap();
    let env = TestEnv::for_server(&server);
    let running = env.start_into(&["get"], Stdio::from(writer));
    server.wait_for_requests(1);
    drop(reader);
    gate.open();
    let output = running.finish();
    output.exits(0);
    assert_eq!(output.stderr, "", "{output}");

    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = TestEnv::new()
        .start_into(&["--help"], Stdio::from(writer))
        .finish();
    output.exits(0).assert_safe_stderr();
}

#[test]
fn verbosity_changes_only_stderr() {
    for option in ["-v", "--verbose", "-q", "--quiet"] {
        let server = Server::replies([Reply::token()]);
        let output = TestEnv::for_server(&server).run(&["get", option]);
        output.exits(0).prints(&format!("{TOKEN}\n"));
        assert_eq!(output.stderr.is_empty(), option.contains('q'), "{output}");
        TestEnv::new()
            .run(&["get", option])
            .exits(3)
            .says("cells-token: error: ");
    }
}

fn verbose(env: &TestEnv, args: &[&str]) -> Output {
    let output = env.run(&[&["get", "-v"], args].concat());
    output.exits(0);
    output
}

#[test]
fn verbose_names_the_source_used_and_every_source_passed_over() {
    let server = Server::always(Reply::token());
    let mut env = TestEnv::for_server(&server);
    env.var("ProductClientId", "product")
        .var("ProductClientSecret", "secret-of-product");
    env.var("ASPOSE_CLIENT_ID", "half");
    env.var("CellsCloudClientId", "sdk")
        .var("CellsCloudClientSecret", "secret-of-sdk");
    let output = verbose(&env, &[]);
    for name in [
        "CELLS_CLIENT_ID",
        "CELLS_CLIENT_SECRET",
        "CellsCloudClient",
        "ProductClient",
        "ASPOSE_CLIENT_ID",
    ] {
        output.says(name);
    }
    let output = verbose(
        &env,
        &["--client-id", ID, "--client-secret", "secret-of-flag"],
    );
    for name in [
        "--client-id",
        "--client-secret",
        "CELLS_CLIENT_ID",
        "CELLS_CLIENT_SECRET",
    ] {
        output.says(name);
    }
    let file = env.file("the-file", SECRET);
    let output = verbose(&env, &["--client-secret-file", &file]);
    output.says("the-file").says("CELLS_CLIENT_SECRET");
}

#[test]
fn verbose_describes_each_attempt() {
    let server = Server::replies([Reply::token()]);
    let env = TestEnv::for_server(&server);
    verbose(&env, &[]).says(&format!("127.0.0.1:{}", server.port()));
    let server = Server::replies([Reply::http(403, "", "")]);
    let output = TestEnv::for_server(&server).run(&["get", "-v"]);
    output.exits(7).says("403");
}

#[test]
fn a_successful_run_does_not_wait() {
    let server = Server::replies([Reply::token()]);
    let output = TestEnv::for_server(&server).run(&["get"]);
    assert!(output.elapsed < Duration::from_secs(5), "{output}");
}

#[test]
fn the_version_is_that_of_the_package() {
    let version = concat!("cells-token ", env!("CARGO_PKG_VERSION"), "\n");
    TestEnv::new().run(&["--version"]).exits(0).prints(version);
}
