//! Which requests share a token, and how long answers are remembered.

use super::*;

#[test]
fn five_hundred_callers_cost_one_request() {
    allow_open_files();
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
            let mut env = environment(&server);
            let serving = env.secret("another-wrong-one").serve(&["--retries", "0"]);
            let request = serving.request(ID, SECRET);
            let mut asking = ask_all(&serving, 250, &request);
            server.wait_for_requests(1);
            // It gets its own answer while the others wait.
            let wrong = serving.ask(ID, "another-wrong-one");
            assert_eq!(wrong.is(401).json()["of"], "wrong");
            asking.extend(ask_all(&serving, 250, &request));
            wait_until_read(&serving);
            gate.open();
            for stream in &mut asking {
                Answer::read(stream).unwrap().is(*status);
            }
            serving.finish();
        },
    );
}

/// The rule in `docs/fleet.md`: processes × identities requests per token lifetime, however many callers.
#[test]
fn each_process_without_a_shared_cache_sends_one_request() {
    const PROCESSES: usize = 3;
    const IDENTITIES: usize = 5;
    const CALLERS: usize = 20;
    let upstream = Counting::start(200, &token_json());
    let environments: Vec<_> = (0..PROCESSES)
        .map(|_| environment_of(&upstream.url))
        .collect();
    let fleet: Vec<_> = environments.iter().map(|env| env.serve(&[])).collect();
    for _ in 0..2 {
        let mut asking = Vec::new();
        for serving in &fleet {
            for identity in 0..IDENTITIES {
                let request = serving.request(&format!("fleet-{identity}"), SECRET);
                asking.extend(ask_all(serving, CALLERS, &request));
            }
        }
        for stream in &mut asking {
            Answer::read(stream).unwrap().is(200);
        }
        assert_eq!(upstream.count(), PROCESSES * IDENTITIES);
    }
    fleet.into_iter().for_each(|serving| drop(serving.finish()));

    // With a shared cache they send as many requests as one process.
    let upstream = Counting::start(200, &token_json());
    let shared = environment_of(&upstream.url);
    let fleet: Vec<_> = (0..PROCESSES).map(|_| shared.serve(&[])).collect();
    for serving in &fleet {
        serving.ask(ID, SECRET).is(200);
    }
    assert_eq!(upstream.count(), 1);
}

#[test]
fn a_refusal_is_shared_only_with_callers_that_were_waiting() {
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
fn a_cached_answer_has_the_remaining_lifetime_and_its_age() {
    let server = Server::replies([Reply::json(
        200,
        json!({ "x": "y", "access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600, "scope": "s" }).to_string(),
    )]);
    let mut env = environment(&server);
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
fn a_cached_answer_keeps_the_form_of_the_upstreams_answer() {
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
fn get_and_serve_share_the_disk_cache() {
    let server = Server::replies([Reply::token()]);
    let mut env = environment(&server);
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
fn without_the_disk_cache_tokens_are_kept_in_memory() {
    let server = Server::replies([Reply::token()]);
    let env = environment(&server);
    let serving = env.serve(&["--no-cache"]);
    serving.ask(ID, SECRET).is(200);
    serving.ask(ID, SECRET).is(200);
    assert!(!env.cache_dir().exists());
    serving.finish();
}

#[test]
fn another_secret_does_not_get_the_cached_token() {
    let server = Server::replies([Reply::token(), Reply::oauth_error(401, "invalid_client")]);
    let mut env = environment(&server);
    let serving = env.secret("another-secret").serve(&[]);
    serving.ask(ID, SECRET).is(200);
    serving.ask(ID, "another-secret").is(401);
    serving.ask(ID, SECRET).is(200);
    serving.finish();
}

#[test]
fn no_file_is_created_before_a_success() {
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
            let env = environment(&server);
            let serving = env.serve(&["--retries", "0", "--timeout", "5s"]);
            serving.ask(ID, SECRET);
            assert!(!env.cache_dir().exists(), "{:?}", env.cache_files());
            serving.finish();
        },
    );
}

#[test]
fn a_rate_limit_is_remembered_and_counts_down() {
    let limit = Reply::http(429, "Retry-After: 60\r\nContent-Type: a/b\r\n", "slow down");
    let server = Server::replies([limit]);
    let env = environment(&server);
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
fn a_rate_limit_that_get_received_applies_to_serve() {
    let limit = Reply::http(429, "Retry-After: 60\r\n", "");
    let server = Server::replies([limit]);
    let mut env = environment(&server);
    env.var("CELLS_CLIENT_ID", ID)
        .var("CELLS_CLIENT_SECRET", SECRET);
    let get = ["get", "--timeout", "5s"];
    env.run(&get).exits(6);
    let outcome = fs::read(env.cache_file("failures")).unwrap();
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
    assert_eq!(fs::read(env.cache_file("failures")).unwrap(), outcome);
}

#[test]
fn serve_waits_for_a_get_that_is_fetching() {
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
            let mut env = environment(&server);
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
fn a_rate_limit_that_ends_before_the_timeout_is_waited_out() {
    let limit = Reply::http(429, "Retry-After: 1\r\n", "");
    let server = Server::replies([limit, Reply::token()]);
    let (_env, serving) = serve(&server);
    serving.ask(ID, SECRET).is(429);
    serving.ask(ID, SECRET).is(200);
    serving.finish();
}

#[test]
fn the_old_token_is_used_while_the_upstream_is_unavailable() {
    let gone = Reply::text(503, "text/html", "");
    let server = Server::lastly_always([Reply::token(), gone]);
    let mut env = environment(&server);
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
    // With --min-ttl, the error is passed on.
    let serving = env.serve(&["--retries", "0", "--min-ttl", "30m"]);
    serving.ask(ID, SECRET).is(503);
    serving.finish();
}

/// libfaketime sets the calendar clock of the process, not its monotonic clock.
#[test]
fn a_clock_set_back_extends_neither_tokens_nor_rate_limits() {
    let Some(library) = libfaketime("a clock that is set back") else {
        return;
    };
    let short = json!({ "access_token": TOKEN, "expires_in": 3 }).to_string();
    let limit = Reply::http(429, "Retry-After: 3\r\n", "");
    // The first request after the limit may have too little time left.
    let script = [Reply::json(200, &short), limit, Reply::json(200, &short)];
    let server = Server::lastly_always(script);
    let mut env = environment(&server);
    let clock = env.file("clock", "+0");
    env.var("LD_PRELOAD", library)
        .var("FAKETIME_TIMESTAMP_FILE", &clock)
        .var("FAKETIME_NO_CACHE", "1")
        .var("DONT_FAKE_MONOTONIC", "1");
    let serving = env.serve(&["--retries", "0", "--timeout", "2s"]);
    let since = Instant::now();
    serving.ask(ID, SECRET).is(200);
    fs::write(&clock, "-2h").unwrap();
    // The token is renewed a tenth of its lifetime before its end.
    while serving.ask(ID, SECRET).status == 200 {
        assert!(
            since.elapsed() < 2 * SOON,
            "the token outlives its lifetime"
        );
        thread::sleep(Duration::from_millis(50));
    }
    let limited = serving.ask(ID, SECRET);
    assert!(
        (1..=3).contains(&limited.is(429).number("retry-after")),
        "{limited:?}"
    );
    fs::write(&clock, "-9h").unwrap();
    let since = Instant::now();
    while serving.ask(ID, SECRET).status != 200 {
        assert!(since.elapsed() < 2 * SOON, "the rate limit does not end");
        thread::sleep(Duration::from_millis(50));
    }
    serving.finish();
}
