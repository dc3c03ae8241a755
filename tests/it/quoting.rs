//! How text from a server is shown: without the secret, tokens, and commands to a terminal or CI log. `TestEnv` checks
//! that the secret is neither in the output nor on disk.

use serde_json::{Value, json};

use crate::support::{ID, Output, Reply, SECRET, Server, TOKEN, TestEnv, each_row, token_json};

const NOT_SHOWN: &str = "(not shown: it quotes the client secret)";

/// Runs `get` once with the cache on, so that the stored failure is searched for the secret too.
fn get(reply: Reply) -> Output {
    let server = Server::replies([reply]);
    TestEnv::caching(&server).run_once(&["get", "-v"])
}

fn error_with(description: impl Into<Value>) -> Reply {
    let body = json!({ "error": "invalid_request", "error_description": description.into() });
    Reply::json(400, body.to_string())
}

#[test]
fn the_first_200_characters_of_a_page_are_shown() {
    let body = format!(
        "{}-END-WITHIN{}",
        "ab ".repeat(63),
        "#BEYOND-LIMIT ".repeat(10)
    );
    assert_eq!(body.find("#BEYOND"), Some(200));
    let output = get(Reply::text(200, "text/x-odd", body));
    output
        .exits(7)
        .says("status 200, text/x-odd: \"ab ")
        .says("END-WITHIN")
        .never_says("END-WITHIN#");
    for shift in 0..4 {
        let body = " x".repeat(shift) + &" 日🔑".repeat(500);
        get(Reply::text(200, "text/plain", body))
            .exits(7)
            .says("日")
            .never_says("\u{fffd}");
    }
}

#[test]
fn an_error_object_is_shown_with_code_and_description() {
    let described = json!({ "error": "invalid_client", "error_description": "client is not active yet", "error_uri": "https://host.invalid/e" });
    get(Reply::json(401, described.to_string()))
        .exits(4)
        .says("invalid_client: client is not active yet");
    get(Reply::vendor_error(401, "errorAuthorization"))
        .exits(4)
        .says("errorAuthorization: Not allowed.");
    get(Reply::oauth_error(400, "unsupported_grant_type"))
        .exits(7)
        .says("unsupported_grant_type");
}

#[test]
fn malformed_error_objects_are_exit_7() {
    for body in [
        r#"{"error":null}"#,
        r#"{"error":42}"#,
        r#"{"error":["invalid_client"]}"#,
        r#"{"error":""}"#,
        r#"{"error":"invalid_request","error_description":{"a":1}}"#,
        r#"{"Error":null}"#,
        r#"{"Error":"text"}"#,
        r#"{"Error":{"Code":7,"Message":null}}"#,
        r#"{"RequestId":1,"Error":[]}"#,
        r#"{"error":"a","error":"b"}"#,
    ] {
        get(Reply::json(400, body)).exits(7);
    }
}

#[test]
fn a_text_that_quotes_the_secret_is_not_shown() {
    let form: String = form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let rows = [
        ("verbatim", SECRET.to_owned()),
        ("form-encoded", form.clone()),
        ("JSON-encoded", serde_json::to_string(SECRET).unwrap()),
        (
            "HTML-encoded",
            "s3+cr/t&amp; =%&quot;&#39;\\pw~Zq9".to_owned(),
        ),
        ("NULs between letters", SECRET.replace("", "\0")),
        (
            "the request's body",
            format!("grant_type=client_credentials&client_id={ID}&client_secret={form}"),
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, text)| {
            let error = json!({ "error": "invalid_client", "error_description": format!("no such secret {text} here") });
            let code = json!({ "error": format!("x {text} x") });
            let vendors = json!({ "RequestId": text, "Error": { "Code": "c", "Message": format!("m {text}"), "Description": text } });
            let message = json!({ "message": text, "error": { "message": text } });
            for (status, body) in [
                (503, &error),
                (400, &code),
                (401, &vendors),
                (400, &message),
            ] {
                get(Reply::json(status, body.to_string())).says(NOT_SHOWN);
            }
            let name = json!({ format!("a {text}"): 1 });
            get(Reply::json(200, name.to_string()))
                .exits(7)
                .says(NOT_SHOWN);
            for status in [200, 401] {
                let page = format!("<p> {text} </p>");
                get(Reply::text(status, "text/html", page));
            }
        },
    );
    let headers = format!(
        "Content-Type: {SECRET}\r\nContent-Encoding: {SECRET}\r\nWWW-Authenticate: {SECRET}\r\n"
    );
    for status in [200, 401, 403] {
        get(Reply::http(status, &headers, "odd")).says("odd");
    }
}

