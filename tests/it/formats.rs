//! `-o header` and `-o env`, read by the programs that they are meant for: curl, shells, dotenv files.

use crate::support::{Reply, Server, TOKEN, TestEnv, each_row, is_installed};

/// Every kind of character that a b64token may contain.
const ALL_CHARS: &str = "AZaz09-._~+/==";

#[test]
fn curl_sends_the_header() {
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
                if script.starts_with(shell) && !is_installed(shell) {
                    return;
                }
            }
            let answer = format!(r#"{{"access_token":"{ALL_CHARS}"}}"#);
            let server = Server::replies([Reply::json(200, answer)]);
            let output = TestEnv::for_server(&server).sh(script);
            assert_eq!(output.exits(0).stdout, format!("{ALL_CHARS}\n"), "{name}");
        },
    );
}

#[test]
fn an_invalid_or_reserved_name_is_exit_2_without_a_request() {
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
fn env_name_with_another_format_is_exit_2() {
    for format in ["raw", "json", "header"] {
        let server = Server::untouched();
        let output =
            TestEnv::for_server(&server).run(&["get", "-o", format, "--env-name", "TOKEN"]);
        output.exits(2).hints("-o env");
    }
}
