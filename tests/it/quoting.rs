//! What a server wrote, shown to a person: enough of it to understand, nothing that leaks or misleads, and no redirect
//! followed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::support::{ID, Reply, SECRET, Server, TOKEN, TestEnv, each_row, token_json};

#[test]
fn redirects_are_never_followed() {
    for status in [300, 301, 302, 303, 305, 307, 308] {
        let target = Server::untouched();
        let location = target
            .url()
            .replacen("http://", "http://visitor:hunter2-hunter2@", 1);
        let headers = format!("Location: {location}/elsewhere?code=query-of-target\r\n");
        let server = Server::replies([Reply::http(status, &headers, "")]);
        let mut env = TestEnv::for_server(&server);
        env.secret("hunter2-hunter2").secret("query-of-target");
        let output = env.run(&["get"]);
        output.exits(7).says(&status.to_string());
        output
            .says(&format!("{}/elsewhere", target.url()))
            .never_says("visitor");
    }
}

#[test]
fn odd_redirect_targets_are_survived() {
    for location in [
        "/relative?q=query-of-target",
        "//host.invalid?q=query-of-target",
        "?q=query-of-target",
        "",
        "https://",
        "http://[::1",
        "https://visitor:query-of-target@host.invalid",
        "https:visitor:query-of-target@host.invalid/x",
        "javascript:alert(1)",
        "https://host.invalid/\u{202e}gpj",
        "#fragment",
    ] {
        let server = Server::replies([Reply::http(302, &format!("Location: {location}\r\n"), "")]);
        let mut env = TestEnv::for_server(&server);
        env.secret("query-of-target")
            .run(&["get"])
            .exits(7)
            .never_says("visitor");
    }
}

#[test]
fn a_redirect_is_described_whatever_it_leads_to() {
    for (headers, text, lie) in [
        (
            "Location: javascript:alert(1)\r\n",
            "it redirects to javascript:alert(1),",
            "null",
        ),
        (
            "Location: mailto:a@host.invalid\r\n",
            "it redirects to mailto:a@host.invalid,",
            "null",
        ),
        ("", "the status is not 200 (status 304,", "redirects"),
    ] {
        let status = if headers.is_empty() { 304 } else { 302 };
        let server = Server::replies([Reply::http(status, headers, "")]);
        let env = TestEnv::for_server(&server);
        env.run(&["get"]).exits(7).says(text).never_says(lie);
    }
}

#[test]
fn a_redirect_does_not_quote_the_secret() {
    let encoded: String = form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let headers = format!("Location: https://host.invalid/login/{encoded}\r\n");
    let server = Server::replies([Reply::http(302, &headers, "")]);
    TestEnv::for_server(&server)
        .run(&["get"])
        .exits(7)
        .says("host.invalid");
}

#[test]
fn an_invalid_answer_is_quoted_to_its_200th_character() {
    let body = format!(
        "{}-END-WITHIN{}",
        "ab ".repeat(63),
        "#OUT-OF-SIGHT ".repeat(10)
    );
    assert_eq!(body.find("#OUT"), Some(200));
    let server = Server::replies([Reply::text(200, "text/x-odd", body)]);
    let output = TestEnv::for_server(&server).run(&["get"]);
    output
        .exits(7)
        .says("200")
        .says("text/x-odd")
        .says("END-WITHIN")
        .never_says("END-WITHIN#");
}

#[test]
fn characters_of_several_bytes_are_cut_whole() {
    for shift in 0..4 {
        let body = "x".repeat(shift) + &"日🔑".repeat(500);
        let server = Server::replies([Reply::text(200, "text/plain", body)]);
        TestEnv::for_server(&server)
            .run(&["get"])
            .exits(7)
            .says("日")
            .never_says("\u{fffd}");
    }
}

#[test]
fn what_the_service_says_is_passed_on() {
    let described = json!({ "error": "invalid_client", "error_description": "client is not active yet", "error_uri": "https://host.invalid/e" });
    let server = Server::replies([Reply::json(401, described.to_string())]);
    let output = TestEnv::for_server(&server).run(&["get"]);
    output
        .exits(4)
        .says("invalid_client")
        .says("client is not active yet");

    let server = Server::replies([Reply::vendor_error(401, "errorAuthorization")]);
    let output = TestEnv::for_server(&server).run(&["get"]);
    output
        .exits(4)
        .says("errorAuthorization")
        .says("Not allowed");
}

#[test]
fn errors_of_odd_shape_are_survived() {
    for body in [
        r#"{"error":null}"#,
        r#"{"error":42}"#,
        r#"{"error":{}}"#,
        r#"{"error":["invalid_client"]}"#,
        r#"{"error":""}"#,
        r#"{"error":"invalid_request","error_description":{"a":1}}"#,
        r#"{"error":"invalid_request","error_description":7}"#,
        r#"{"Error":null}"#,
        r#"{"Error":"text"}"#,
        r#"{"Error":{}}"#,
        r#"{"Error":{"Code":7,"Message":null}}"#,
        r#"{"RequestId":1,"Error":[]}"#,
        r#"{"error":"a","error":"b"}"#,
    ] {
        for status in [200, 400] {
            let server = Server::replies([Reply::json(status, body)]);
            let output = TestEnv::for_server(&server).run_once(&["get"]);
            assert!(matches!(output.code, Some(4 | 7)), "{body}: {output}");
        }
    }
}

