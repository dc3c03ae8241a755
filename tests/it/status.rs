//! `status` shows the settings in effect and the cached token, without a request, the token or the secret.

use serde_json::{Value, json};

use crate::support::{ID, Reply, SECRET, Server, TestEnv, jwt};

/// An environment in which a token with these claims is cached; its server must not be called again.
fn cached(claims: &Value) -> (Server, TestEnv) {
    let token = jwt(claims);
    let answer = json!({ "access_token": token, "token_type": "Bearer", "expires_in": 3600 });
    let server = Server::replies([Reply::json(200, answer.to_string())]);
    let mut env = TestEnv::caching(&server);
    env.token(&token);
    env.run(&["get"]).exits(0);
    (server, env)
}

/// The JSON report. Checks that the token is not in it.
#[track_caller]
fn status(env: &TestEnv, options: &[&str]) -> Value {
    let output = env.run(&[&["status", "-o", "json"], options].concat());
    let report = output.json();
    assert!(!output.stdout.contains("eyJ"), "{output}");
    report
}

/// The state in both formats.
#[track_caller]
fn state(env: &TestEnv, options: &[&str]) -> String {
    let report = status(env, options);
    let state = report["token"]["state"].as_str().unwrap();
    let description = match state {
        "expires_soon" => "expires soon, so a new one would be requested",
        "other_secret" => "obtained with another secret, so not used",
        "off" => "the cache is off",
        "unknown" => "not known without a client id",
        same => same,
    };
    let reason = report["token"]["reason"].as_str();
    let reason = reason
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default();
    let output = env.run(&[&["status"], options].concat());
    let line = format!("\ncached token   {description}{reason}\n");
    assert!(format!("{}\n", output.stdout).contains(&line), "{output}");
    state.to_owned()
}

#[test]
fn the_state_of_the_token_is_one_of_seven_words() {
    let (_server, mut env) = cached(&json!({}));
    assert_eq!(state(&env, &[]), "good");
    assert_eq!(state(&env, &["--min-ttl", "2h"]), "good", "for a minute");
    env.edit_dates(100, 3600);
    assert_eq!(state(&env, &["--min-ttl", "59m"]), "expires_soon");
    env.edit_dates(3500, 3600);
    assert_eq!(state(&env, &[]), "expires_soon");
    env.edit_dates(3600, 3600);
    assert_eq!(state(&env, &[]), "expired");
    env.edit_dates(0, 3600);
    assert_eq!(
        state(&env, &["--client-secret", "rotated-secret"]),
        "other_secret"
    );
    assert_eq!(state(&env, &["--client-id", "another-id"]), "none");
    assert_eq!(state(&env, &["--base-url", "http://127.0.0.1:9"]), "none");
    assert_eq!(state(&env, &["--no-cache"]), "off");
    // Without a secret at hand the token is good, too.
    env.var("CELLS_CLIENT_SECRET", "");
    assert_eq!(state(&env, &[]), "good");
    env.var("CELLS_CLIENT_ID", "");
    assert_eq!(state(&env, &[]), "unknown");
    assert_eq!(state(&env, &["--no-cache"]), "off");
    env.edit("json", |entry| entry["version"] = 1.into());
    assert_eq!(state(&env, &["--client-id", ID]), "none");
}

#[test]
fn an_unusable_cache_directory_is_reported_as_off() {
    let server = Server::untouched();
    let mut env = TestEnv::caching(&server);
    let file = env.file("a-file", "");
    let output = env.run(&["status", "-o", "json", "--cache-dir", &file]);
    assert_eq!(output.json()["token"]["state"], "off");
    output.says("the cache is off");
    assert_eq!(output.json()["cache_file"], Value::Null);
}

#[test]
fn json_has_every_field_under_a_stable_name() {
    let (server, mut env) = cached(&json!({
        "iss": "https://issuer.example", "sub": "the-subject", "client_id": "the-client",
        "aud": ["one", "two"], "scope": "read write", "nbf": 1_700_000_000, "private": "not shown",
    }));
    env.var("ProductClientId", "another-id");
    env.edit_dates(600, 3600);
    let report = status(&env, &["--timeout", "1500ms", "--retries", "7"]);
    let names: Vec<_> = report.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "client_id",
            "client_id_source",
            "client_secret_source",
            "passed_over",
            "profiles",
            "token_url",
            "token_url_source",
            "proxy",
            "proxy_source",
            "ca_cert",
            "timeout",
            "retries",
            "cache_file",
            "token",
        ]
    );
    assert_eq!(report["client_id"], ID);
    assert_eq!(report["client_id_source"], "CELLS_CLIENT_ID");
    assert_eq!(report["client_secret_source"], "CELLS_CLIENT_SECRET");
    assert_eq!(report["passed_over"][0]["source"], "ProductClientId");
    assert!(report["passed_over"][0]["why"].is_string());
    assert_eq!(
        report["token_url"],
        format!("{}/v4.0/cells/connect/token", server.url())
    );
    assert_eq!(report["token_url_source"], "CELLS_BASE_URL");
    assert_eq!(report["proxy"], Value::Null);
    assert_eq!(report["timeout"].to_string(), "1.5");
    assert_eq!(report["retries"], 7);
    let file = std::path::Path::new(report["cache_file"].as_str().unwrap());
    assert_eq!(
        file.canonicalize().unwrap(),
        env.cache_file("json").canonicalize().unwrap()
    );
    let token = &report["token"];
    let close_to = |member: &str, seconds: u64| {
        let found = token[member].as_u64().unwrap();
        assert!(found.abs_diff(seconds) < 10, "{member}: {found}");
    };
    close_to("age", 600);
    close_to("expires_in", 3000);
    for member in ["obtained_at", "expires_at"] {
        let time = token[member].as_str().unwrap();
        assert!(
            humantime::parse_rfc3339(time).is_ok() && time.len() == 20,
            "{time}"
        );
    }
    let claims = json!({
        "issuer": "https://issuer.example", "subject": "the-subject", "client": "the-client",
        "audience": ["one", "two"], "scope": "read write", "not before": 1_700_000_000,
    });
    assert_eq!(token["claims"], claims);
}

