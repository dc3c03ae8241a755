//! The hint of each failure: what to change, and whether a retry may help.

#[cfg(unix)]
use serde_json::json;

use crate::support::{ID, Reply, SECRET, Server, Step, TestEnv, closed_port, each_row};

const PAGE: &str = "<!DOCTYPE html><html><body>Welcome</body></html>";

/// Name, response, and what the hint contains.
type Row = (&'static str, Reply, &'static [&'static str]);

#[test]
fn each_failure_has_its_hint() {
    let page = |status| Reply::text(status, "text/html; charset=utf-8", PAGE);
    let wait = |status| Reply::http(status, "Retry-After: 3600\r\n", "");
    let api_management = r#"{"statusCode":401,"message":"missing subscription key"}"#;
    let nginx = "WWW-Authenticate: Basic realm=\"x\"\r\n";
    let web_page: &[&str] = &["gateway", "captive portal", "VPN", "browser"];
    let refused: &[&str] = &["until it is active", "rotated", "client id and secret"];
    let gateway: &[&str] = &[
        "check the URL first",
        "gateway",
        "until a new application is active",
    ];
    let portal = "Location: http://portal.invalid/\r\n";
    let rows: [Row; 22] = [
        (
            "invalid_client with 401",
            Reply::oauth_error(401, "invalid_client"),
            refused,
        ),
        (
            "invalid_client with 400",
            Reply::oauth_error(400, "invalid_client"),
            refused,
        ),
        (
            "unauthorized_client",
            Reply::oauth_error(400, "unauthorized_client"),
            refused,
        ),
        (
            "access_denied",
            Reply::oauth_error(403, "access_denied"),
            refused,
        ),
        (
            "the vendor's refusal",
            Reply::vendor_error(401, "errorAuthorization"),
            refused,
        ),
        ("401 bare", Reply::http(401, "", ""), gateway),
        ("401 with a page", page(401), gateway),
        (
            "401 of API Management",
            Reply::json(401, api_management),
            gateway,
        ),
        ("401 of nginx", Reply::http(401, nginx, PAGE), gateway),
        ("HTML", page(200), web_page),
        ("HTML with 403", page(403), web_page),
        ("HTML with 404", page(404), web_page),
        ("HTML as application/json", Reply::json(200, PAGE), web_page),
        (
            "HTML in capitals",
            Reply::text(200, "TEXT/HTML", "x"),
            web_page,
        ),
        (
            "a redirect",
            Reply::http(302, portal, ""),
            &["captive portal", "VPN", "--base-url"],
        ),
        ("429", Reply::http(429, "", ""), &["try again in a minute"]),
        (
            "429 with Retry-After",
            wait(429),
            &["try again after 2", "Z"],
        ),
        (
            "503 with Retry-After",
            wait(503),
            &["try again after 2", "not the cause"],
        ),
        (
            "503",
            Reply::http(503, "", ""),
            &["try again later", "not the cause"],
        ),
        ("502 with a page", page(502), &["try again later"]),
        (
            "another error",
            Reply::oauth_error(400, "invalid_request"),
            &["--base-url", "--token-url"],
        ),
        (
            "a closed connection",
            Reply::steps([Step::ReadRequest]),
            &["try again later"],
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, reply, hints)| {
            let server = Server::replies([reply.clone()]);
            let output = TestEnv::for_server(&server).run_once(&["get"]);
            assert_ne!(output.code, Some(0), "{output}");
            for hint in *hints {
                output.hints(hint);
            }
        },
    );
}

#[test]
fn an_unreachable_service_hints_at_a_retry() {
    let (_socket, url) = closed_port();
    let env = TestEnv::with_credentials();
    env.run_once(&["get", "--base-url", &url])
        .exits(5)
        .hints("try again later");
    let output = env.run_once(&["get", "--base-url", "https://host.invalid"]);
    output.exits(5).hints("try again later").hints("VPN");
    let server = Server::replies([Reply::steps([Step::ReadRequest, Step::Hang])]);
    let output = TestEnv::for_server(&server).run_once(&["get", "--timeout", "1s"]);
    output.exits(5).hints("try again later").hints("--timeout");
}

/// However the id and the secret were given.
#[cfg(unix)]
#[test]
fn an_oddity_is_named_wherever_it_comes_from() {
    let rows = [
        (" an-odd-word", "white space"),
        ("'an-odd-word'", "enclosed in quotes"),
        ("an\u{200b}-odd-word", "an invisible character"),
        ("******", "consists of asterisks"),
        ("$(AN_ODD_WORD)", "an unresolved reference"),
        ("${AN_ODD_WORD}", "an unresolved reference"),
        ("${{ an.odd.word }}", "an unresolved reference"),
        ("%AN_ODD_WORD%", "an unresolved reference"),
        ("op://an/odd/word", "an unresolved reference"),
        ("<an-odd-word>", "an unresolved reference"),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(value, oddity)| {
            let server = Server::always(Reply::oauth_error(401, "invalid_client"));
            let refused = |env: &TestEnv, options: &[&str], name: &str| {
                let output = env.run(&[&["get"], options].concat());
                output.exits(4).hints(oddity).hints(name);
            };
            let mut env = TestEnv::for_server(&server);
            refused(&env, &["--client-id", value], "client id");
            let file = env.file("the-file", format!("{value}\n"));
            env.var("CELLS_CLIENT_SECRET", "");
            env.var("CELLS_CLIENT_SECRET_FILE", &file);
            refused(&env, &[], "client secret");
            let profile = |id: &str, file: &str| json!({"client_id": id, "secret": {"file": file}, "base_url": server.url()});
            let good = env.file("good-file", SECRET);
            let profiles = json!({"i": profile(value, &good), "s": profile(ID, &file)});
            let profiles = json!({"version": 1, "profiles": profiles});
            env.private_file("profiles.json", profiles.to_string());
            env.var("CELLS_CONFIG_DIR", env.path(""));
            env.var("CELLS_CLIENT_SECRET_FILE", "");
            refused(&env, &["--profile", "i"], "client id");
            refused(&env, &["--profile", "s"], "client secret");
        },
    );
}

/// The value is sent unchanged and never shown.
#[test]
fn a_refusal_of_odd_credentials_names_the_oddity() {
    let rows = [
        (
            ID,
            " s3cret-word",
            "the client secret is set: it begins or ends with white space",
        ),
        (ID, "s3cret-word\u{a0}", "white space"),
        (
            ID,
            "\"s3cret-word\"",
            "the client secret is set: it is enclosed in quotes",
        ),
        (ID, "s3cret\u{200b}-word", "an invisible character"),
        (ID, "********", "consists of asterisks"),
        (ID, "$(CELLS_SECRET)", "an unresolved reference"),
        (ID, "${CELLS_SECRET}", "an unresolved reference"),
        (ID, "${{ secrets.CELLS_SECRET }}", "an unresolved reference"),
        (ID, "%CELLS_SECRET%", "an unresolved reference"),
        (ID, "op://vault/cells/secret", "an unresolved reference"),
        (ID, "<client-secret>", "an unresolved reference"),
        (
            "'an-id'",
            SECRET,
            "the client id is set: it is enclosed in quotes",
        ),
    ];
    each_row(
        &rows,
        |row| row.1,
        |(id, secret, oddity)| {
            for reply in [
                Reply::oauth_error(400, "invalid_client"),
                Reply::http(401, "", ""),
            ] {
                let server = Server::replies([reply, Reply::token()]);
                let mut env = TestEnv::caching(&server);
                env.var("CELLS_CLIENT_ID", *id)
                    .var("CELLS_CLIENT_SECRET", *secret);
                env.run(&["get"]).exits(4).hints(oddity);
                env.run(&["get"]).exits(0);
                assert_eq!(
                    server.requests()[0].field("client_secret").unwrap(),
                    *secret
                );
            }
        },
    );
}