/// Ways in which a server can quote the secret back. The leak check of every run judges.
#[test]
fn the_secret_is_redacted_however_a_server_quotes_it() {
    let form: String = form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let quoted = serde_json::to_string(SECRET).unwrap();
    let rows = [
        ("raw", SECRET.to_owned()),
        ("form-encoded", form.clone()),
        ("JSON-encoded", quoted.trim_matches('"').to_owned()),
        ("base64", STANDARD.encode(SECRET)),
        (
            "the body that was sent",
            format!("grant_type=client_credentials&client_id={ID}&client_secret={form}"),
        ),
        ("twice", format!("{SECRET}{SECRET}")),
        (
            "with escapes around",
            format!("\u{1b}[31m{SECRET}\u{1b}[0m"),
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, text)| {
            let described = json!({ "error": "invalid_client", "error_description": format!("no such secret {text} here") });
            let named = json!({ "error": format!("x {text} x") });
            let from_vendor = json!({ "RequestId": text, "Error": { "Code": format!("c {text}"), "Message": format!("m {text}"), "Description": format!("d {text}") } });
            for (status, body) in [
                (401, &described),
                (200, &described),
                (503, &described),
                (400, &named),
                (401, &from_vendor),
                (500, &from_vendor),
            ] {
                let server = Server::replies([Reply::json(status, body.to_string())]);
                let output = TestEnv::for_server(&server).run_once(&["get"]);
                if status == 401 || status == 400 {
                    output.says("[redacted]");
                }
            }
            let mangled = format!("<p>{text}</p>");
            for (status, content_type) in [
                (200, "text/html"),
                (403, "text/plain"),
                (401, "text/html"),
                (502, "text/html"),
                (200, "application/json"),
            ] {
                let server = Server::replies([Reply::text(status, content_type, &mangled)]);
                TestEnv::for_server(&server).run_once(&["get", "-v"]);
            }
        },
    );
}

/// As a server's own language has it, which escapes what another leaves.
#[test]
fn the_secret_is_redacted_whatever_the_encoder_escapes() {
    let odd = r#"ab<c>+d/e~f&g"h\i"#;
    let rows = [
        (
            "Python's quote",
            "s3cr3t+very/secret=42",
            "s3cr3t%2Bvery/secret%3D42",
        ),
        ("encodeURIComponent", "a!b(c)d+e f", "a!b(c)d%2Be%20f"),
        ("Go's JSON", odd, r#"ab\u003cc\u003e+d/e~f\u0026g\"h\\i"#),
        (
            ".NET's JSON",
            odd,
            r#"ab\u003Cc\u003E\u002Bd/e~f\u0026g\u0022h\\i"#,
        ),
        (
            "Python's quote_plus",
            odd,
            "ab%3Cc%3E%2Bd%2Fe~f%26g%22h%5Ci",
        ),
        (
            "Python's JSON",
            "pässwört\"x+1",
            r#"p\u00e4ssw\u00f6rt\"x+1"#,
        ),
        ("HTML", odd, r"ab&lt;c&gt;+d/e~f&amp;g&quot;h\i"),
        ("HTML with numbers", "it's+so", "it&#39;s+so"),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, secret, quoted)| {
            let described = json!({ "error": "invalid_request", "error_description": format!("no ({quoted})") });
            for reply in [
                Reply::text(400, "text/html", format!("no ({quoted})")),
                Reply::json(400, described.to_string()),
            ] {
                let server = Server::replies([reply]);
                let mut env = TestEnv::for_server(&server);
                env.secret(secret).var("CELLS_CLIENT_SECRET", *secret);
                let output = env.run(&["get"]);
                output.exits(7).says("no ([redacted])");
            }
        },
    );
}

#[test]
fn a_secret_that_the_64_kib_cut_in_two_is_not_shown() {
    let secret = "s3cret-s3cret-s3cret!";
    let body = format!("{} {secret}zzzz", "A".repeat(65_516));
    let server = Server::replies([Reply::text(400, "text/html", body)]);
    let mut env = TestEnv::for_server(&server);
    env.secret(secret).var("CELLS_CLIENT_SECRET", secret);
    let output = env.run(&["get"]);
    output.exits(7).says("[redacted]").never_says("s3cret-");
}