#[test]
fn text_is_aligned_and_has_the_same_content() {
    let (server, env) = cached(&json!({ "iss": "https://issuer.example", "scope": "read" }));
    env.edit_dates(600, 3600);
    let output = env.run(&["status"]);
    output.exits(0);
    assert_eq!(output.stderr, "");
    let lines: Vec<_> = output.stdout.lines().collect();
    let column = lines[0].find(ID).unwrap();
    for line in &lines {
        assert!(
            line[..column].ends_with("  ") && !line[column..].starts_with(' '),
            "{output}"
        );
    }
    for (label, text) in [
        ("client id", ID),
        ("client secret", "from CELLS_CLIENT_SECRET"),
        ("token URL", server.url()),
        ("timeout", "90s, 3 retries"),
        ("cache", ".json"),
        ("cached token", "good"),
        ("obtained", "ago)"),
        ("expires", "left)"),
        ("issuer", "https://issuer.example"),
        ("scope", "read"),
    ] {
        let said = |line: &&str| line[..column].trim() == label && line[column..].contains(text);
        assert!(lines.iter().any(said), "{label} {text}: {output}");
    }
    assert!(!output.stdout.contains("eyJ"), "{output}");
}

#[test]
fn text_from_a_server_is_escaped() {
    let (_server, env) = cached(&json!({ "iss": "\u{1b}[31mred\u{202e}\nclient id  evil" }));
    let output = env.run(&["status"]);
    let harmful = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!output.stdout.contains(harmful), "{output}");
    assert_eq!(output.stdout.matches("\nclient id").count(), 0, "{output}");
}

#[test]
fn claims_are_shown_without_anything_that_may_be_a_secret() {
    let nested = jwt(&json!({ "sub": "the-subject" }));
    let long = "a".repeat(60);
    let (_server, mut env) = cached(&json!({
        "iss": long, "sub": "a 123456789012 b", "aud": ["one", { "k123456789012": 1_234_567_890_123_u64 }],
        "scope": format!("read {nested} write"), "client_id": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
    }));
    let mut expected = json!({
        "issuer": "[redacted]", "subject": "a 123456789012 b", "client": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
        "audience": ["one", { "k123456789012": 1_234_567_890_123_u64 }], "scope": "[redacted]",
    });
    assert_eq!(status(&env, &[])["token"]["claims"], expected);
    // From a file that is not searched for leaks: the cached token may contain it.
    let file = env.file("secret", "123456789012");
    let known = ["--client-secret-file", &file];
    expected["subject"] = "[redacted]".into();
    expected["audience"] = "[redacted]".into();
    assert_eq!(status(&env, &known)["token"]["claims"], expected);
    let output = env.run(&[&["status"][..], &known].concat());
    output.exits(0);
    for hidden in ["123456789012", &long, "eyJ"] {
        assert!(!output.stdout.contains(hidden), "{output}");
    }
    assert!(output.stdout.contains("[redacted]"), "{output}");
    // Without a secret at hand.
    env.var("CELLS_CLIENT_SECRET", "");
    expected["subject"] = "a 123456789012 b".into();
    expected["audience"] = json!(["one", { "k123456789012": 1_234_567_890_123_u64 }]);
    assert_eq!(status(&env, &[])["token"]["claims"], expected);
}

#[test]
fn sources_are_named_without_being_read() {
    let server = Server::untouched();
    let mut env = TestEnv::caching(&server);
    // A missing file and standard input are no reason to fail or to prompt.
    env.var("CELLS_CLIENT_SECRET", "");
    let source = |options: &[&str]| status(&env, options)["client_secret_source"].clone();
    let from_file = source(&["--client-secret-file", "no-such-file"]);
    assert!(
        from_file.as_str().unwrap().contains("no-such-file"),
        "{from_file}"
    );
    assert_eq!(
        source(&["--client-secret-file", "-"]),
        "standard input (--client-secret-file)"
    );
    assert_eq!(source(&[]), "the prompt");
    let report = status(&env, &["--proxy", "http://user:s3cret-word@127.0.0.1:9"]);
    assert_eq!(report["proxy_source"], "--proxy");
    assert!(!report.to_string().contains("s3cret-word"), "{report}");
}

/// A secret that can be read only once is left for the command that needs it.
#[cfg(unix)]
#[test]
fn it_does_not_read_a_pipe() {
    let (_server, mut env) = cached(&json!({}));
    env.var("MINE", SECRET).var("CELLS_CLIENT_SECRET", "");
    for (source, file) in [("mkfifo pipe; write >pipe &", "pipe"), ("write |", "-")] {
        let script = format!(
            "write() {{ printf '%s\\n' \"$MINE\"; }}
            {source} {{
                cells-token status --client-secret-file {file} &&
                cells-token get --timeout 5s --client-secret-file {file}
            }}"
        );
        env.sh(&script).exits(0);
    }
}

#[test]
fn nothing_is_written_and_no_secret_is_needed() {
    let server = Server::untouched();
    let env = TestEnv::caching(&server);
    assert_eq!(state(&env, &[]), "none");
    assert!(!env.cache_dir().exists());
    let env = TestEnv::new();
    env.run(&["status"]).exits(0);
    env.run(&["status", "--timeout", "soon"]).exits(2);
}