#[test]
fn a_text_that_quotes_four_letters_of_the_secret_is_not_shown() {
    let secret = "6fb2c0de41d84a1f9c0f2e0d8b7a6c55";
    for (text, is_shown) in [
        ("the secret 6fb… is wrong", true),
        ("the secret 6fb2… is wrong", false),
        ("the secret ****6C55 is wrong", false),
        ("the secret 2e-0d is wrong", false),
    ] {
        let server = Server::replies([error_with(text)]);
        let mut env = TestEnv::for_server(&server);
        let output = env.var("CELLS_CLIENT_SECRET", secret).run(&["get"]);
        output
            .exits(7)
            .says(if is_shown { text } else { NOT_SHOWN });
    }
}

#[test]
fn a_short_secret_does_not_hide_everything() {
    for secret in ["x", "zq", "+/", "zqzqzq"] {
        let server = Server::replies([error_with("the client is not active")]);
        let args = [
            "get",
            "--base-url",
            server.url(),
            "--client-id",
            ID,
            "--client-secret",
            secret,
        ];
        let output = TestEnv::new().run(&args);
        output.exits(7).says("the client is not active");
    }
}

#[test]
fn a_run_of_20_token_characters_is_redacted() {
    let run = |length: usize| "Ab9-._~+/".chars().cycle().take(length).collect::<String>();
    for length in [19, 20, 200, 2000] {
        let text = run(length);
        for reply in [
            error_with(format!("see {text} there")),
            Reply::text(400, "text/html", format!("<p> {text} </p>")),
        ] {
            let output = get(reply);
            output.exits(7);
            match length {
                19 => output.says(&text),
                _ => output.says("[redacted]").never_says(&text[..19]),
            };
        }
    }
    let page = format!("<{TOKEN}> {}", token_json());
    for (status, content_type) in [
        (200, "text/html"),
        (401, "application/json"),
        (503, "text/plain"),
    ] {
        get(Reply::text(status, content_type, &page));
    }
}

/// Any other value may be a token.
#[test]
fn a_body_is_shown_without_values_that_may_be_tokens() {
    let odd = "c2VjcmV0|dG9r!ZW4";
    let rows = [
        (
            "another name",
            json!({ "accessToken": odd, "message": "welcome" }).to_string(),
            "welcome",
        ),
        (
            "no text",
            json!({ "accessToken": odd, "expires": 1 }).to_string(),
            "members: accessToken, expires",
        ),
        (
            "another token_type",
            json!({ "access_token": odd, "token_type": "mac" }).to_string(),
            "members: access_token, token_type",
        ),
        (
            "an array",
            json!([odd]).to_string(),
            "neither a JSON object nor a token",
        ),
        (
            "a string",
            json!(odd).to_string(),
            "neither a JSON object nor a token",
        ),
        (
            "below another object",
            json!({ "data": { "message": odd } }).to_string(),
            "members: data",
        ),
        (
            "an object in a string",
            json!(json!({ "token": odd }).to_string()).to_string(),
            "members: token",
        ),
        (
            "cut off",
            format!("{{\"access_token\":\"{odd}"),
            "the body is not JSON",
        ),
        (
            "XML",
            format!("<r><accessToken>{odd}</accessToken></r>"),
            "the body is not JSON",
        ),
        (
            "YAML",
            format!("Access-Token: {odd}\nexpires: 60"),
            "the body is not JSON",
        ),
        (
            "an event stream",
            format!("data: {{\"accessToken\":\"{odd}\"}}\n\n"),
            "the body is not JSON",
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, body, text)| {
            for status in [200, 403] {
                let server = Server::replies([Reply::json(status, body)]);
                let mut env = TestEnv::caching(&server);
                let output = env.secret(odd).run(&["get"]);
                output.exits(7).never_says("c2Vj");
                if status == 200 || text.starts_with("members") {
                    output.says(text);
                }
            }
        },
    );
}

