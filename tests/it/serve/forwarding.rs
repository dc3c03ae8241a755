//! What reaches the upstream, and what comes back from it.

use super::*;

#[test]
fn an_upstream_answer_comes_back_byte_for_byte() {
    let spaced =
        format!("{{ \"expires_in\" : 3600,\n \"x\": 1.50, \"access_token\":\"{TOKEN}\" }}\n");
    let in_string = Value::from(token_json()).to_string();
    let rows = [
        ("an object", 200, "application/json; charset=utf-8", spaced),
        ("an object in a string", 200, "application/json", in_string),
        ("the token as text", 200, "text/plain", format!("{TOKEN}\n")),
        (
            "a refusal",
            401,
            "application/json",
            r#"{"error":"invalid_client"}"#.into(),
        ),
        (
            "a refusal with 400",
            400,
            "application/json;v=1",
            r#"{"error":"invalid_client" }"#.into(),
        ),
        (
            "the vendor's error",
            403,
            "text/json",
            r#"{"Error":{"Code":"x"}}"#.into(),
        ),
        (
            "a gateway's page",
            404,
            "text/html",
            "<html>\u{1b}[31m</html>".into(),
        ),
        ("an empty body", 200, "application/json", String::new()),
        ("a limit", 429, "text/plain", "slow down".into()),
        ("a failure", 500, "application/problem+json", "{}".into()),
        ("a failure of a gateway", 503, "text/html", "<p>".into()),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, status, content_type, body)| {
            let server = Server::always(Reply::text(*status, content_type, body));
            let (_env, serving) = serve(&server);
            let answer = serving.ask(ID, SECRET);
            answer.is(*status);
            assert_eq!(answer.text(), *body);
            assert_eq!(answer.header("content-type"), Some(*content_type));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert_eq!(answer.header("age"), None);
            serving.finish();
        },
    );
}

