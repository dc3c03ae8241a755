//! The token endpoint.

use super::{Sandbox, part};
use crate::support::serving::basic;
use crate::support::{TestEnv, each_row};

#[test]
fn a_token_without_an_account() {
    let output = TestEnv::new().run(&["sandbox", "--", "cells-token", "get"]);
    let token = output.exits(0).stdout.trim_end();
    assert_eq!(output.stderr, "");
    assert!(
        (700..=1500).contains(&token.len()),
        "{} characters",
        token.len()
    );
    assert_eq!(part(token, 0)["alg"], "HS256");
    let claims = part(token, 1);
    assert_eq!(claims["iss"], "cells-token-sandbox");
    for name in ["sub", "client_id", "jti"] {
        assert!(
            claims[name].as_str().is_some_and(|text| !text.is_empty()),
            "{name} in {claims}"
        );
    }
    for name in ["aud", "scope"] {
        assert!(
            claims[name].as_array().is_some_and(|list| list.len() > 1),
            "{name} in {claims}"
        );
    }
    let seconds = |name: &str| claims[name].as_i64().unwrap();
    assert_eq!(seconds("nbf"), seconds("iat"));
    assert_eq!(seconds("exp") - seconds("iat"), 3600);
}

#[test]
fn expires_in_sets_the_lifetime() {
    for (text, seconds) in [("90", 90), ("1h30m", 5400), ("0", 0), ("500ms", 0)] {
        let output = TestEnv::new().run(&[
            "sandbox",
            "--expires-in",
            text,
            "--",
            "cells-token",
            "get",
            "-o",
            "json",
        ]);
        let answer = output.json();
        let claims = part(answer["access_token"].as_str().unwrap(), 1);
        assert_eq!(
            claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
            seconds,
            "{text}"
        );
        let remaining = answer["expires_in"].as_i64().unwrap();
        assert!(
            (seconds - 2..=seconds).contains(&remaining),
            "{text}: {remaining}"
        );
    }
}

#[test]
fn each_sandbox_has_new_credentials() {
    let print = "echo $CELLS_CLIENT_ID; echo $CELLS_CLIENT_SECRET";
    let [a, b] = [(), ()].map(|()| {
        TestEnv::new()
            .sh(&format!("cells-token sandbox -- sh -c '{print}'"))
            .stdout
    });
    for (a, b) in a.lines().zip(b.lines()) {
        assert!(a.len() >= 16 && a != b, "{a} and {b}");
    }
}

#[test]
fn respond_answers_in_turn_and_repeats_the_last() {
    let (sandbox, _running) = Sandbox::start(&["--respond", "503, 429,200,418"]);
    let statuses: Vec<_> = (0..6)
        .map(|_| sandbox.post(&sandbox.good_form()).status)
        .collect();
    assert_eq!(statuses, [503, 429, 200, 418, 418, 418]);
}

#[test]
fn a_429_has_retry_after_1() {
    let (sandbox, _running) = Sandbox::start(&["--respond", "503,429,500"]);
    for (status, retry_after) in [(503, Some("1")), (429, Some("1")), (500, None)] {
        let answer = sandbox.post("");
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (status, retry_after)
        );
    }
}

#[test]
fn requested_answers_lead_to_the_usual_exit_codes() {
    for (status, code) in [
        ("400", 7),
        ("401", 4),
        ("403", 7),
        ("404", 7),
        ("429", 6),
        ("500", 6),
        ("302", 7),
        ("204", 7),
    ] {
        let mut env = TestEnv::new();
        env.var("CELLS_RETRIES", "0");
        let output = env.sh(&format!(
            "cells-token sandbox --respond {status} -- cells-token get"
        ));
        output
            .exits(code)
            .prints("")
            .says(&format!("status {status}"));
    }
}

#[test]
fn wrong_credentials_are_refused() {
    let env = TestEnv::new();
    for wrong in ["CELLS_CLIENT_SECRET=wrong-secret", "CELLS_CLIENT_ID=wrong"] {
        env.sh(&format!(
            "cells-token sandbox -- env {wrong} cells-token get"
        ))
        .exits(4)
        .says("invalid_client");
    }
}

