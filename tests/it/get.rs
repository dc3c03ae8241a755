//! The request as it is on the wire, the addresses it goes to, and every form of answer that is a token.

use serde_json::json;

use crate::support::{ID, Reply, SECRET, Server, TOKEN, TestEnv, each_row, jwt, token_json};

const PATH: &str = "/v4.0/cells/connect/token";
const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn the_token_is_printed_with_one_newline() {
    let server = Server::replies([Reply::token()]);
    let output = TestEnv::for_server(&server).run(&["get"]);
    output.exits(0).prints(&format!("{TOKEN}\n"));
}

#[test]
fn the_request_is_byte_for_byte_the_contracts() {
    let server = Server::replies([Reply::token()]);
    TestEnv::for_server(&server).run(&["get"]).exits(0);
    let request = server.request();
    assert_eq!(request.line, format!("POST {PATH} HTTP/1.1"));
    let mut headers = request.headers.clone();
    headers.sort();
    // What HTTP itself needs, the contract's five, and nothing else that could tell on the caller.
    headers.retain(|(name, _)| name != "connection");
    let expected = [
        ("accept", "application/json"),
        ("content-length", &request.body.len().to_string()),
        ("content-type", "application/x-www-form-urlencoded"),
        ("host", server.url().strip_prefix("http://").unwrap()),
        ("user-agent", &format!("cells-token/{VERSION}")),
        ("x-aspose-client", "cells-token"),
        ("x-aspose-client-version", VERSION),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(headers, expected);
    let secret: String = form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let body = format!("grant_type=client_credentials&client_id={ID}&client_secret={secret}");
    assert_eq!(request.body, body);
}

#[test]
fn ids_and_secrets_arrive_as_they_were_given() {
    let (long_id, long_secret) = ("i".repeat(500), "secret-".repeat(500));
    let rows = [
        ("spaces", " id with spaces ", "  secret with spaces  "),
        ("form syntax", "a+b&c=d%20;e", "s+t&u=v%41;w#x?y"),
        ("quotes", r#"a"b'c\d`e"#, r#"secret"with'all\quotes`"#),
        ("other scripts", "Grüße-日本", "пароль-🔑-ключ"),
        ("line-like text", r"a\nb", r"secret\r\nwith\0escapes"),
        ("a long one", &long_id, &long_secret),
        ("dashes first", "-id", "--secret-like-an-option"),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, id, secret)| {
            let server = Server::replies([Reply::token()]);
            let mut env = TestEnv::new();
            env.var("CELLS_CLIENT_ID", id)
                .var("CELLS_CLIENT_SECRET", secret);
            env.run(&["get", "--base-url", server.url()]).exits(0);
            let request = server.request();
            let safe = |c: char| c.is_ascii_alphanumeric() || "*-._%+&=".contains(c);
            assert!(request.body.chars().all(safe), "{}", request.body);
            let fields: Vec<_> = form_urlencoded::parse(request.body.as_bytes()).collect();
            let expected = [
                ("grant_type", "client_credentials"),
                ("client_id", id),
                ("client_secret", secret),
            ];
            assert_eq!(
                fields,
                expected.map(|(name, value)| (name.into(), value.into()))
            );
        },
    );
}

#[test]
fn the_request_goes_to_the_path_that_the_url_means() {
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
        ("token URL of nothing but a host", "--token-url", "", "/"),
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

/// Each source of the URL beats those below it: `a` must be asked, `b` must not.
#[test]
fn a_url_from_a_better_source_wins() {
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
fn the_sdks_base_url_serves_its_own_pair() {
    let server = Server::replies([Reply::token()]);
    let mut env = TestEnv::new();
    env.var("CellsCloudClientId", ID)
        .var("CellsCloudClientSecret", SECRET);
    env.var("CellsCloudApiBaseUrl", server.url())
        .var("CELLS_BASE_URL", "");
    env.run(&["get"]).exits(0);
    assert_eq!(server.request().field("client_id").unwrap(), ID);
}

/// With any other pair the default URL is asked, which must not happen here: so in a world without a network.
/// There the wrong URL would be exit 2 (http to a host that is not loopback), and the right one is exit 5.
#[cfg(target_os = "linux")]
#[test]
fn the_sdks_base_url_serves_no_other_pair() {
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
fn http_is_for_loopback() {
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
    // Elsewhere 127.0.0.1 alone is configured.
    if cfg!(target_os = "linux") {
        let server = Server::on("127.5.6.7", [Reply::token()]);
        TestEnv::with_credentials()
            .run(&["get", "--base-url", server.url()])
            .exits(0);
    }
}

/// What must not be used as a URL, whatever it comes from.
const BAD_URLS: &[(&str, &str)] = &[
    ("http beyond loopback", "http://host.invalid"),
    ("http beyond loopback in capitals", "HTTP://HOST.INVALID"),
    ("http to a private address", "http://10.255.255.1"),
    ("http to every address", "http://0.0.0.0:9"),
    ("http to another IPv6 address", "http://[2001:db8::1]"),
    (
        "a name that begins like loopback",
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
fn allow_http_opens_http_and_nothing_else() {
    let credentials = ["get", "--timeout", "10s", "--allow-http", "--base-url"];
    let run = |url| TestEnv::with_credentials().run_once(&[&credentials[..], &[url]].concat());
    // It got as far as looking the name up.
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

#[test]
fn every_form_of_answer_yields_the_token() {
    let object = token_json();
    let string = serde_json::to_string(&object).unwrap();
    let quoted = format!("\"{TOKEN}\"");
    let with = |member: &str| format!("{{\"access_token\":\"{TOKEN}\"{member}}}");
    let rows = [
        ("a JSON object", Reply::json(200, &object)),
        (
            "with a charset",
            Reply::text(200, "application/json; charset=utf-8", &object),
        ),
        (
            "white space around",
            Reply::json(200, format!("\r\n  {object}\n\n")),
        ),
        (
            "an object as text/plain",
            Reply::text(200, "text/plain", &object),
        ),
        ("an object in a JSON string", Reply::json(200, &string)),
        (
            "an object in a JSON string as text/plain",
            Reply::text(200, "text/plain", &string),
        ),
        ("a bare JWT in a JSON string", Reply::json(200, &quoted)),
        (
            "a bare JWT in a JSON string as text/plain",
            Reply::text(200, "text/plain", &quoted),
        ),
        (
            "a bare JWT as text/plain",
            Reply::text(200, "text/plain", TOKEN),
        ),
        (
            "a bare JWT as text/plain with a charset",
            Reply::text(200, "text/plain; charset=utf-8", TOKEN),
        ),
        ("nothing but the token", Reply::json(200, with(""))),
        (
            "bearer in lower case",
            Reply::json(200, with(r#","token_type":"bearer""#)),
        ),
        (
            "BEARER in capitals",
            Reply::json(200, with(r#","token_type":"BEARER""#)),
        ),
        (
            "expires_in a numeric string",
            Reply::json(200, with(r#","expires_in":"3600""#)),
        ),
        (
            "expires_in a float",
            Reply::json(200, with(r#","expires_in":3599.5"#)),
        ),
        (
            "expires_in null",
            Reply::json(200, with(r#","expires_in":null"#)),
        ),
        (
            "expires_in huge",
            Reply::json(200, with(r#","expires_in":99999999999999999999"#)),
        ),
        (
            "expires_in of a huge exponent",
            Reply::json(200, with(r#","expires_in":1e300"#)),
        ),
        (
            "other members",
            Reply::json(200, with(r#","scope":"a b","x":[{"y":null}]"#)),
        ),
        ("error null", Reply::json(200, with(r#","error":null"#))),
        ("chunked", Reply::raw(chunked(&object))),
        (
            "ended by closing",
            Reply::raw(format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{object}"
            )),
        ),
        (
            "HTTP/1.0",
            Reply::raw(format!(
                "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{object}"
            )),
        ),
        (
            "no reason phrase",
            Reply::raw(format!(
                "HTTP/1.1 200 \r\nContent-Type: application/json\r\n\r\n{object}"
            )),
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, reply)| {
            let server = Server::replies([reply.clone()]);
            let output = TestEnv::for_server(&server).run(&["get"]);
            output.exits(0).prints(&format!("{TOKEN}\n"));
        },
    );
}

#[test]
fn every_b64token_is_a_token() {
    let long = "t".repeat(8000);
    let jwt = jwt(&json!({ "sub": "someone" }));
    for token in [
        "a",
        "opaque-token",
        "AZaz09-._~+/",
        "padded=",
        "padded==",
        &long,
        &jwt,
    ] {
        let server = Server::replies([Reply::json(
            200,
            json!({ "access_token": token }).to_string(),
        )]);
        TestEnv::for_server(&server)
            .run(&["get"])
            .exits(0)
            .prints(&format!("{token}\n"));
    }
}

fn chunked(body: &str) -> String {
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (a, b) = body.split_at(10);
    format!(
        "{head}{:x}\r\n{a}\r\n{:x}\r\n{b}\r\n0\r\n\r\n",
        a.len(),
        b.len()
    )
}