#[test]
fn credentials_from_form_or_basic_reach_the_upstream_on_every_path() {
    let awkward = [r#"id with +/&=%"'\"#, r#" s +/&=%"'\%20 x"#];
    for path in [
        V4,
        "/v3.0/cells/connect/token",
        "/connect/token",
        "/oauth2/token",
    ] {
        for [id, secret] in [[ID, SECRET], awkward] {
            for by_header in [false, true] {
                let server = Server::replies([Reply::token()]);
                let mut env = environment(&server);
                let serving = env.secret(secret).serve(&[]);
                let request = match by_header {
                    true => serving.post(path, &basic(id, secret), GRANT),
                    false => serving.post(path, "", &form(id, secret)),
                };
                serving.send(&request).is(200);
                let request = server.request();
                assert!(
                    request.line.starts_with(&format!("POST {V4} ")),
                    "{request:?}"
                );
                assert_eq!(request.field("client_id").unwrap(), id);
                assert_eq!(request.field("client_secret").unwrap(), secret);
                serving.finish();
            }
        }
    }
}

#[test]
fn a_refusal_of_basic_names_the_scheme() {
    let server = Server::always(Reply::oauth_error(401, "invalid_client"));
    let (_env, serving) = serve(&server);
    let by_header = serving.send(&serving.post(V4, &basic(ID, SECRET), GRANT));
    assert!(
        by_header
            .is(401)
            .header("www-authenticate")
            .unwrap()
            .starts_with("Basic ")
    );
    assert_eq!(
        serving.ask(ID, SECRET).is(401).header("www-authenticate"),
        None
    );
    serving.finish();
}

#[test]
fn malformed_requests_are_answered_locally() {
    let server = Server::untouched();
    let (_env, serving) = serve(&server);
    let rows = [
        (
            "no grant",
            "client_id=i&client_secret=s",
            400,
            "invalid_request",
        ),
        (
            "another grant",
            "grant_type=password&client_id=i&client_secret=s",
            400,
            "unsupported_grant_type",
        ),
        ("no credentials", GRANT, 401, "invalid_client"),
        (
            "two secrets",
            "client_secret=a&client_secret=b",
            400,
            "invalid_request",
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, body, status, error)| {
            let answer = serving.send(&serving.post(V4, "", body));
            answer.is(*status).has_error(error);
        },
    );
    let host = serving.address();
    let get = serving.send(format!("GET {V4} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
    assert_eq!(get.is(405).header("allow"), Some("POST"));
    serving.send(&serving.post("/nothing", "", GRANT)).is(404);
    serving.finish();
}

#[test]
fn unreadable_basic_credentials_are_refused_locally() {
    let server = Server::untouched();
    let (_env, serving) = serve(&server);
    for value in [
        "Basic !",
        "Basic",
        &format!("Basic {}", STANDARD.encode("no colon")),
    ] {
        let header = format!("Authorization: {value}\r\n");
        serving
            .send(&serving.post(V4, &header, GRANT))
            .is(401)
            .has_error("invalid_client");
    }
    serving.finish();
}

#[test]
fn an_unreachable_upstream_is_502_and_a_hanging_one_504() {
    let (_socket, nobody) = closed_port();
    let hanging = Server::always(Reply::steps([Step::ReadRequest, Step::Hang]));
    for (url, status, error) in [
        (nobody.as_str(), 502, "server_error"),
        (hanging.url(), 504, "temporarily_unavailable"),
    ] {
        let mut env = TestEnv::new();
        env.var("CELLS_BASE_URL", url);
        let serving = env.serve(&["--retries", "0", "--timeout", "3s"]);
        let answer = serving.ask(ID, SECRET);
        answer.is(status).has_error(error);
        serving.finish();
    }
}

#[test]
fn an_answer_that_is_too_long_or_comes_from_a_proxy_is_502() {
    let long = |status| Reply::json(status, "\\\"é".repeat(64 * 1024));
    for (reply, error, why) in [
        (long(200), "server_error", "64 KiB"),
        (long(403), "server_error", "403"),
        (
            Reply::text(407, "text/html", "<p>"),
            "server_error",
            "proxy",
        ),
    ] {
        let server = Server::always(reply);
        let (_env, serving) = serve(&server);
        let answer = serving.ask(ID, SECRET);
        let object = answer.is(502).has_error(error).json();
        let description = object["error_description"].as_str().unwrap();
        assert!(description.contains(why), "{object}");
        serving.finish();
    }
}

#[test]
fn a_transient_failure_is_retried() {
    let server = Server::replies([Reply::text(503, "text/html", ""), Reply::token()]);
    let env = environment(&server);
    let serving = env.serve(&[]);
    serving.ask(ID, SECRET).is(200);
    serving.finish();
}

#[test]
fn other_parameters_are_forwarded_as_sent_and_in_order() {
    let extra = "scope=a%20b+c&resource=urn%3Ax&resource2=%7e&empty=&bare";
    let basic = basic(ID, SECRET);
    for (headers, body) in [
        (
            "",
            format!(
                "scope=a%20b+c&{}&resource=urn%3Ax&resource2=%7e&empty=&bare",
                form(ID, SECRET)
            ),
        ),
        (basic.as_str(), format!("{extra}&{GRANT}")),
    ] {
        let server = Server::replies([Reply::token()]);
        let (env, serving) = serve(&server);
        serving.send(&serving.post(V4, headers, &body)).is(200);
        let sent = server.request().body;
        assert!(sent.ends_with(&format!("&{extra}")), "{sent}");
        // The disk cache is keyed by credentials alone.
        assert!(env.cache_files().is_empty());
        serving.finish();
    }
}

#[test]
fn the_whole_request_identifies_a_token() {
    let token = |name: &str| {
        Reply::json(
            200,
            format!(r#"{{"access_token":"{name}","expires_in":3600}}"#),
        )
    };
    let server = Server::replies(["none", "a", "b", "ab", "ba"].map(token));
    let (_env, serving) = serve(&server);
    for _ in 0..2 {
        for (parameters, expected) in [
            ("", "none"),
            ("&scope=a", "a"),
            ("&scope=b", "b"),
            ("&scope=a&x=b", "ab"),
            ("&x=b&scope=a", "ba"),
        ] {
            let body = form(ID, SECRET) + parameters;
            let answer = serving.send(&serving.post(V4, "", &body));
            assert_eq!(answer.is(200).json()["access_token"], expected);
        }
    }
    serving.finish();
}

/// An intermediary could read each of these in another way than the upstream.
#[test]
fn ambiguous_requests_are_400_and_reach_nobody() {
    let server = Server::untouched();
    let (_env, serving) = serve(&server);
    let (good, basic) = (form(ID, SECRET), basic(ID, SECRET));
    let content_type = "Content-Type: application/x-www-form-urlencoded\r\n";
    let percent_ff = format!("{GRANT}&client_id=i&client_secret=a%ff");
    let rows: [(&str, String, String); 10] = [
        (
            "a parameter twice",
            String::new(),
            format!("{good}&scope=a&scope=b"),
        ),
        ("Basic and a secret", basic.clone(), good.clone()),
        (
            "Basic and another id",
            basic.clone(),
            format!("{GRANT}&client_id=x"),
        ),
        ("Basic twice", basic.repeat(2), GRANT.into()),
        (
            "a key and credentials",
            "Authorization: Bearer key\r\n".into(),
            good.clone(),
        ),
        ("Content-Type twice", content_type.into(), good.clone()),
        (
            "another Content-Type",
            "Content-Type: text/plain\r\n".into(),
            good.clone(),
        ),
        ("%ff in a secret", String::new(), percent_ff.clone()),
        (
            "%fe in a secret",
            String::new(),
            percent_ff.replace("%ff", "%fe"),
        ),
        (
            "%ff in an id",
            String::new(),
            percent_ff.replace("=i&", "=%ff&"),
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, headers, body)| {
            let answer = serving.send(&serving.post(V4, headers, body));
            answer.is(400).has_error("invalid_request");
        },
    );
    serving.finish();
}

#[test]
fn a_secret_arrives_with_every_byte_it_has() {
    for secret in ["abcd\n", "abcd\r\n", " abcd ", "ab\u{fffd}cd", "abcd"] {
        let server = Server::replies([Reply::token()]);
        let (_env, serving) = serve(&server);
        serving.ask(ID, secret).is(200);
        assert_eq!(server.request().field("client_secret").unwrap(), secret);
        serving.finish();
    }
}

#[test]
fn a_line_end_makes_another_secret() {
    let refusal = Reply::oauth_error(401, "invalid_client");
    let server = Server::replies([Reply::token(), refusal]);
    let (_env, serving) = serve(&server);
    serving.ask(ID, "abcd").is(200);
    serving.ask(ID, "abcd\n").is(401);
    serving.ask(ID, "abcd").is(200);
    serving.finish();
}