#[test]
fn the_endpoint_follows_rfc_6749() {
    let (sandbox, _running) = Sandbox::start(&[]);
    let (id, secret) = (sandbox.id.as_str(), sandbox.secret.as_str());
    let grant = "grant_type=client_credentials";
    let form = format!("{grant}&client_id={id}&client_secret={secret}");
    let wrong_form = format!("{grant}&client_id={id}&client_secret=wrong");
    let wrong_grant = form.replace("client_credentials", "password");
    let no_grant = format!("client_id={id}&client_secret={secret}");
    let twice = format!("{form}&client_id={id}");
    let (good_basic, wrong_basic) = (basic(id, secret), basic(id, "wrong"));
    let rows = [
        ("a form", "", form.as_str(), 200, ""),
        ("Basic", &good_basic, grant, 200, ""),
        (
            "Basic and the same id",
            &good_basic,
            &format!("{grant}&client_id={id}"),
            200,
            "",
        ),
        ("a wrong secret", "", &wrong_form, 401, "invalid_client"),
        (
            "a wrong secret in Basic",
            &wrong_basic,
            grant,
            401,
            "invalid_client",
        ),
        ("no credentials", "", grant, 401, "invalid_client"),
        (
            "another grant",
            "",
            &wrong_grant,
            400,
            "unsupported_grant_type",
        ),
        ("no grant", "", &no_grant, 400, "invalid_request"),
        ("an id twice", "", &twice, 400, "invalid_request"),
        (
            "two ways to authenticate",
            &good_basic,
            &form,
            400,
            "invalid_request",
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, headers, body, status, error)| {
            let answer = sandbox.ask("POST", "/v4.0/cells/connect/token", headers, body);
            assert_eq!(answer.status, *status, "{answer:?}");
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            let asks_for_basic = *status == 401 && headers.starts_with("Authorization");
            assert_eq!(
                answer.header("www-authenticate").is_some(),
                asks_for_basic,
                "{answer:?}"
            );
            let object = answer.json();
            if *status == 200 {
                assert_eq!(
                    part(object["access_token"].as_str().unwrap(), 1)["client_id"],
                    id
                );
                assert_eq!(
                    (&object["token_type"], &object["expires_in"]),
                    (&"Bearer".into(), &3600.into())
                );
            } else {
                assert_eq!(object["error"], *error);
            }
        },
    );
}

#[test]
fn only_the_known_paths_are_served() {
    let (sandbox, _running) = Sandbox::start(&[]);
    let paths = [
        "/v4.0/cells/connect/token",
        "/v3.0/cells/connect/token",
        "/connect/token",
        "/oauth2/token",
    ];
    for path in paths {
        assert_eq!(
            sandbox.ask("POST", path, "", &sandbox.good_form()).status,
            200,
            "{path}"
        );
        let answer = sandbox.ask("GET", path, "", "");
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some("POST")),
            "{path}"
        );
    }
    for path in [
        "/",
        "/token",
        "/v4.0/cells/connect/token/",
        "/v4.0/cells/connect",
    ] {
        assert_eq!(
            sandbox.ask("POST", path, "", &sandbox.good_form()).status,
            404,
            "{path}"
        );
    }
}

#[test]
fn verbose_lists_requests_without_secrets() {
    let env = TestEnv::new();
    let output =
        env.sh("cells-token sandbox -v -- sh -c 'cells-token get; echo $CELLS_CLIENT_SECRET'");
    let lines: Vec<&str> = output.exits(0).stdout.lines().collect();
    output.says("POST /v4.0/cells/connect/token 200 local ");
    for word in lines {
        output.never_says(word);
    }
}

#[test]
fn requests_beyond_the_limits_are_refused() {
    let (sandbox, _running) = Sandbox::start(&[]);
    let grown = |length| format!("X-Grown: {}\r\n", "x".repeat(length));
    let path = "/v4.0/cells/connect/token";
    assert_eq!(
        sandbox
            .ask("POST", path, &grown(7 * 1024), &sandbox.good_form())
            .status,
        200
    );
    assert_eq!(
        sandbox
            .ask("POST", path, &grown(9 * 1024), &sandbox.good_form())
            .status,
        431
    );
    let padded = |length: usize| format!("{}&x={}", sandbox.good_form(), "x".repeat(length));
    assert_eq!(sandbox.post(&padded(7 * 1024)).status, 200);
    assert_eq!(sandbox.post(&padded(9 * 1024)).status, 413);
    assert_eq!(sandbox.post(&padded(1024 * 1024)).status, 413);
}
