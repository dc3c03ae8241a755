//! What `-o header` and `-o env` print, as the programs read it that they are for: curl, shells, dotenv files.

use crate::support::{Reply, Server, TOKEN, TestEnv, each_row};

/// Every character that a b64token may have.
const AWKWARD: &str = "AZaz09-._~+/==";

#[test]
fn the_header_is_one_that_curl_sends() {
    let server = Server::replies([Reply::token(), Reply::json(200, "{}")]);
    let env = TestEnv::for_server(&server);
    let output = env.sh("cells-token get -o header | curl -sS -H @- $CELLS_BASE_URL/api");
    output.exits(0).prints("{}");
    let sent = &server.requests()[1];
    assert_eq!(sent.line, "GET /api HTTP/1.1");
    assert_eq!(
        sent.header("authorization"),
        Some(&*format!("Bearer {TOKEN}"))
    );
}

#[test]
fn each_format_is_one_line() {
    let rows = [
        ("raw", "-oraw", TOKEN.to_owned()),
        (
            "header",
            "-oheader",
            format!("Authorization: Bearer {TOKEN}"),
        ),
        ("env", "-oenv", format!("CELLS_ACCESS_TOKEN={TOKEN}")),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, option, line)| {
            let server = Server::replies([Reply::token()]);
            TestEnv::for_server(&server)
                .run(&["get", option])
                .exits(0)
                .prints(&format!("{line}\n"));
        },
    );
}

#[test]
fn the_env_line_is_read_back_unchanged() {
    let rows = [
        (
            "export in sh",
            "export $(cells-token get -o env); printenv CELLS_ACCESS_TOKEN",
        ),
        (
            "export in bash",
            "bash -c 'export $(cells-token get -o env); printenv CELLS_ACCESS_TOKEN'",
        ),
        (
            "export in zsh",
            "zsh -fc 'export $(cells-token get -o env); printenv CELLS_ACCESS_TOKEN'",
        ),
        (
            "eval in fish",
            "fish --no-config -c 'export (cells-token get -o env); printenv CELLS_ACCESS_TOKEN'",
        ),
        (
            "env",
            "env $(cells-token get -o env) printenv CELLS_ACCESS_TOKEN",
        ),
        (
            "a dotenv file",
            "cells-token get -o env >.env; set -a; . ./.env; printenv CELLS_ACCESS_TOKEN",
        ),
        (
            "xargs",
            "cells-token get -o env | xargs -I{} env {} printenv CELLS_ACCESS_TOKEN",
        ),
        (
            "another name",
            "export $(cells-token get -o env --env-name _T0ken); printenv _T0ken",
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(name, script)| {
            for shell in ["zsh", "fish"] {
                if script.starts_with(shell) && !is_there(shell) {
                    return;
                }
            }
            let answer = format!(r#"{{"access_token":"{AWKWARD}"}}"#);
            let server = Server::replies([Reply::json(200, answer)]);
            let output = TestEnv::for_server(&server).sh(script);
            assert_eq!(output.exits(0).stdout, format!("{AWKWARD}\n"), "{name}");
        },
    );
}

#[test]
fn a_name_that_cannot_be_is_exit_2_before_anything_is_asked() {
    let good = ["CELLS_ACCESS_TOKEN", "a", "_", "TOKEN_2", "Ci2"];
    let bad = [
        "",
        "2TOKEN",
        "A-B",
        "A B",
        "A=B",
        "A$B",
        "É",
        "A\nB",
        "-",
        ".",
        "CELLS_CLIENT_ID",
        "CELLS_CLIENT_SECRET",
        "CELLS_CLIENT_SECRET_FILE",
        "CELLS_BASE_URL",
        "CI",
        "CellsCloudClientSecret",
        "ProductClientId",
        "ASPOSE_CLIENT_SECRET",
        "ASPOSE_CLOUD_CLIENT_ID",
        "cells_client_secret",
    ];
    for name in good {
        let server = Server::replies([Reply::token()]);
        let output = TestEnv::for_server(&server).run(&["get", "-o", "env", "--env-name", name]);
        output.exits(0).prints(&format!("{name}={TOKEN}\n"));
    }
    for name in bad {
        let server = Server::untouched();
        let output =
            TestEnv::for_server(&server).run(&["get", "-o", "env", &format!("--env-name={name}")]);
        output.exits(2).says("--env-name");
    }
}

#[test]
fn a_name_for_a_format_without_one_is_exit_2() {
    for format in ["raw", "json", "header"] {
        let server = Server::untouched();
        let output =
            TestEnv::for_server(&server).run(&["get", "-o", format, "--env-name", "TOKEN"]);
        output.exits(2).hints("-o env");
    }
}

/// Says aloud where a shell is absent; under CI that is a failure.
pub fn is_there(shell: &str) -> bool {
    let found = TestEnv::new().sh(&format!("command -v {shell}")).code == Some(0);
    assert!(
        found || std::env::var_os("CI").is_none(),
        "{shell} is not installed, and under CI it has to be"
    );
    if !found {
        eprintln!("SKIPPED: {shell} is not installed");
    }
    found
}