#[test]
fn a_binary_body_is_not_shown_and_its_encoding_is_named() {
    let utf16 = |text: &str| {
        text.encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<u8>>()
    };
    let rows: Vec<(&str, &str, Vec<u8>)> = vec![
        ("gzip", "gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03ABCD".to_vec()),
        (
            "brotli that looks like text",
            "br",
            b"\x0b\x02\x80ABCD\x03".to_vec(),
        ),
        ("UTF-16", "", utf16(&format!("<p>ABCD {SECRET}"))),
        ("Latin-1", "", b"caf\xe9 ABCD".to_vec()),
        ("a control character", "", b"ABCD\x07".to_vec()),
        ("a C1 control character", "", "ABCD\u{9b}31m".into()),
        ("NULs", "", b"\0\0ABCD".to_vec()),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, encoding, body)| {
            let headers = format!("Content-Type: text/html\r\nContent-Encoding: {encoding}\r\n");
            let headers = if encoding.is_empty() {
                "Content-Type: text/html\r\n"
            } else {
                &headers
            };
            for status in [200, 401, 403] {
                let output = get(Reply::http(status, headers, body));
                output.never_says("ABCD");
                if status != 401 && !encoding.is_empty() {
                    output
                        .exits(7)
                        .says(&format!("Content-Encoding {encoding}"));
                }
            }
        },
    );
    for encoding in ["", "identity", "Identity"] {
        let headers = format!("Content-Type: text/plain\r\nContent-Encoding: {encoding}\r\n");
        get(Reply::http(403, &headers, "denied"))
            .exits(7)
            .says("text/plain: \"denied\"");
    }
    // A wrong header does not matter if the body can be read.
    let headers = "Content-Type: application/json\r\nContent-Encoding: utf-8\r\n";
    get(Reply::http(200, headers, token_json())).exits(0);
}

/// `TestEnv` checks stderr for the characters themselves.
#[test]
fn terminal_and_ci_commands_are_escaped() {
    let rows = [
        ("colours", "\u{1b}[31mred\u{1b}[0m"),
        ("a title", "\u{1b}]0;owned\u{7}"),
        ("C1 controls", "\u{9b}31m\u{9d}0;owned\u{9c}"),
        ("a carriage return", "abc\rxyz"),
        ("NUL, DEL and backspace", "a\0b\u{7f}c\u{8}"),
        (
            "bidi overrides",
            "a\u{202e}b\u{202d}c\u{202a}d\u{202b}e\u{202c}f",
        ),
        (
            "bidi isolates and marks",
            "a\u{2066}b\u{2067}c\u{2069}e\u{200e}f\u{61c}",
        ),
        (
            "fake error lines",
            "no\ncells-token: error: fake\nhint: fake",
        ),
        ("other line ends", "no\u{85}fake\u{b}fake\u{2028}fake"),
        ("Azure Pipelines", "##vso[task.setvariable variable=x]y"),
        ("GitHub's old commands", "see ##[add-path]x"),
        ("three number signs", "###vso[x]"),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, text)| {
            let error = json!({ "error": "invalid_request", "error_description": text });
            let vendors = json!({ "Error": { "Code": text, "Message": text } });
            let named = json!({ text.to_string(): text });
            for (status, body) in [(400, error), (401, vendors), (200, named)] {
                let output = get(Reply::json(status, body.to_string()));
                output
                    .never_says("\nhint: fake")
                    .never_says("\ncells-token: error: fake")
                    .never_says("##");
            }
            get(Reply::text(200, "text/html", text))
                .exits(7)
                .never_says("\nhint: fake")
                .never_says("##");
        },
    );
}

#[test]
fn members_beside_a_token_that_quote_the_secret_are_replaced() {
    let body = json!({
        "access_token": TOKEN, "scope": format!("a {SECRET}"), "list": [{ "x": SECRET }], format!("name {SECRET}"): 1,
        "plain": "unchanged", "expires_in": 3600,
    });
    let server = Server::replies([Reply::json(200, body.to_string())]);
    let env = TestEnv::caching(&server);
    let printed = env.run(&["get", "-o", "json"]).json();
    assert_eq!(printed["scope"], "[redacted]");
    assert_eq!(printed["list"], "[redacted]");
    assert_eq!(printed["[redacted]"], 1);
    assert_eq!(printed["plain"], "unchanged");
}

#[test]
fn an_odd_content_type_does_not_hide_the_body() {
    for content_type in [
        "a/b\u{202e}c",
        "x/\tY",
        &format!("text/{TOKEN}"),
        "caf\u{e9}",
        "",
    ] {
        get(Reply::text(200, content_type, "odd"))
            .exits(7)
            .says("odd");
    }
}
