//! The token URL: which source wins, how the path is built, and which URLs are rejected before a request.

use crate::support::{ID, Reply, SECRET, Server, TestEnv, each_row};

const PATH: &str = "/v4.0/cells/connect/token";

#[test]
fn the_request_path_follows_from_the_url() {
    let rows = [
        ("base URL", "--base-url", "", PATH),
        ("base URL with a slash", "--base-url", "/", PATH),
        (
            "base URL below a path",
            "--base-url",
            "/proxy/cells",
            "/proxy/cells/v4.0/cells/connect/token",
        ),
        (
            "base URL below a path with a slash",
            "--base-url",
            "/proxy/",
            "/proxy/v4.0/cells/connect/token",
        ),
        (
            "token URL",
            "--token-url",
            "/connect/token",
            "/connect/token",
        ),
        (
            "token URL with a slash",
            "--token-url",
            "/connect/token/",
            "/connect/token/",
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

/// Server `a` gets the request, server `b` none.
#[test]
fn a_url_from_a_source_of_higher_precedence_wins() {
    let rows: &[(&str, &[&str], &[&str])] = &[
        (
            "--base-url over CELLS_BASE_URL",
            &["--base-url"],
            &["CELLS_BASE_URL"],
        ),
        (
            "--base-url over CELLS_TOKEN_URL",
            &["--base-url"],
            &["CELLS_TOKEN_URL"],
        ),
        (
            "--token-url over CELLS_BASE_URL",
            &["--token-url"],
            &["CELLS_BASE_URL"],
        ),
        (
            "--token-url over CELLS_TOKEN_URL",
            &["--token-url"],
            &["CELLS_TOKEN_URL"],
        ),
        (
            "--base-url over all variables",
            &["--base-url"],
            &["CELLS_BASE_URL", "CELLS_TOKEN_URL", "CellsCloudApiBaseUrl"],
        ),
        (
            "CELLS_BASE_URL over CellsCloudApiBaseUrl",
            &["CELLS_BASE_URL"],
            &["CellsCloudApiBaseUrl"],
        ),
        (
            "CELLS_TOKEN_URL over CellsCloudApiBaseUrl",
            &["CELLS_TOKEN_URL"],
            &["CellsCloudApiBaseUrl"],
        ),
        (
            "CELLS_TOKEN_URL over the base URL it replaces",
            &["CELLS_TOKEN_URL"],
            &["CELLS_BASE_URL"],
        ),
    ];
    each_row(
        rows,
        |row| row.0,
        |(_, winner, losers)| {
            let (a, b) = (Server::replies([Reply::token()]), Server::untouched());
            let mut env = TestEnv::new();
            env.var("CellsCloudClientId", ID)
                .var("CellsCloudClientSecret", SECRET);
            for loser in *losers {
                env.var(loser, b.url());
            }
            let mut args = vec!["get"];
            match winner[0] {
                option if option.starts_with("--") => args.extend([option, a.url()]),
                variable => {
                    env.var(variable, a.url());
                }
            }
            env.run(&args).exits(0);
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
fn an_empty_url_variable_is_unset() {
    let server = Server::replies([Reply::token()]);
    let mut env = TestEnv::for_server(&server);
    env.var("CELLS_TOKEN_URL", "");
    env.run(&["get"]).exits(0);
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

/// URLs that are rejected.
const BAD_URLS: &[(&str, &str)] = &[
    ("http beyond loopback", "http://host.invalid"),
    ("http beyond loopback in capitals", "HTTP://HOST.INVALID"),
    ("http to a private address", "http://10.255.255.1"),
    ("http to the unspecified address", "http://0.0.0.0:9"),
    ("http to another IPv6 address", "http://[2001:db8::1]"),
    (
        "a name that begins with 127.0.0.1",
        "http://127.0.0.1.host.invalid",
    ),
    (
        "a name that begins with localhost",
        "http://localhost.host.invalid",
    ),
    ("loopback as a user", "http://127.0.0.1@host.invalid"),
    (
        "user and password",
        "https://user:hunter2-hunter2@host.invalid",
    ),
    (
        "user and password of loopback",
        "http://user:hunter2-hunter2@127.0.0.1:9",
    ),
    ("a user alone", "https://user@host.invalid"),
    ("a fragment", "https://host.invalid/#part"),
    ("an empty fragment", "https://host.invalid/#"),
    ("another scheme", "ftp://127.0.0.1:9"),
    ("a file", "file:///etc/hostname"),
    ("no scheme", "127.0.0.1:9"),
    ("no scheme, localhost", "localhost:9"),
    ("no scheme, a name", "host.invalid"),
    ("no host", "https://"),
    ("a path", "/v4.0/cells"),
    ("words", "not a url"),
    ("a port too high", "https://host.invalid:65536"),
];

#[test]
fn a_bad_url_is_exit_2_from_every_source() {
    let mut rows = Vec::new();
    for (what, url) in BAD_URLS {
        for source in [
            "--base-url",
            "--token-url",
            "CELLS_BASE_URL",
            "CELLS_TOKEN_URL",
            "CellsCloudApiBaseUrl",
        ] {
            rows.push((format!("{what} in {source}"), source, url));
        }
    }
    each_row(
        &rows,
        |row| &row.0,
        |(_, source, url)| {
            let mut env = TestEnv::new();
            env.var("CellsCloudClientId", ID)
                .var("CellsCloudClientSecret", SECRET);
            env.secret("hunter2-hunter2").var("CELLS_BASE_URL", "");
            let output = if source.starts_with("--") {
                env.run(&["get", source, url])
            } else {
                env.var(source, url).run(&["get"])
            };
            output.exits(2).says(source);
        },
    );
}

#[test]
fn allow_http_allows_only_http() {
    let credentials = ["get", "--timeout", "10s", "--allow-http", "--base-url"];
    let run = |url| TestEnv::with_credentials().run_once(&[&credentials[..], &[url]].concat());
    // A failed name lookup means that the URL was accepted.
    run("http://something.invalid")
        .exits(5)
        .says("something.invalid");
    run("http://user:pw@something.invalid").exits(2);
    run("http://something.invalid/#part").exits(2);
    run("ftp://something.invalid").exits(2);
}

#[test]
fn allow_http_is_a_boolean_variable() {
    for (value, code) in [
        ("1", 5),
        ("true", 5),
        ("yes", 5),
        ("0", 2),
        ("false", 2),
        ("no", 2),
        ("", 2),
    ] {
        let mut env = TestEnv::with_credentials();
        env.var("CELLS_ALLOW_HTTP", value);
        let output = env.run_once(&[
            "get",
            "--timeout",
            "10s",
            "--base-url",
            "http://something.invalid",
        ]);
        assert_eq!(
            output.code,
            Some(code),
            "CELLS_ALLOW_HTTP={value:?}: {output}"
        );
        if code == 2 {
            output.hints("--allow-http");
        }
    }
}
