//! `-o json`: the server's members, our own, and escapes for what a terminal or CI log would interpret.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::support::{Output, Reply, Server, TOKEN, TestEnv, each_row, jwt, token_json};

fn get_json(reply: Reply) -> Output {
    let server = Server::replies([reply]);
    TestEnv::for_server(&server).run(&["get", "-o", "json"])
}

fn with(members: &str) -> Reply {
    Reply::json(200, format!("{{\"access_token\":\"opaque\"{members}}}"))
}

fn now() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    since_1970.unwrap().as_secs()
}

/// Parses a time in RFC 3339 with whole seconds and `Z`; returns seconds since 1970.
#[track_caller]
fn seconds(time: &Value) -> u64 {
    let text = time.as_str().unwrap_or_else(|| panic!("no time: {time}"));
    let has_form = text.len() == "2026-01-02T03:04:05Z".len() && text.ends_with('Z');
    assert!(has_form, "{text}");
    let time = humantime::parse_rfc3339(text).unwrap();
    time.duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn the_servers_members_keep_their_order_and_digits() {
    let body = format!(
        r#"{{"zeta":[1,{{"b":2,"a":null}}],"access_token":"{TOKEN}","big":12345678901234567890.123,"expires_in":3600,"alpha":"é\n"}}"#
    );
    let output = get_json(Reply::json(200, body));
    let printed = output.json();
    let names: Vec<_> = printed.as_object().unwrap().keys().cloned().collect();
    let expected = [
        "zeta",
        "access_token",
        "big",
        "expires_in",
        "alpha",
        "obtained_at",
        "expires_at",
        "from_cache",
    ];
    assert_eq!(names, expected);
    assert_eq!(printed["zeta"], json!([1, { "b": 2, "a": null }]));
    assert_eq!(printed["alpha"], "é\n");
    assert_eq!(printed["big"].to_string(), "12345678901234567890.123");
}

#[test]
fn our_members_replace_the_servers() {
    let output = get_json(with(
        r#","from_cache":true,"obtained_at":"yesterday","expires_at":7,"expires_in":3600"#,
    ));
    let printed = output.json();
    assert_eq!(printed["from_cache"], false);
    assert!(seconds(&printed["expires_at"]) > seconds(&printed["obtained_at"]));
    for name in ["from_cache", "obtained_at", "expires_at", "expires_in"] {
        assert_eq!(
            output.stdout.matches(&format!("\"{name}\"")).count(),
            1,
            "{output}"
        );
    }
}

#[test]
fn every_form_of_response_is_printed_as_an_object_with_the_token() {
    let object_in_string = json!(token_json()).to_string();
    for reply in [
        Reply::json(200, object_in_string),
        Reply::json(200, json!(TOKEN).to_string()),
        Reply::text(200, "text/plain", TOKEN),
    ] {
        assert_eq!(get_json(reply).json()["access_token"], TOKEN);
    }
}

/// `src/oauth/token_response/tests.rs` has more lifetimes.
#[test]
fn the_times_follow_the_lifetime() {
    let hour = jwt(&json!({ "iat": 1_700_000_000, "exp": 1_700_003_600 }));
    let past = jwt(&json!({ "iat": 1_700_000_000, "exp": 1_700_000_000 }));
    let jwt_with = |jwt: &str, expires_in: Value| {
        Reply::json(
            200,
            json!({ "access_token": jwt, "expires_in": expires_in }).to_string(),
        )
    };
    let rows = [
        ("a number", with(r#","expires_in":3600"#), Some(3600)),
        (
            "a numeric string",
            with(r#","expires_in":"86400""#),
            Some(86400),
        ),
        ("a float", with(r#","expires_in":3599.5"#), Some(3599)),
        ("null", with(r#","expires_in":null"#), None),
        ("absent", with(""), None),
        (
            "null beside a JWT",
            jwt_with(&hour, Value::Null),
            Some(3600),
        ),
        (
            "more than a JWT's",
            jwt_with(&hour, json!(86400)),
            Some(3600),
        ),
        ("less than a JWT's", jwt_with(&hour, json!(600)), Some(600)),
        (
            "beside a JWT without a lifetime",
            jwt_with(&past, json!(600)),
            Some(600),
        ),
        (
            "a bare JWT",
            Reply::json(200, json!(hour).to_string()),
            Some(3600),
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, reply, lifetime)| {
            let before = now();
            let printed = get_json(reply.clone()).json();
            let passed = now() - before;
            let obtained = seconds(&printed["obtained_at"]);
            assert!(before - 1 <= obtained && obtained <= now(), "{printed}");
            assert_eq!(printed["from_cache"], false);
            let Some(lifetime) = *lifetime else {
                assert_eq!(printed["expires_at"], Value::Null, "{printed}");
                assert_eq!(printed["expires_in"], Value::Null, "{printed}");
                return;
            };
            let left = printed["expires_in"].as_u64().unwrap();
            assert!(
                (lifetime - passed - 2..=lifetime).contains(&left),
                "{printed}"
            );
            // Both times are rounded down.
            let lives = seconds(&printed["expires_at"]) - obtained;
            assert!(lives.abs_diff(lifetime) <= 1, "{printed}");
        },
    );
}

#[test]
fn a_token_with_a_lifetime_of_zero_is_printed_with_a_warning_and_not_cached() {
    for expires_in in ["0", "-5", "\"0\""] {
        let server = Server::replies([
            with(&format!(",\"expires_in\":{expires_in}")),
            Reply::token(),
        ]);
        let env = TestEnv::caching(&server);
        let output = env.run(&["get"]);
        output
            .exits(0)
            .prints("opaque\n")
            .says("cells-token: warning: ");
        env.run(&["get"]).exits(0).prints(&format!("{TOKEN}\n"));
    }
}

#[test]
fn an_absurd_lifetime_does_not_stop_the_token() {
    for value in [
        "99999999999999999999",
        "1e300",
        "\"\"",
        "\"soon\"",
        "true",
        "[]",
        "253402300800",
        "9223372036854775807",
    ] {
        get_json(with(&format!(",\"expires_in\":{value}"))).json();
    }
}

#[test]
fn terminal_and_ci_commands_are_escaped() {
    let text = "\u{1b}[31m\u{9b}\u{7f}\u{85} \u{202e}\u{2066}\u{200b}\u{feff} ##vso[task.x]y ###";
    let body = json!({ "access_token": TOKEN, "scope": text, text.to_owned(): [text] });
    let server = Server::replies([Reply::json(200, body.to_string())]);
    let env = TestEnv::caching(&server);
    for _ in ["fetched", "cached"] {
        let output = env.run(&["get", "-o", "json"]);
        let printed = output.json();
        assert_eq!(printed["scope"], text);
        assert_eq!(printed[text], json!([text]));
        let line = output.stdout.trim_end();
        assert!(
            line.is_ascii() && !line.contains(char::is_control) && !line.contains("##"),
            "{output}"
        );
    }
}
