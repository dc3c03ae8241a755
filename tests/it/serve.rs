//! `serve`: what goes through it and comes back, what it remembers and of whom, whom it turns away, and its end.
#![cfg(all(unix, feature = "server"))]

use std::io::{Read as _, Write as _};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::serving::{Answer, Serving, basic, form, half_close};
use crate::support::{
    Authority, Cert, Gate, ID, Reply, SECRET, Server, Step, TOKEN, TestEnv, closed_port, each_row,
    each_row_at_once, token_json,
};

const GRANT: &str = "grant_type=client_credentials";
const V4: &str = "/v4.0/cells/connect/token";
/// The server's own answers are there within this, however slow the machine.
const SOON: Duration = Duration::from_secs(4);

/// A world whose service is `server`, with nobody's credentials, the cache on.
fn world(server: &Server) -> TestEnv {
    let mut env = TestEnv::new();
    env.var("CELLS_BASE_URL", server.url())
        .var("CELLS_NO_CACHE", "");
    env
}

fn serve(server: &Server) -> (TestEnv, Serving) {
    let env = world(server);
    let serving = env.serve(&["--retries", "0"]);
    (env, serving)
}

/// What so many at once are answered.
fn all_at_once(serving: &Serving, count: usize, request: &[u8]) -> Vec<Answer> {
    thread::scope(|scope| {
        let asking: Vec<_> = (0..count)
            .map(|_| scope.spawn(|| serving.send(request)))
            .collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

/// A token that is over as soon as it is there: proves the secret, and is fetched again each time.
fn token_of_no_life() -> Reply {
    Reply::json(
        200,
        json!({ "access_token": TOKEN, "expires_in": 0 }).to_string(),
    )
}

#[test]
fn what_the_service_says_comes_back_byte_for_byte() {
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
fn a_callers_credentials_reach_the_service_from_form_and_basic_on_every_path() {
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
                let mut env = world(&server);
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
fn who_came_with_basic_is_told_the_scheme_of_a_refusal() {
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
fn requests_that_the_service_need_not_see_are_answered_here() {
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
fn however_many_ask_at_once_there_is_one_request() {
    let replies = [
        ("a token", Reply::token(), 200),
        ("a refusal", Reply::oauth_error(400, "invalid_client"), 400),
    ];
    each_row(
        &replies,
        |row| row.0,
        |(_, reply, status)| {
            let gate = Gate::default();
            let wrong = Reply::json(401, r#"{"error":"invalid_client","of":"wrong"}"#);
            let server = Server::replies([reply.clone().held_by(&gate), wrong]);
            let mut env = world(&server);
            let serving = env.secret("another-wrong-one").serve(&["--retries", "0"]);
            let request = serving.request(ID, SECRET);
            thread::scope(|scope| {
                let asking: Vec<_> = (0..100)
                    .map(|_| scope.spawn(|| serving.send(&request)))
                    .collect();
                server.wait_for_requests(1);
                // It waits for nobody.
                let wrong = serving.ask(ID, "another-wrong-one");
                assert_eq!(wrong.is(401).json()["of"], "wrong");
                // All are connected and have been read once their requests are through the same thread.
                health(&serving).is(200);
                thread::sleep(Duration::from_millis(300));
                gate.open();
                for one in asking {
                    one.join().unwrap().is(*status);
                }
            });
            serving.finish();
        },
    );
}

#[test]
fn a_refusal_is_for_those_already_waiting_alone() {
    let refusal = Reply::oauth_error(401, "invalid_client");
    let server = Server::replies([refusal.clone(), refusal, Reply::token()]);
    let (_env, serving) = serve(&server);
    serving.ask(ID, SECRET).is(401);
    serving.ask(ID, SECRET).is(401);
    serving.ask(ID, SECRET).is(200);
    serving.ask(ID, SECRET).is(200);
    serving.finish();
}

#[test]
fn a_cached_answer_tells_what_remains() {
    let server = Server::replies([Reply::json(
        200,
        json!({ "x": "y", "access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600, "scope": "s" }).to_string(),
    )]);
    let mut env = world(&server);
    env.var("CELLS_CLIENT_ID", ID)
        .var("CELLS_CLIENT_SECRET", SECRET);
    env.run(&["get"]).exits(0);
    env.edit_dates(100, 3600);
    let serving = env.serve(&[]);
    for _ in 0..2 {
        let answer = serving.ask(ID, SECRET);
        assert!(
            (100..110).contains(&answer.is(200).number("age")),
            "{answer:?}"
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let object = answer.json();
        let remaining = object["expires_in"].as_u64().unwrap();
        assert!((3490..=3500).contains(&remaining), "{object}");
        let members: Vec<_> = object.as_object().unwrap().keys().collect();
        assert_eq!(
            members,
            ["x", "access_token", "token_type", "expires_in", "scope"]
        );
        assert_eq!(object["access_token"], TOKEN);
    }
    serving.finish();
}

#[test]
fn a_cached_answer_keeps_the_form_it_came_in() {
    let server = Server::replies([Reply::json(200, Value::from(token_json()).to_string())]);
    let (_env, serving) = serve(&server);
    for _ in 0..2 {
        let text: String = serde_json::from_slice(&serving.ask(ID, SECRET).is(200).body).unwrap();
        let object: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(object["access_token"], TOKEN);
    }
    serving.finish();
}

#[test]
fn get_and_serve_share_a_cache() {
    let server = Server::replies([Reply::token()]);
    let mut env = world(&server);
    env.var("CELLS_CLIENT_ID", ID)
        .var("CELLS_CLIENT_SECRET", SECRET);
    let serving = env.serve(&[]);
    serving.ask(ID, SECRET).is(200);
    env.run(&["get"]).prints(&format!("{TOKEN}\n"));
    serving.finish();
    // And the next one finds it.
    let serving = env.serve(&[]);
    serving.ask(ID, SECRET).is(200);
    serving.finish();
}

#[test]
fn without_a_cache_on_disk_there_is_the_memory() {
    let server = Server::replies([Reply::token()]);
    let env = world(&server);
    let serving = env.serve(&["--no-cache"]);
    serving.ask(ID, SECRET).is(200);
    serving.ask(ID, SECRET).is(200);
    assert!(!env.cache_dir().exists());
    serving.finish();
}

#[test]
fn another_secret_gets_nobodys_token() {
    let server = Server::replies([Reply::token(), Reply::oauth_error(401, "invalid_client")]);
    let mut env = world(&server);
    let serving = env.secret("another-secret").serve(&[]);
    serving.ask(ID, SECRET).is(200);
    serving.ask(ID, "another-secret").is(401);
    serving.ask(ID, SECRET).is(200);
    serving.finish();
}

#[test]
fn no_file_is_made_before_a_success() {
    let replies = [
        ("a refusal", Reply::oauth_error(401, "invalid_client")),
        ("a limit", Reply::http(429, "Retry-After: 60\r\n", "")),
        ("nonsense", Reply::text(200, "text/html", "<html>")),
    ];
    each_row(
        &replies,
        |row| row.0,
        |(_, reply)| {
            let server = Server::always(reply.clone());
            let env = world(&server);
            let serving = env.serve(&["--retries", "0", "--timeout", "5s"]);
            serving.ask(ID, SECRET);
            assert!(!env.cache_dir().exists(), "{:?}", env.cache_files());
            serving.finish();
        },
    );
}

#[test]
fn a_limit_is_remembered_and_counts_down() {
    let limit = Reply::http(429, "Retry-After: 60\r\nContent-Type: a/b\r\n", "slow down");
    let server = Server::replies([limit]);
    let env = world(&server);
    let serving = env.serve(&["--timeout", "10s"]);
    for _ in 0..3 {
        let answer = serving.ask(ID, SECRET);
        assert_eq!(answer.is(429).text(), "slow down");
        assert_eq!(answer.header("content-type"), Some("a/b"));
        assert!(
            (50..=60).contains(&answer.number("retry-after")),
            "{answer:?}"
        );
    }
    serving.finish();
}

#[test]
fn a_limit_that_get_was_told_is_heeded_and_said() {
    let limit = Reply::http(429, "Retry-After: 60\r\n", "");
    let server = Server::replies([limit]);
    let mut env = world(&server);
    env.var("CELLS_CLIENT_ID", ID)
        .var("CELLS_CLIENT_SECRET", SECRET);
    let get = ["get", "--timeout", "5s"];
    env.run(&get).exits(6);
    let outcome = std::fs::read(env.cache_file("failures")).unwrap();
    let serving = env.serve(&["--timeout", "5s"]);
    for _ in 0..2 {
        let answer = serving.ask(ID, SECRET);
        answer.is(503).has_error("temporarily_unavailable");
        assert!(
            (30..=60).contains(&answer.number("retry-after")),
            "{answer:?}"
        );
    }
    serving.finish();
    // And the next `get` neither asks nor tells it anew.
    env.run(&get).exits(6);
    assert_eq!(std::fs::read(env.cache_file("failures")).unwrap(), outcome);
}

#[test]
fn serve_waits_for_a_get_that_is_asking() {
    let replies = [
        ("a token", Reply::token(), 0, 200),
        (
            "a limit",
            Reply::http(429, "Retry-After: 60\r\n", ""),
            6,
            503,
        ),
    ];
    each_row(
        &replies,
        |row| row.0,
        |(_, reply, code, status)| {
            let gate = Gate::default();
            let server = Server::replies([reply.clone().held_by(&gate)]);
            let mut env = world(&server);
            env.var("CELLS_CLIENT_ID", ID)
                .var("CELLS_CLIENT_SECRET", SECRET);
            let serving = env.serve(&["-v", "--retries", "0"]);
            let running = env.start(&["get", "--retries", "0"]);
            server.wait_for_requests(1);
            let mut asking = serving.connect();
            asking.write_all(&serving.request(ID, SECRET)).unwrap();
            serving.wait_for("another process is fetching", 1);
            gate.open();
            let answer = Answer::read(&mut asking).unwrap();
            answer.is(*status);
            assert_eq!(answer.header("retry-after").is_some(), *status == 503);
            running.finish().exits(*code);
            serving.finish();
        },
    );
}

#[test]
fn a_limit_that_ends_in_time_is_waited_out() {
    let limit = Reply::http(429, "Retry-After: 1\r\n", "");
    let server = Server::replies([limit, Reply::token()]);
    let (_env, serving) = serve(&server);
    serving.ask(ID, SECRET).is(429);
    serving.ask(ID, SECRET).is(200);
    serving.finish();
}

#[test]
fn after_five_refusals_guesses_stay_here_and_the_proven_secret_passes() {
    let refusal = Reply::oauth_error(401, "invalid_client");
    let mut script = vec![token_of_no_life()];
    script.extend(vec![refusal; 5]);
    script.push(token_of_no_life());
    let server = Server::replies(script);
    let (_env, serving) = serve(&server);
    serving.ask(ID, SECRET).is(200);
    thread::scope(|scope| {
        let guesses: Vec<_> = (0..40)
            .map(|guess| {
                let serving = &serving;
                scope.spawn(move || serving.ask(ID, &format!("guess-{guess}")))
            })
            .collect();
        let answers: Vec<_> = guesses
            .into_iter()
            .map(|guess| guess.join().unwrap())
            .collect();
        let refused = answers.iter().filter(|answer| answer.status == 401).count();
        assert_eq!(refused, 5, "{answers:?}");
        for answer in answers.iter().filter(|answer| answer.status != 401) {
            answer.is(429).has_error("temporarily_unavailable");
            assert!((1..=60).contains(&answer.number("retry-after")));
        }
    });
    serving.ask(ID, SECRET).is(200);
    serving.finish();
}

#[test]
fn a_secret_that_the_disk_knows_is_proven() {
    let refusal = Reply::oauth_error(401, "invalid_client");
    let mut script = vec![Reply::token()];
    script.extend(vec![refusal; 5]);
    script.push(Reply::token());
    let server = Server::replies(script);
    let mut env = world(&server);
    env.var("CELLS_CLIENT_ID", ID)
        .var("CELLS_CLIENT_SECRET", SECRET);
    env.run(&["get"]).exits(0);
    env.edit_dates(4000, 3600);
    let serving = env.serve(&["--retries", "0"]);
    for guess in 0..5 {
        serving.ask(ID, &format!("guess-{guess}")).is(401);
    }
    serving.ask(ID, "guess-5").is(429);
    serving.ask(ID, SECRET).is(200);
    serving.finish();
}

/// Even the one that `serve` itself was given: a job that asks in a loop would cost the account its minute.
#[test]
fn a_secret_that_was_refused_last_is_a_guess() {
    for is_on_disk in [false, true] {
        let refusal = Reply::oauth_error(401, "invalid_client");
        let mut script = vec![refusal];
        if is_on_disk {
            script.insert(0, Reply::token());
        }
        let server = Server::lastly_always(script);
        let mut env = world(&server);
        env.var("CELLS_CLIENT_ID", ID)
            .var("CELLS_CLIENT_SECRET", SECRET);
        if is_on_disk {
            env.run(&["get"]).exits(0);
            env.edit_dates(4000, 3600);
        }
        let keys = env.file("keys", "a-key");
        let serving = env.serve(&["--retries", "0", "--caller-key-file", &keys]);
        let by_key = serving.post(V4, "Authorization: Bearer a-key\r\n", GRANT);
        for _ in 0..5 {
            serving.send(&by_key).is(401);
        }
        for _ in 0..4 {
            let answer = serving.send(&by_key);
            answer.is(429).has_error("temporarily_unavailable");
        }
        serving.ask(ID, SECRET).is(429);
        // Two that fall into one millisecond may share an answer on disk.
        let refused = server.requests().len() - usize::from(is_on_disk);
        assert!((1..=5).contains(&refused), "{refused}");
        serving.finish();
    }
}

#[test]
fn a_secret_that_is_accepted_again_is_proven_again() {
    let refusal = Reply::oauth_error(401, "invalid_client");
    let mut script = vec![refusal.clone(), token_of_no_life()];
    script.extend(vec![refusal; 4]);
    script.push(token_of_no_life());
    let server = Server::replies(script);
    let (_env, serving) = serve(&server);
    serving.ask(ID, SECRET).is(401);
    serving.ask(ID, SECRET).is(200);
    for guess in 0..4 {
        serving.ask(ID, &format!("guess-{guess}")).is(401);
    }
    serving.ask(ID, "guess-4").is(429);
    serving.ask(ID, SECRET).is(200);
    serving.finish();
}

#[test]
fn four_unproven_secrets_are_sent_at_once_and_no_more() {
    let gate = Gate::default();
    let server = Server::always(Reply::oauth_error(401, "invalid_client").held_by(&gate));
    let (_env, serving) = serve(&server);
    thread::scope(|scope| {
        for number in 0..20 {
            let serving = &serving;
            scope.spawn(move || serving.ask(&format!("id-{number}"), "guess").is(401).status);
        }
        server.wait_for_requests(4);
        thread::sleep(Duration::from_millis(500));
        assert_eq!(server.requests().len(), 4);
        gate.open();
    });
    assert_eq!(server.requests().len(), 20);
    serving.finish();
}

#[test]
fn a_caller_with_a_key_never_sees_the_secret() {
    let server = Server::replies([Reply::token()]);
    let mut env = world(&server);
    env.var("CELLS_CLIENT_ID", ID)
        .var("CELLS_CLIENT_SECRET", SECRET);
    let keys = env.file("keys", "first-key\n\nsecond+key==\r\n");
    let serving = env.serve(&["--caller-key-file", &keys]);
    let bearer = |key: &str, body: &str| {
        let header = format!("Authorization: Bearer {key}\r\n");
        serving.send(&serving.post(V4, &header, body))
    };
    for (key, body) in [
        ("first-key", GRANT),
        ("second+key==", ""),
        ("first-key", "scope=x"),
    ] {
        assert_eq!(bearer(key, body).is(200).json()["access_token"], TOKEN);
    }
    assert_eq!(server.request().field("client_secret").unwrap(), SECRET);
    for key in ["third-key", "first-ke", "FIRST-KEY"] {
        let answer = bearer(key, GRANT);
        answer.is(401).has_error("invalid_client");
        assert!(
            answer
                .header("www-authenticate")
                .unwrap()
                .starts_with("Bearer ")
        );
    }
    bearer("first-key", "grant_type=password")
        .is(400)
        .has_error("unsupported_grant_type");
    // Without a key nothing is to be had.
    serving.send(&serving.post(V4, "", GRANT)).is(401);
    serving.finish();
}

#[test]
fn keys_without_credentials_to_give_are_refused_at_the_start() {
    let server = Server::untouched();
    let mut env = world(&server);
    let keys = env.file("keys", "a-key");
    env.run(&["serve", "--caller-key-file", &keys]).exits(3);
    env.var("CELLS_CLIENT_ID", ID)
        .var("CELLS_CLIENT_SECRET", SECRET);
    let rows = [
        ("no file", "missing".to_owned()),
        ("no key", env.file("none", "\n")),
    ];
    for (_, file) in rows {
        env.run(&["serve", "--caller-key-file", &file])
            .exits(2)
            .hints("key");
    }
}

#[test]
fn beyond_loopback_there_is_tls_or_a_word_for_it() {
    let env = TestEnv::new();
    let rows: [(&str, &[&str], &str); 6] = [
        ("every address", &["--listen", "0.0.0.0:0"], "--listen-http"),
        (
            "every address of IPv6",
            &["--listen", "[::]:0"],
            "--tls-cert",
        ),
        ("no address", &["--listen", "localhost"], "127.0.0.1:8470"),
        ("half of TLS", &["--tls-cert", "x"], "--tls-key"),
        ("the other half", &["--tls-key", "x"], "--tls-cert"),
        (
            "no certificate",
            &["--tls-cert", "x", "--tls-key", "x"],
            "--tls-cert",
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, options, hint)| {
            let args = [&["serve"], *options].concat();
            env.run(&args).exits(2).hints(hint);
        },
    );
    let serving = env.serve(&["--listen", "0.0.0.0:0", "--listen-http"]);
    let port = serving.address().port();
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: pod.invalid\r\n\r\n")
        .unwrap();
    Answer::read(&mut stream).unwrap().is(200);
    serving.finish();
}

#[test]
fn a_port_that_is_taken_is_said() {
    let server = Server::untouched();
    let (env, serving) = serve(&server);
    let address = serving.address().to_string();
    env.run(&["serve", "--listen", &address])
        .exits(1)
        .says(&address)
        .hints("--listen");
    serving.finish();
}

#[test]
fn tls_is_spoken_with_the_certificate_given() {
    let server = Server::replies([Reply::token()]);
    let authority = Authority::new();
    let mut env = world(&server);
    env.var("CELLS_CLIENT_ID", ID)
        .var("CELLS_CLIENT_SECRET", SECRET);
    let (cert, key) = authority.pems(Cert::Good);
    let (cert, key) = (env.file("cert.pem", cert), env.file("key.pem", key));
    let ca = env.file("ca.pem", authority.pem());
    let serving = env.serve(&["--tls-cert", &cert, "--tls-key", &key]);
    serving.wait_for("listening on https://", 1);
    let url = serving.url().replace("http:", "https:");
    let get = ["get", "--no-cache", "--base-url", &url];
    let output = env.run(&[&get[..], &["--ca-cert", &ca]].concat());
    output.exits(0).prints(&format!("{TOKEN}\n"));
    env.run(&get).exits(5);
    serving.finish();
}

#[test]
fn web_pages_and_other_hosts_and_credentials_in_a_url_are_turned_away() {
    let server = Server::untouched();
    let (_env, serving) = serve(&server);
    let body = form(ID, SECRET);
    let origin = serving.post(V4, "Origin: http://localhost\r\n", &body);
    serving.send(&origin).is(403).has_error("invalid_request");
    let request = String::from_utf8(serving.request(ID, SECRET)).unwrap();
    let rebound = request.replace(
        &format!("Host: {}", serving.address()),
        "Host: evil.invalid",
    );
    serving
        .send(rebound.as_bytes())
        .is(403)
        .has_error("invalid_request");
    let in_query = serving.post(&format!("{V4}?{body}"), "", "");
    serving.send(&in_query).is(400).has_error("invalid_request");
    serving.finish();
}

#[test]
fn each_request_is_a_line_without_secrets() {
    let refusal = Reply::oauth_error(401, "invalid_client");
    let portal = Reply::text(200, "text/html", "<html>");
    let server = Server::replies([Reply::token(), portal, refusal]);
    let mut env = world(&server);
    let serving = env.secret("swapped-secret").serve(&["--retries", "0"]);
    serving.ask(ID, SECRET);
    serving.ask(ID, SECRET);
    serving.ask("swapped-secret", ID).is(200);
    // Callers mix up ids and secrets, and put them where they do not belong.
    serving.ask("swapped-secret", ID);
    serving.send(&serving.post("/swapped-secret", "", ""));
    health(&serving).is(200);
    let line = serving.wait_for("healthz", 1);
    assert!(
        line.starts_with("cells-token: 127.0.0.1 GET /healthz 200 local "),
        "{line}"
    );
    let said = serving.finish();
    for expected in [
        format!(" POST {V4} 200 fetched "),
        format!(" POST {V4} 200 cached "),
        format!("ms client {ID}"),
        format!(" POST {V4} 200 upstream "),
        format!(" POST {V4} 401 upstream "),
        " POST (another path) 404 local ".to_owned(),
    ] {
        assert!(said.contains(&expected), "{expected:?} in {said}");
    }
}

#[test]
fn who_leaves_before_the_answer_has_a_line_too() {
    let gate = Gate::default();
    let server = Server::always(Reply::token().held_by(&gate));
    let (_env, serving) = serve(&server);
    let mut asking = serving.connect();
    asking.write_all(&serving.request(ID, SECRET)).unwrap();
    server.wait_for_requests(1);
    drop(asking);
    let line = serving.wait_for(" 499 ", 1);
    let expected = format!("cells-token: 127.0.0.1 POST {V4} 499 local ");
    assert!(line.starts_with(&expected), "{line}");
    assert!(!line.contains(ID), "{line}");
    // However soon they leave: here before anything of them is read.
    serving.signal(Signal::STOP);
    for _ in 0..200 {
        let mut asking = serving.connect();
        asking.write_all(&serving.request(ID, SECRET)).unwrap();
    }
    serving.signal(Signal::CONT);
    serving.wait_for(" 499 ", 201);
    // It was sent already, so what came of it is known.
    gate.open();
    serving.ask(ID, SECRET).is(200);
    assert_eq!(server.requests().len(), 1);
    let said = serving.finish();
    assert_eq!(said.matches(" POST ").count(), 202, "{said}");
}

#[test]
fn quiet_means_no_access_log() {
    let server = Server::untouched();
    let env = world(&server);
    let port = env.serve(&[]).address().port();
    let address = format!("127.0.0.1:{port}");
    let mut running = env.start(&["serve", "-q", "--listen", &address]);
    running.type_in(b"");
    let since = Instant::now();
    let answer = loop {
        assert!(since.elapsed() < SOON);
        if let Ok(mut stream) = std::net::TcpStream::connect(&address) {
            stream
                .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                .unwrap();
            break Answer::read(&mut stream).unwrap();
        }
    };
    answer.is(200);
    running.signal(Signal::INT);
    let output = running.finish();
    output.exits(0);
    assert_eq!(output.stderr, "");
}

fn health(serving: &Serving) -> Answer {
    let host = serving.address();
    serving.send(format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes())
}

#[test]
fn a_service_that_cannot_be_reached_is_502_and_one_that_hangs_504() {
    let (_socket, nobody) = closed_port();
    let hanging = Server::always(Reply::steps([Step::ReadRequest, Step::Hang]));
    for (url, status) in [(nobody.as_str(), 502), (hanging.url(), 504)] {
        let mut env = TestEnv::new();
        env.var("CELLS_BASE_URL", url);
        let serving = env.serve(&["--retries", "0", "--timeout", "3s"]);
        let answer = serving.ask(ID, SECRET);
        answer.is(status).has_error("temporarily_unavailable");
        serving.finish();
    }
}

#[test]
fn an_answer_too_long_or_a_proxys_own_is_502() {
    let long = |status| Reply::json(status, "\\\"é".repeat(64 * 1024));
    for (reply, error, why) in [
        (long(200), "server_error", "64 KiB"),
        (long(403), "server_error", "64 KiB"),
        (
            Reply::text(407, "text/html", "<p>"),
            "temporarily_unavailable",
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
fn what_may_pass_is_tried_again() {
    let server = Server::replies([Reply::text(503, "text/html", ""), Reply::token()]);
    let env = world(&server);
    let serving = env.serve(&[]);
    serving.ask(ID, SECRET).is(200);
    serving.finish();
}

#[test]
fn the_old_token_serves_while_the_service_is_away() {
    let gone = Reply::text(503, "text/html", "");
    let server = Server::lastly_always([Reply::token(), gone]);
    let mut env = world(&server);
    env.var("CELLS_CLIENT_ID", ID)
        .var("CELLS_CLIENT_SECRET", SECRET);
    env.run(&["get"]).exits(0);
    env.edit_dates(3400, 3600);
    let serving = env.serve(&["--retries", "0"]);
    for _ in 0..2 {
        let answer = serving.ask(ID, SECRET);
        assert!(
            answer.is(200).json()["expires_in"].as_u64().unwrap() <= 200,
            "{answer:?}"
        );
    }
    serving.finish();
    // Whoever insists on more gets the error.
    let serving = env.serve(&["--retries", "0", "--min-ttl", "30m"]);
    serving.ask(ID, SECRET).is(503);
    serving.finish();
}

#[test]
fn heads_and_bodies_have_a_limit() {
    let server = Server::always(Reply::token());
    let (_env, serving) = serve(&server);
    let long = "x".repeat(8 * 1024);
    let head = serving.post(V4, &format!("X: {long}\r\n"), &form(ID, SECRET));
    serving.send(&head).is(431);
    let body = format!("{}&x={long}", form(ID, SECRET));
    serving.send(&serving.post(V4, "", &body)).is(413);
    let no_chunk = serving.post(V4, "Transfer-Encoding: chunked\r\n", "no chunk\r\n");
    let no_chunk = String::from_utf8(no_chunk).unwrap();
    let no_chunk = no_chunk.replace("Content-Length", "X");
    let answer = serving.send(no_chunk.as_bytes());
    assert!(answer.is(400).header("content-type").is_some());
    let host = serving.address();
    let chunked = format!(
        "POST {V4} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n3000\r\n{long}{long}"
    );
    serving.send(chunked.as_bytes()).is(413);
    assert!(server.requests().is_empty());
    serving.finish();
}

/// Whoever stands between a caller and this server must not be able to take one request for two (RFC 9112 §11.2).
#[test]
fn a_request_with_two_ends_is_the_last_of_its_connection() {
    let server = Server::always(Reply::token());
    let (_env, serving) = serve(&server);
    let host = serving.address();
    let hidden = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let (body, length) = (form(ID, SECRET), form(ID, SECRET).len());
    let head = format!(
        "POST {V4} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    );
    let chunks = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
    let rows = [
        (
            "two lengths",
            format!("{head}Content-Length: {length}\r\nContent-Length: 0\r\n\r\n{body}"),
        ),
        (
            "a list of lengths",
            format!("{head}Content-Length: {length}, 0\r\n\r\n{body}"),
        ),
        (
            "a length with a sign",
            format!("{head}Content-Length: +{length}\r\n\r\n{body}"),
        ),
        (
            "chunked after a length",
            format!("{head}Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"),
        ),
        (
            "chunked before a length",
            format!("{head}Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n{chunks}"),
        ),
        (
            "chunked, but not last",
            format!("{head}Transfer-Encoding: chunked, identity\r\n\r\n{chunks}"),
        ),
        (
            "nearly chunked",
            format!("{head}Transfer-Encoding: xchunked\r\n\r\n{chunks}"),
        ),
        (
            "a space before the colon",
            format!("{head}Content-Length : 0\r\n\r\n{body}"),
        ),
        (
            "a folded line",
            format!("{head}X: y\r\n Content-Length: 0\r\n\r\n{body}"),
        ),
        (
            "a bare carriage return",
            format!("{head}X: y\rContent-Length: 0\r\n\r\n{body}"),
        ),
        (
            "a chunk too long for words",
            format!("{head}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"),
        ),
        (
            "HTTP/1.0 in chunks",
            format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}")
                .replace("HTTP/1.1", "HTTP/1.0"),
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, request)| {
            let mut stream = serving.connect();
            let _ = stream.write_all(format!("{request}{hidden}").as_bytes());
            let mut all = Vec::new();
            let _ = stream.read_to_end(&mut all);
            let all = String::from_utf8_lossy(&all).into_owned();
            assert!(all.matches("HTTP/1.").count() <= 1, "{all}");
        },
    );
    health(&serving).is(200);
    serving.finish();
}

#[test]
fn slow_callers_hold_up_nobody_and_have_an_end() {
    let server = Server::replies([Reply::token()]);
    let (_env, serving) = serve(&server);
    let request = serving.request(ID, SECRET);
    let rows: [(&str, &[u8]); 4] = [
        ("nothing", b""),
        ("half a line", b"POST /conn"),
        ("half a head", b"POST / HTTP/1.1\r\nHost: x\r\n"),
        ("half a body", &request[..request.len() - 4]),
    ];
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..20 {
                let since = Instant::now();
                serving.ask(ID, SECRET).is(200);
                assert!(since.elapsed() < SOON);
                thread::sleep(Duration::from_millis(100));
            }
        });
        each_row_at_once(
            &rows,
            |row| row.0,
            |(_, sent)| {
                let mut stream = serving.connect();
                stream.write_all(sent).unwrap();
                let since = Instant::now();
                if let Some(answer) = Answer::read(&mut stream) {
                    answer.is(408);
                }
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest);
                let took = since.elapsed();
                assert!((4..10).contains(&took.as_secs()), "{took:?}");
            },
        );
    });
    serving.finish();
}

#[test]
fn at_the_limit_the_oldest_idle_connection_makes_room() {
    let server = Server::replies([Reply::token()]);
    let (_env, serving) = serve(&server);
    serving.ask(ID, SECRET).is(200);
    // Where the machine is too busy, their own deadline comes to all of them first.
    assert!(
        (0..10).any(|_| oldest_makes_room(&serving)),
        "busy ten times over"
    );
    serving.finish();
}

/// False if it took too long to tell.
fn oldest_makes_room(serving: &Serving) -> bool {
    let since = Instant::now();
    let mut idle: Vec<_> = (0..1024).map(|_| serving.connect()).collect();
    // All have been accepted when the last has been answered.
    let host = serving.address();
    let alive = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let mut healthy = |number: usize| {
        let stream = &mut idle[number];
        let sent = stream.write_all(alive.as_bytes());
        sent.ok()
            .and_then(|()| Answer::read(stream))
            .is_some_and(|answer| answer.status == 200)
    };
    let last = healthy(1023);
    serving.ask(ID, SECRET).is(200);
    let [first, third] = [healthy(0), healthy(2)];
    if since.elapsed() > SOON {
        return false;
    }
    assert_eq!([last, first, third], [true, false, true], "who is alive");
    true
}

#[test]
fn whoever_says_no_more_than_one_request_is_answered() {
    let server = Server::always(Reply::token());
    let (_env, serving) = serve(&server);
    let mut stream = serving.connect();
    stream.write_all(&serving.request(ID, SECRET)).unwrap();
    half_close(&stream);
    let answer = Answer::read(&mut stream);
    assert!(answer.is_none_or(|answer| answer.status == 200));
    serving.ask(ID, SECRET).is(200);
    serving.finish();
}

#[test]
fn the_end_waits_for_what_is_in_flight() {
    for signal in [Signal::TERM, Signal::INT] {
        let gate = Gate::default();
        let server = Server::replies([Reply::token().held_by(&gate)]);
        let (_env, mut serving) = serve(&server);
        let mut idle = serving.connect();
        let request = serving.request(ID, SECRET);
        let mut asking: Vec<_> = (0..50).map(|_| serving.connect()).collect();
        for stream in &mut asking {
            stream.write_all(&request).unwrap();
        }
        server.wait_for_requests(1);
        serving.signal(signal);
        let since = Instant::now();
        while std::net::TcpStream::connect(serving.address()).is_ok() {
            assert!(since.elapsed() < SOON, "connections are still accepted");
        }
        gate.open();
        for stream in &mut asking {
            Answer::read(stream).unwrap().is(200);
        }
        let _ = idle.read(&mut [0]);
        assert_eq!(serving.ends(), Some(0));
    }
}

#[test]
fn the_end_does_not_wait_for_ever() {
    let server = Server::always(Reply::steps([Step::ReadRequest, Step::Hang]));
    let (_env, mut serving) = serve(&server);
    let mut stream = serving.connect();
    stream.write_all(&serving.request(ID, SECRET)).unwrap();
    server.wait_for_requests(1);
    let since = Instant::now();
    serving.signal(Signal::TERM);
    assert_eq!(serving.ends(), Some(0));
    assert!(
        (9..14).contains(&since.elapsed().as_secs()),
        "{:?}",
        since.elapsed()
    );
}

#[test]
fn many_connections_at_once_are_all_answered() {
    let server = Server::replies([Reply::token()]);
    let (_env, serving) = serve(&server);
    let request = serving.request(ID, SECRET);
    for answer in all_at_once(&serving, 200, &request) {
        assert_eq!(answer.is(200).json()["access_token"], TOKEN);
    }
    serving.finish();
}

#[test]
fn basic_that_cannot_be_read_is_no_client() {
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
