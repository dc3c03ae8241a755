//! What is printed: the formats, the times in them, and what happens where stdout cannot be written.

use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::support::{
    Gate, ID, Output, Reply, SECRET, Server, TOKEN, TestEnv, each_row, jwt, token_json,
};

/// What `-o json` prints for an answer.
fn json_for(reply: Reply) -> Value {
    let server = Server::replies([reply]);
    TestEnv::for_server(&server)
        .run(&["get", "-o", "json"])
        .json()
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// Seconds since 1970 of a time in the contract's one form.
#[track_caller]
fn seconds(time: &Value) -> u64 {
    let text = time.as_str().unwrap_or_else(|| panic!("no time: {time}"));
    assert!(
        text.len() == "2026-01-02T03:04:05Z".len() && text.ends_with('Z'),
        "{text}"
    );
    let time = humantime::parse_rfc3339(text).unwrap();
    time.duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn every_way_to_ask_for_a_format_works() {
    for args in [
        &["-o", "raw"][..],
        &["--output", "raw"],
        &["--output=raw"],
        &["-oraw"],
        &[],
    ] {
        let server = Server::replies([Reply::token()]);
        let output = TestEnv::for_server(&server).run(&[&["get"], args].concat());
        output.exits(0).prints(&format!("{TOKEN}\n"));
    }
    for args in [
        &["-o", "json"][..],
        &["--output", "json"],
        &["--output=json"],
        &["-ojson"],
    ] {
        let server = Server::replies([Reply::token()]);
        let output = TestEnv::for_server(&server).run(&[&["get"], args].concat());
        assert_eq!(output.json()["access_token"], TOKEN);
    }
}

#[test]
fn json_keeps_the_servers_members_in_their_order() {
    let body = format!(
        r#"{{"zeta":[1,{{"b":2,"a":null}}],"token_type":"Bearer","scope":"read write","access_token":"{TOKEN}","big":12345678901234567890.123,"expires_in":3600,"alpha":"é\n"}}"#
    );
    let server = Server::replies([Reply::json(200, body)]);
    let output = TestEnv::for_server(&server).run(&["get", "-o", "json"]);
    let printed = output.json();
    let names: Vec<&str> = printed
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        names[..7],
        [
            "zeta",
            "token_type",
            "scope",
            "access_token",
            "big",
            "expires_in",
            "alpha"
        ]
    );
    let mut added = names[7..].to_vec();
    added.sort_unstable();
    assert_eq!(added, ["expires_at", "from_cache", "obtained_at"]);
    assert_eq!(printed["zeta"], json!([1, { "b": 2, "a": null }]));
    assert_eq!(printed["alpha"], "é\n");
    assert!(
        output.stdout.contains("12345678901234567890.123"),
        "{output}"
    );
}

/// How the lifetime is told, and the lifetime in whole seconds, if any.
#[test]
fn json_tells_the_lifetime() {
    let with = |member: &str| {
        Reply::json(
            200,
            format!("{{\"access_token\":\"opaque\",\"token_type\":\"Bearer\"{member}}}"),
        )
    };
    let with_jwt = |claims: Value| {
        Reply::json(
            200,
            json!({ "access_token": jwt(&claims), "token_type": "Bearer" }).to_string(),
        )
    };
    let bare = |claims: Value| Reply::json(200, json!(jwt(&claims)).to_string());
    let hour = json!({ "iat": 1_700_000_000, "exp": 1_700_003_600 });
    let rows = [
        ("a number", with(r#","expires_in":3600"#), Some(3600)),
        ("a day", with(r#","expires_in":86400"#), Some(86400)),
        (
            "a numeric string",
            with(r#","expires_in":"3600""#),
            Some(3600),
        ),
        ("a float", with(r#","expires_in":3600.0"#), Some(3600)),
        (
            "a float between",
            with(r#","expires_in":3599.5"#),
            Some(3599),
        ),
        ("an exponent", with(r#","expires_in":3.6e3"#), Some(3600)),
        ("null", with(r#","expires_in":null"#), None),
        ("absent", with(""), None),
        ("absent in a JWT", with_jwt(hour.clone()), Some(3600)),
        (
            "null beside a JWT",
            Reply::json(
                200,
                json!({ "access_token": jwt(&hour), "expires_in": null }).to_string(),
            ),
            Some(3600),
        ),
        (
            "a number beside a JWT that lives shorter",
            Reply::json(
                200,
                json!({ "access_token": jwt(&hour), "expires_in": 86400 }).to_string(),
            ),
            Some(3600),
        ),
        ("a bare JWT", bare(hour), Some(3600)),
        (
            "a JWT without iat",
            with_jwt(json!({ "exp": 4_000_000_000_u64 })),
            None,
        ),
        (
            "a JWT without exp",
            with_jwt(json!({ "iat": 1_700_000_000 })),
            None,
        ),
        (
            "a JWT of odd claims",
            with_jwt(json!({ "iat": "x", "exp": [] })),
            None,
        ),
        ("a JWT without an object", with_jwt(json!("words")), None),
        (
            "three parts that are no JWT",
            Reply::json(200, r#"{"access_token":"a.b.c"}"#),
            None,
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, reply, lifetime)| {
            let before = now();
            let printed = json_for(reply.clone());
            let after = now();
            let obtained = seconds(&printed["obtained_at"]);
            assert!(
                (before.saturating_sub(1)..=after).contains(&obtained),
                "{printed}"
            );
            assert_eq!(printed["from_cache"], false);
            let Some(lifetime) = *lifetime else {
                assert_eq!(printed.get("expires_at"), Some(&Value::Null), "{printed}");
                assert!(
                    printed.get("expires_in").is_none_or(Value::is_null),
                    "{printed}"
                );
                return;
            };
            let remains = printed["expires_in"]
                .as_u64()
                .unwrap_or_else(|| panic!("no whole seconds: {printed}"));
            assert!(
                (lifetime - (after - before) - 2..=lifetime).contains(&remains),
                "{printed}"
            );
            // Each is rounded down for itself.
            let lives = seconds(&printed["expires_at"]) - obtained;
            assert!(lives.abs_diff(lifetime) <= 1, "{printed}");
        },
    );
}

#[test]
fn a_lifetime_beyond_reason_is_survived() {
    for value in [
        "99999999999999999999",
        "1e300",
        "-5",
        "0",
        "\"\"",
        "\"soon\"",
        "true",
        "[]",
        "253402300800",
        "9223372036854775807",
    ] {
        let server = Server::replies([Reply::json(
            200,
            format!("{{\"access_token\":\"opaque\",\"expires_in\":{value}}}"),
        )]);
        let output = TestEnv::for_server(&server).run(&["get", "-o", "json"]);
        assert!(matches!(output.code, Some(0 | 7)), "{value}: {output}");
        if output.code == Some(0) {
            output.json();
        }
    }
}

#[test]
fn our_members_win_over_the_servers() {
    let body = format!(
        r#"{{"access_token":"{TOKEN}","from_cache":true,"obtained_at":"yesterday","expires_at":7,"expires_in":3600}}"#
    );
    let server = Server::replies([Reply::json(200, body)]);
    let output = TestEnv::for_server(&server).run(&["get", "-o", "json"]);
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
fn json_from_other_forms_of_answer_has_the_token_too() {
    let string = serde_json::to_string(&token_json()).unwrap();
    assert_eq!(json_for(Reply::json(200, string))["access_token"], TOKEN);
    assert_eq!(
        json_for(Reply::json(200, json!(TOKEN).to_string()))["access_token"],
        TOKEN
    );
    assert_eq!(
        json_for(Reply::text(200, "text/plain", TOKEN))["access_token"],
        TOKEN
    );
}

/// `/dev/full` refuses every write.
#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_exit_1() {
    for format in ["raw", "json"] {
        let server = Server::replies([Reply::token()]);
        let full = std::fs::File::create("/dev/full").unwrap();
        let output = TestEnv::for_server(&server)
            .start_into(&["get", "-o", format], Stdio::from(full))
            .finish();
        output.exits(1).assert_voice();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_exit_1_for_help_too() {
    for option in ["--help", "--version"] {
        let full = std::fs::File::create("/dev/full").unwrap();
        let output = TestEnv::new()
            .start_into(&[option], Stdio::from(full))
            .finish();
        output.exits(1).assert_voice();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_stderr_that_cannot_be_written_changes_nothing() {
    let server = Server::replies([Reply::token()]);
    let env = TestEnv::for_server(&server);
    env.sh("cells-token get -v 2>/dev/full")
        .exits(0)
        .prints(&format!("{TOKEN}\n"));
    env.sh("CELLS_CLIENT_ID= cells-token get 2>/dev/full")
        .exits(3)
        .prints("");
    env.sh("cells-token get --no-such-option 2>/dev/full")
        .exits(2)
        .prints("");
}

#[test]
fn a_reader_that_went_away_is_exit_0_and_quiet() {
    let gate = Gate::default();
    let server = Server::replies([Reply::token().held_by(&gate)]);
    let (reader, writer) = std::io::pipe().unwrap();
    let env = TestEnv::for_server(&server);
    let running = env.start_into(&["get"], Stdio::from(writer));
    server.wait_for_requests(1);
    drop(reader);
    gate.open();
    let output = running.finish();
    output.exits(0);
    assert_eq!(output.stderr, "", "{output}");
}

#[test]
fn help_to_a_reader_that_went_away_is_quiet() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = TestEnv::new()
        .start_into(&["--help"], Stdio::from(writer))
        .finish();
    output.exits(0).assert_calm();
}

#[test]
fn quiet_says_errors_only() {
    for quiet in ["-q", "--quiet"] {
        let server = Server::replies([Reply::token()]);
        let output = TestEnv::for_server(&server).run(&["get", quiet]);
        output.exits(0).prints(&format!("{TOKEN}\n"));
        assert_eq!(output.stderr, "", "{output}");
        TestEnv::new()
            .run(&["get", quiet])
            .exits(3)
            .says("cells-token: error: ");
    }
}

#[test]
fn success_leaves_stdout_the_same_however_loud_it_is() {
    for loudness in ["-v", "--verbose", "-q"] {
        let server = Server::replies([Reply::token()]);
        TestEnv::for_server(&server)
            .run(&["get", loudness])
            .exits(0)
            .prints(&format!("{TOKEN}\n"));
    }
}

fn verbose(env: &TestEnv, args: &[&str]) -> Output {
    let output = env.run(&[&["get", "-v"], args].concat());
    output.exits(0);
    output
}

#[test]
fn verbose_names_the_winner_and_everyone_passed_over() {
    let server = Server::always(Reply::token());
    let mut env = TestEnv::for_server(&server);
    env.var("ProductClientId", "product")
        .var("ProductClientSecret", "secret-of-product");
    env.var("ASPOSE_CLIENT_ID", "half");
    env.var("CellsCloudClientId", "sdk")
        .var("CellsCloudClientSecret", "secret-of-sdk");
    let output = verbose(&env, &[]);
    for name in [
        "CELLS_CLIENT_ID",
        "CELLS_CLIENT_SECRET",
        "CellsCloudClient",
        "ProductClient",
        "ASPOSE_CLIENT_ID",
    ] {
        output.says(name);
    }

    let output = verbose(
        &env,
        &["--client-id", ID, "--client-secret", "secret-of-flag"],
    );
    for name in [
        "--client-id",
        "--client-secret",
        "CELLS_CLIENT_ID",
        "CELLS_CLIENT_SECRET",
    ] {
        output.says(name);
    }

    let file = env.file("the-file", SECRET);
    let output = verbose(&env, &["--client-secret-file", &file]);
    output.says("the-file").says("CELLS_CLIENT_SECRET");
}

#[test]
fn verbose_tells_of_the_attempt() {
    let server = Server::replies([Reply::token()]);
    let env = TestEnv::for_server(&server);
    verbose(&env, &[]).says(&format!("127.0.0.1:{}", server.port()));

    let server = Server::replies([Reply::http(403, "", "")]);
    TestEnv::for_server(&server)
        .run(&["get", "-v"])
        .exits(7)
        .says("403");
}

#[test]
fn success_takes_no_longer_than_the_service() {
    let server = Server::replies([Reply::token()]);
    let output = TestEnv::for_server(&server).run(&["get"]);
    assert!(output.elapsed < Duration::from_secs(5), "{output}");
}

#[test]
fn the_version_is_the_packages() {
    let output = TestEnv::new().run(&["--version"]);
    output
        .exits(0)
        .prints(&format!("cells-token {}\n", env!("CARGO_PKG_VERSION")));
}
