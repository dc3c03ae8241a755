//! The request on the wire, and every form of response that has a token.

use serde_json::json;

use crate::support::{ID, Reply, SECRET, Server, TOKEN, TestEnv, each_row, jwt, token_json};

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn the_token_is_printed_with_one_newline() {
    let server = Server::replies([Reply::token()]);
    let output = TestEnv::for_server(&server).run(&["get"]);
    output.exits(0).prints(&format!("{TOKEN}\n"));
}

#[test]
fn the_request_has_the_documented_headers_and_body() {
    let server = Server::replies([Reply::token()]);
    TestEnv::for_server(&server).run(&["get"]).exits(0);
    let request = server.request();
    assert_eq!(request.line, "POST /v4.0/cells/connect/token HTTP/1.1");
    let mut headers = request.headers.clone();
    headers.sort();
    // The documented fields and those that HTTP needs: nothing else identifies the caller.
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
fn ids_and_secrets_arrive_unchanged() {
    let (long_id, long_secret) = ("i".repeat(500), "secret-".repeat(500));
    let rows = [
        ("spaces", " id with spaces ", "  secret with spaces  "),
        ("form syntax", "a+b&c=d%20;e", "s+t&u=v%41;w#x?y"),
        ("quotes", r#"a"b'c\d`e"#, r#"secret"with'all\quotes`"#),
        ("other scripts", "Grüße-日本", "пароль-🔑-ключ"),
        ("line-like text", r"a\nb", r"secret\r\nwith\0escapes"),
        ("long ones", &long_id, &long_secret),
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
            let is_safe = |c: char| c.is_ascii_alphanumeric() || "*-._%+&=".contains(c);
            assert!(request.body.chars().all(is_safe), "{}", request.body);
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

/// `src/oauth/token_response/tests.rs` has more.
#[test]
fn every_form_of_response_gives_the_token() {
    let object = token_json();
    let string = json!(object).to_string();
    let quoted = json!(TOKEN).to_string();
    let with = |member: &str| Reply::json(200, format!("{{\"access_token\":\"{TOKEN}\"{member}}}"));
    let raw = |head: &str, body: &str| {
        Reply::raw(format!(
            "{head}\r\nContent-Type: application/json\r\n\r\n{body}"
        ))
    };
    let (start, end) = object.split_at(10);
    let chunks = format!(
        "{:x}\r\n{start}\r\n{:x}\r\n{end}\r\n0\r\n\r\n",
        start.len(),
        end.len()
    );
    let rows = [
        ("a JSON object", Reply::json(200, &object)),
        (
            "with a charset",
            Reply::text(200, "application/json; charset=utf-8", &object),
        ),
        ("with a BOM", Reply::json(200, format!("\u{feff}{object}"))),
        (
            "with white space around",
            Reply::json(200, format!("\r\n  {object}\n\n")),
        ),
        (
            "an object as text/plain",
            Reply::text(200, "text/plain", &object),
        ),
        ("an object in a JSON string", Reply::json(200, &string)),
        (
            "an object in a string as text/plain",
            Reply::text(200, "text/plain", &string),
        ),
        ("a bare JWT in a JSON string", Reply::json(200, &quoted)),
        (
            "a bare JWT as text/plain",
            Reply::text(200, "text/plain; charset=utf-8", TOKEN),
        ),
        ("access_token alone", with("")),
        ("bearer in lower case", with(r#","token_type":"bearer""#)),
        ("BearerToken", with(r#","token_type":"BearerToken""#)),
        (
            "expires_in of a huge exponent",
            with(r#","expires_in":1e300"#),
        ),
        (
            "other members",
            with(r#","scope":"a b","x":[{"y":null}],"error":null"#),
        ),
        ("a raw DEL in a member", with(",\"x\":\"\u{7f}\u{9b}\"")),
        (
            "chunked",
            raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", &chunks),
        ),
        (
            "ended by closing the connection",
            raw("HTTP/1.1 200 OK", &object),
        ),
        ("HTTP/1.0", raw("HTTP/1.0 200 OK", &object)),
        ("no reason phrase", raw("HTTP/1.1 200 ", &object)),
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
fn every_b64token_is_accepted() {
    let (long, jwt) = ("t".repeat(8000), jwt(&json!({ "sub": "someone" })));
    for token in [
        "a",
        "opaque-token",
        "AZaz09-._~+/",
        "padded=",
        "padded==",
        &long,
        &jwt,
    ] {
        let body = json!({ "access_token": token }).to_string();
        let server = Server::replies([Reply::json(200, body)]);
        let output = TestEnv::for_server(&server).run(&["get"]);
        output.exits(0).prints(&format!("{token}\n"));
    }
}
