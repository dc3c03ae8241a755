//! The token URL: the path of the request, what the SDKs' variable applies to, and what is rejected before a request.
//! Which source wins is a table in src/config/tests.rs, and which URLs are rejected one in src/oauth/endpoint.rs.

use crate::support::{ID, Reply, SECRET, Server, TestEnv, each_row};

const PATH: &str = "/v4.0/cells/connect/token";

#[test]
fn the_request_path_follows_from_the_url() {
    let rows = [
        ("base URL", "--base-url", "", PATH),
        (
            "base URL below a path",
            "--base-url",
            "/proxy/cells",
            "/proxy/cells/v4.0/cells/connect/token",
        ),
        (
            "token URL",
            "--token-url",
            "/connect/token",
            "/connect/token",
        ),
        (
            "token URL with a query",
            "--token-url",
            "/token?tenant=a%20b&x",
            "/token?tenant=a%20b&x",
        ),
        ("token URL without a path", "--token-url", "", "/"),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, option, suffix, target)| {
            let server = Server::replies([Reply::token()]);
            let url = format!("{}{suffix}", server.url());
            TestEnv::with_credentials()
                .run(&["get", option, &url])
                .exits(0);
            assert_eq!(server.request().line, format!("POST {target} HTTP/1.1"));
        },
    );
}

#[test]
fn both_url_options_are_exit_2() {
    let server = Server::untouched();
    let env = TestEnv::with_credentials();
    let output = env.run(&[
        "get",
        "--base-url",
        server.url(),
        "--token-url",
        server.url(),
    ]);
    output.exits(2).says("--base-url").says("--token-url");
}

#[test]
fn the_sdk_base_url_applies_to_its_own_credentials() {
    let server = Server::replies([Reply::token()]);
    let mut env = TestEnv::new();
    env.var("CellsCloudClientId", ID)
        .var("CellsCloudClientSecret", SECRET);
    env.var("CellsCloudApiBaseUrl", server.url())
        .var("CELLS_BASE_URL", "");
    env.run(&["get"]).exits(0);
    assert_eq!(server.request().field("client_id").unwrap(), ID);
}

/// Other credentials use the default URL. A test must not contact it, so this runs without a network: the wrong URL is
/// exit 2 (http to a host that is not loopback), the right one exit 5.
#[cfg(target_os = "linux")]
#[test]
fn the_sdk_base_url_does_not_apply_to_other_credentials() {
    if !TestEnv::new().sh("unshare -rn true").stderr.is_empty() {
        eprintln!("SKIPPED: no network namespaces here");
        return;
    }
    for (id, secret) in [
        ("CELLS_CLIENT_ID", "CELLS_CLIENT_SECRET"),
        ("ProductClientId", "ProductClientSecret"),
        ("ASPOSE_CLIENT_ID", "ASPOSE_CLIENT_SECRET"),
        ("ASPOSE_CLOUD_CLIENT_ID", "ASPOSE_CLOUD_CLIENT_SECRET"),
    ] {
        let mut env = TestEnv::new();
        env.var(id, ID)
            .var(secret, SECRET)
            .var("CELLS_BASE_URL", "")
            .var("CellsCloudApiBaseUrl", "http://sdk.invalid");
        let output = env.sh("CELLS_RETRIES=0 unshare -rn cells-token get --timeout 10s");
        output
            .exits(5)
            .prints("")
            .says("api.aspose.cloud")
            .never_says("sdk.invalid");
    }
}

#[test]
fn http_to_loopback_is_allowed() {
    for host in ["localhost", "127.0.0.1"] {
        let server = Server::replies([Reply::token()]);
        let url = format!("http://{host}:{}", server.port());
        TestEnv::with_credentials()
            .run(&["get", "--base-url", &url])
            .exits(0);
    }
    let server = Server::on("::1", [Reply::token()]);
    TestEnv::with_credentials()
        .run(&["get", "--base-url", server.url()])
        .exits(0);
    // Other systems configure 127.0.0.1 only.
    if cfg!(target_os = "linux") {
        let server = Server::on("127.5.6.7", [Reply::token()]);
        TestEnv::with_credentials()
            .run(&["get", "--base-url", server.url()])
            .exits(0);
    }
}

#[test]
fn a_bad_url_is_exit_2_from_every_source() {
    let sources = [
        "--base-url",
        "--token-url",
        "CELLS_BASE_URL",
        "CELLS_TOKEN_URL",
        "CellsCloudApiBaseUrl",
    ];
    each_row(
        &sources,
        |source| source,
        |source| {
            for url in [
                "http://host.invalid",
                "https://user:hunter2-hunter2@host.invalid",
            ] {
                let mut env = TestEnv::new();
                env.secret("hunter2-hunter2")
                    .var("CELLS_BASE_URL", "")
                    .var("CellsCloudClientId", ID)
                    .var("CellsCloudClientSecret", SECRET);
                let output = match source.starts_with("--") {
                    true => env.run(&["get", source, url]),
                    false => env.var(source, url).run(&["get"]),
                };
                output.exits(2).says(source);
            }
        },
    );
}

/// A failed name lookup means that the URL was accepted.
#[test]
fn plain_http_has_to_be_allowed() {
    let get = ["get", "--base-url", "http://something.invalid"];
    for (option, variable, code) in [
        ("", "", 2),
        ("", "0", 2),
        ("", "1", 5),
        ("--allow-http", "0", 5),
    ] {
        let mut env = TestEnv::with_credentials();
        env.var("CELLS_ALLOW_HTTP", variable);
        let options = Some(option).filter(|option| !option.is_empty());
        let output = env.run_once(&get.into_iter().chain(options).collect::<Vec<_>>());
        output.exits(code);
        if code == 2 {
            output.hints("--allow-http");
        }
    }
}
