//! How guessed secrets are kept from the upstream.

use super::*;

#[test]
fn after_five_failures_guesses_get_429_and_the_proven_secret_passes() {
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
fn a_secret_in_the_disk_cache_is_proven() {
    let refusal = Reply::oauth_error(401, "invalid_client");
    let mut script = vec![Reply::token()];
    script.extend(vec![refusal; 5]);
    script.push(Reply::token());
    let server = Server::replies(script);
    let mut env = environment(&server);
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
fn a_secret_that_was_refused_last_is_unproven() {
    for is_on_disk in [false, true] {
        let refusal = Reply::oauth_error(401, "invalid_client");
        let mut script = vec![refusal];
        if is_on_disk {
            script.insert(0, Reply::token());
        }
        let server = Server::lastly_always(script);
        let mut env = environment(&server);
        env.var("CELLS_CLIENT_ID", ID)
            .var("CELLS_CLIENT_SECRET", SECRET);
        if is_on_disk {
            env.run(&["get"]).exits(0);
            env.edit_dates(4000, 3600);
        }
        let keys = env.private_file("keys", "a-key-of-16-chars");
        let serving = env.serve(&["--retries", "0", "--caller-key-file", &keys]);
        let by_key = serving.post(V4, "Authorization: Bearer a-key-of-16-chars\r\n", GRANT);
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
fn at_most_four_unproven_secrets_are_sent_at_once() {
    let gate = Gate::default();
    let server = Server::always(Reply::oauth_error(401, "invalid_client").held_by(&gate));
    let (_env, serving) = serve(&server);
    let request = |number| serving.request(&format!("id-{number}"), "guess");
    let asking = (0..20).flat_map(|number| ask_all(&serving, 1, &request(number)));
    let asking: Vec<_> = asking.collect();
    server.wait_for_requests(4);
    wait_until_read(&serving);
    assert_eq!(server.requests().len(), 4);
    gate.open();
    for mut stream in asking {
        Answer::read(&mut stream).unwrap().is(401);
    }
    assert_eq!(server.requests().len(), 20);
    serving.finish();
}

#[test]
fn spellings_of_a_client_id_count_as_one() {
    let refusal = Reply::oauth_error(401, "invalid_client");
    let server = Server::replies(vec![refusal; 5]);
    let (_env, serving) = serve(&server);
    for (guess, spelling) in ["Some-Id", "some-id", "SOME-ID ", " some-id", "sOmE-iD\n"]
        .into_iter()
        .enumerate()
    {
        serving.ask(spelling, &format!("guess-{guess}")).is(401);
    }
    for spelling in ["Some-Id", "some-ID\t", "SoMe-Id"] {
        serving.ask(spelling, "guess-more").is(429);
    }
    serving.finish();
}

#[test]
fn every_answer_to_an_unproven_secret_that_is_not_a_token_counts() {
    let rows = [
        (
            "another code",
            Reply::oauth_error(400, "invalid_request"),
            400,
        ),
        (
            "the vendor's error",
            Reply::vendor_error(403, "errorAuth"),
            403,
        ),
        ("a page", Reply::text(404, "text/html", "<p>"), 404),
        ("nonsense", Reply::text(200, "text/html", "<p>"), 200),
        ("a failure", Reply::text(500, "text/html", "<p>"), 500),
        (
            "a rate limit",
            Reply::http(429, "Retry-After: 0\r\n", ""),
            429,
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, reply, status)| {
            let server = Server::replies(vec![reply.clone(); 5]);
            let (_env, serving) = serve(&server);
            for guess in 0..5 {
                serving.ask(ID, &format!("guess-{guess}")).is(*status);
            }
            let rejected = serving.ask(ID, "guess-5");
            rejected.is(429).has_error("temporarily_unavailable");
            serving.finish();
        },
    );
}

#[test]
fn an_upstream_that_does_not_answer_counts_for_nobody() {
    let (_socket, nobody) = closed_port();
    let mut env = TestEnv::new();
    env.var("CELLS_BASE_URL", nobody.as_str());
    let serving = env.serve(&["--retries", "0", "--timeout", "3s"]);
    for guess in 0..7 {
        serving.ask(ID, &format!("guess-{guess}")).is(502);
    }
    serving.finish();
}

#[test]
fn a_proven_secret_is_proven_for_all_parameters() {
    let denied = Reply::oauth_error(400, "invalid_scope");
    let mut script = vec![Reply::token()];
    script.extend(vec![denied; 7]);
    let server = Server::replies(script);
    let (_env, serving) = serve(&server);
    serving.ask(ID, SECRET).is(200);
    for scope in 0..7 {
        let body = form(ID, SECRET) + &format!("&scope={scope}");
        serving
            .send(&serving.post(V4, "", &body))
            .is(400)
            .has_code("invalid_scope");
    }
    serving.finish();
}