#[test]
fn a_secret_across_the_200th_character_is_redacted_whole() {
    for before in 180..200 {
        let body = format!(
            "{} {SECRET} after",
            "-".repeat(before).replace("---", "-- ")
        );
        let server = Server::replies([Reply::text(200, "text/html", body)]);
        let mut env = TestEnv::for_server(&server);
        // Half of it would be too much as well.
        env.secret(&SECRET[..10]).run(&["get"]).exits(7);
    }
}

#[test]
fn a_short_secret_does_not_hide_the_message() {
    let server = Server::replies([Reply::oauth_error(401, "invalid_client")]);
    let output = TestEnv::new().run(&[
        "get",
        "--base-url",
        server.url(),
        "--client-id",
        ID,
        "--client-secret",
        "zqzqzq",
    ]);
    output.exits(4).says("invalid_client");
}

#[test]
fn long_runs_that_could_be_tokens_are_redacted() {
    let run = |length: usize| "Ab9-._~+/".chars().cycle().take(length).collect::<String>();
    for (length, shown) in [
        (39, true),
        (40, false),
        (41, false),
        (200, false),
        (2000, false),
    ] {
        let text = run(length);
        let described =
            json!({ "error": "invalid_request", "error_description": format!("see {text} there") })
                .to_string();
        let page = format!("<p> {text} </p>");
        for reply in [
            Reply::json(400, described),
            Reply::text(400, "text/html", page),
        ] {
            let server = Server::replies([reply]);
            let output = TestEnv::for_server(&server).run(&["get"]);
            output.exits(7);
            if shown {
                output.says(&text);
            } else {
                output.says("[redacted]").never_says(&text[..20]);
            }
        }
    }
}

#[test]
fn a_token_in_a_failed_answer_is_not_shown() {
    for (status, content_type) in [
        (200, "text/html"),
        (400, "application/json"),
        (401, "application/json"),
        (503, "text/plain"),
    ] {
        let server = Server::replies([Reply::text(
            status,
            content_type,
            format!("<{TOKEN}> {}", token_json()),
        )]);
        TestEnv::for_server(&server).run_once(&["get", "-v"]);
    }
    let server = Server::replies([Reply::json(
        400,
        json!({ "error": "invalid_request", "error_description": TOKEN }).to_string(),
    )]);
    TestEnv::for_server(&server).run(&["get"]).exits(7);
}

/// Texts that would fool a terminal or a reader of logs. The voice check of every run judges the characters; here
/// what is left must be on the error's own line.
#[test]
fn control_and_bidi_characters_are_escaped() {
    let rows = [
        ("colours", "\u{1b}[31mred\u{1b}[0m"),
        ("a title", "\u{1b}]0;owned\u{7}"),
        ("a cleared screen", "\u{1b}[2J\u{1b}[H"),
        (
            "a hyperlink",
            "\u{1b}]8;;http://host.invalid\u{1b}\\click\u{1b}]8;;\u{1b}\\",
        ),
        ("C1 controls", "\u{9b}31m\u{9d}0;owned\u{9c}"),
        ("backspaces", "abc\u{8}\u{8}\u{8}xyz"),
        ("carriage return", "abc\rxyz"),
        ("NUL and DEL", "a\0b\u{7f}c"),
        (
            "bidi overrides",
            "a\u{202e}b\u{202d}c\u{202a}d\u{202b}e\u{202c}f",
        ),
        ("bidi isolates", "a\u{2066}b\u{2067}c\u{2068}d\u{2069}e"),
        ("bidi marks", "a\u{200e}b\u{200f}c\u{61c}d"),
        (
            "lines that look like ours",
            "no\ncells-token: error: fake\nhint: fake",
        ),
        ("line ends of other kinds", "no\u{85}fake\u{b}fake\u{c}fake"),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, text)| {
            let described = json!({ "error": "invalid_request", "error_description": text });
            let named = json!({ "error": text });
            let from_vendor =
                json!({ "Error": { "Code": text, "Message": text, "Description": text } });
            let mangled_type = json!({ "access_token": "abc", "token_type": text });
            for (status, body) in [
                (400, described),
                (400, named),
                (401, from_vendor),
                (200, mangled_type),
            ] {
                let server = Server::replies([Reply::json(status, body.to_string())]);
                TestEnv::for_server(&server)
                    .run(&["get", "-v"])
                    .never_says("\nhint: fake")
                    .never_says("\ncells-token: error: fake");
            }
            let server = Server::replies([Reply::text(200, "text/html", text)]);
            let output = TestEnv::for_server(&server).run(&["get", "-v"]);
            output
                .exits(7)
                .never_says("\nhint: fake")
                .never_says("\ncells-token: error: fake");
        },
    );
}

#[test]
fn a_content_type_can_lie_but_not_harm() {
    for content_type in [
        "a/b\u{202e}c",
        "x/\tY",
        SECRET,
        &format!("text/{TOKEN}"),
        "caf\u{e9}",
        "",
    ] {
        let server = Server::replies([Reply::text(200, content_type, "odd")]);
        TestEnv::for_server(&server).run_once(&["get"]);
    }
}
