//! Callers that have a key instead of credentials.

use super::*;

#[test]
fn a_caller_with_a_key_gets_a_token_without_credentials() {
    let server = Server::replies([Reply::token()]);
    let mut env = environment(&server);
    env.var("CELLS_CLIENT_ID", ID)
        .var("CELLS_CLIENT_SECRET", SECRET);
    let keys = env.private_file("keys", "first-key-of-many\n\nsecond+key/of/many==\r\n");
    let serving = env.serve(&["--caller-key-file", &keys]);
    let bearer = |key: &str, body: &str| {
        let header = format!("Authorization: Bearer {key}\r\n");
        serving.send(&serving.post(V4, &header, body))
    };
    for (key, body) in [("first-key-of-many", GRANT), ("second+key/of/many==", "")] {
        assert_eq!(bearer(key, body).is(200).json()["access_token"], TOKEN);
    }
    assert_eq!(server.request().field("client_secret").unwrap(), SECRET);
    for key in ["third-key-of-many", "first-key-of-man", "FIRST-KEY-OF-MANY"] {
        let answer = bearer(key, GRANT);
        answer.is(401).has_error("invalid_client");
        assert!(
            answer
                .header("www-authenticate")
                .unwrap()
                .starts_with("Bearer ")
        );
    }
    bearer("first-key-of-many", "grant_type=password")
        .is(400)
        .has_error("unsupported_grant_type");
    // Without a key nothing is to be had.
    serving.send(&serving.post(V4, "", GRANT)).is(401);
    serving.finish();
}

#[test]
fn bad_key_files_and_missing_credentials_are_startup_errors() {
    let server = Server::untouched();
    let mut env = environment(&server);
    let keys = env.private_file("keys", "a-key-of-16-chars");
    env.run(&["serve", "--caller-key-file", &keys]).exits(3);
    env.var("CELLS_CLIENT_ID", ID)
        .var("CELLS_CLIENT_SECRET", SECRET);
    let rows = [
        ("no file", "missing".to_owned()),
        ("no key", env.private_file("none", "\n")),
    ];
    for (_, file) in rows {
        env.run(&["serve", "--caller-key-file", &file])
            .exits(2)
            .hints("key");
    }
}

/// Letters and digits only, so that it fits into every place of an answer.
const PLAIN_SECRET: &str = "Zq7hWn3xPk9vTb5m";

/// Neither an error nor a good answer shows it, the first time and from memory.
#[test]
fn a_caller_with_a_key_never_sees_the_secret_that_an_upstream_quotes() {
    let base64 = STANDARD.encode(PLAIN_SECRET);
    let quoted = |name: &str| json!({ "error": "invalid_client", name: PLAIN_SECRET }).to_string();
    let good = |extra: &str, value: &str| {
        json!({ "access_token": TOKEN, "expires_in": 3600, extra: value }).to_string()
    };
    let as_code = json!({ "error": PLAIN_SECRET }).to_string();
    let json = "Content-Type: application/json\r\n";
    let in_type = format!("Content-Type: text/plain; secret={PLAIN_SECRET}\r\n");
    let in_retry = format!("Retry-After: {PLAIN_SECRET}\r\n{json}");
    let rows: [(&str, Reply, u16, &str); 11] = [
        (
            "a description",
            Reply::json(401, quoted("error_description")),
            401,
            "invalid_client",
        ),
        (
            "another member",
            Reply::json(400, quoted("hint")),
            400,
            "invalid_client",
        ),
        (
            "base64",
            Reply::json(403, quoted("x").replace(PLAIN_SECRET, &base64)),
            403,
            "invalid_client",
        ),
        (
            "the error code",
            Reply::json(400, &as_code),
            400,
            "invalid_request",
        ),
        (
            "a page",
            Reply::text(500, "text/html", format!("<p>{PLAIN_SECRET}")),
            500,
            "server_error",
        ),
        (
            "nonsense",
            Reply::text(200, "text/plain", PLAIN_SECRET),
            502,
            "server_error",
        ),
        (
            "the type of an error",
            Reply::http(401, &in_type, "x"),
            401,
            "invalid_client",
        ),
        (
            "the time to retry",
            Reply::http(503, &in_retry, quoted("x")),
            503,
            "invalid_client",
        ),
        (
            "an extra member",
            Reply::json(200, good("scope", PLAIN_SECRET)),
            200,
            "",
        ),
        (
            "the type of a token",
            Reply::http(200, &in_type, good("scope", "s")),
            200,
            "",
        ),
        (
            "the token",
            Reply::json(
                200,
                good("scope", "s").replace(TOKEN, &format!("x.{PLAIN_SECRET}")),
            ),
            502,
            "server_error",
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, reply, status, code)| {
            let server = Server::always(reply.clone());
            let mut env = environment(&server);
            env.var("CELLS_CLIENT_ID", ID)
                .var("CELLS_CLIENT_SECRET", PLAIN_SECRET);
            let keys = env.private_file("keys", "a-key-of-16-chars");
            let serving = env.serve(&["--retries", "0", "--no-cache", "--caller-key-file", &keys]);
            let request = serving.post(V4, "Authorization: Bearer a-key-of-16-chars\r\n", "");
            for _ in 0..2 {
                let answer = serving.send(&request);
                let all = format!("{:?} {}", answer.headers, answer.text());
                for form in [PLAIN_SECRET, &base64, &PLAIN_SECRET.to_lowercase()] {
                    assert!(!all.contains(form), "{all}");
                }
                answer.is(*status);
                assert_eq!(answer.header("content-type"), Some("application/json"));
                match code.is_empty() {
                    true => assert_eq!(answer.json()["access_token"], TOKEN),
                    false => drop(answer.has_error(code)),
                }
            }
            serving.finish();
        },
    );
}

#[test]
fn callers_with_a_key_send_parameters_too() {
    let server = Server::replies([Reply::token(), Reply::token()]);
    let mut env = environment(&server);
    env.var("CELLS_CLIENT_ID", ID)
        .var("CELLS_CLIENT_SECRET", SECRET);
    let keys = env.private_file("keys", "a-key-of-16-chars");
    let serving = env.serve(&["--caller-key-file", &keys]);
    for body in ["", "scope=x", GRANT, &format!("{GRANT}&scope=x")] {
        let header = "Authorization: Bearer a-key-of-16-chars\r\n";
        serving.send(&serving.post(V4, header, body)).is(200);
    }
    assert!(server.requests()[1].body.ends_with("&scope=x"));
    serving.finish();
}

#[test]
fn keys_are_read_again_on_sighup_and_bad_ones_keep_the_old() {
    let server = Server::replies([Reply::token()]);
    let mut env = environment(&server);
    env.var("CELLS_CLIENT_ID", ID)
        .var("CELLS_CLIENT_SECRET", SECRET);
    let keys = env.private_file("keys", "first-key-of-many");
    let serving = env.serve(&["--caller-key-file", &keys]);
    let status = |key: &str| {
        let header = format!("Authorization: Bearer {key}\r\n");
        serving.send(&serving.post(V4, &header, "")).status
    };
    let statuses = || ["first-key-of-many", "second-key-of-many"].map(status);
    assert_eq!(statuses(), [200, 401]);
    fs::write(&keys, "second-key-of-many").unwrap();
    serving.signal(Signal::HUP);
    serving.wait_for("reloaded the caller keys", 1);
    assert_eq!(statuses(), [401, 200]);
    fs::write(&keys, "short").unwrap();
    serving.signal(Signal::HUP);
    serving.wait_for("the caller keys could not be reloaded", 1);
    assert_eq!(statuses(), [401, 200]);
    serving.finish();
}
