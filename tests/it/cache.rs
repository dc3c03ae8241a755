//! What is kept between runs, for whom, and for how long; and that nothing on a disk keeps a token from being printed.

use std::fs;
#[cfg(unix)]
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

#[cfg(unix)]
use crate::support::mode;
use crate::support::{
    ID, Reply, SECRET, Server, TOKEN, TestEnv, each_row, jwt, now_ms, token_json,
};

const OTHER: &str = "another-token";
const YIELDS: &str = "the cached token still lives and is used";

fn other() -> Reply {
    Reply::json(200, token_json().replace(TOKEN, OTHER))
}

fn line(token: &str) -> String {
    format!("{token}\n")
}

/// A token that lives this long.
fn living(seconds: impl Into<Value>) -> Reply {
    let seconds = seconds.into();
    let answer = json!({ "access_token": "opaque", "token_type": "Bearer", "expires_in": seconds });
    Reply::json(200, answer.to_string())
}

/// A world where `TOKEN` is cached, and a server that will answer with these afterwards.
fn cached(then: impl Into<Vec<Reply>>) -> (Server, TestEnv) {
    let script = [vec![Reply::token()], then.into()].concat();
    let server = Server::replies(script);
    let env = TestEnv::caching(&server);
    env.run(&["get"]).exits(0).prints(&line(TOKEN));
    (server, env)
}

// Whose it is.

#[test]
fn a_token_is_used_again_for_the_same_url_id_and_secret() {
    let (_server, env) = cached([]);
    for _ in 0..3 {
        let output = env.run(&["get"]);
        output.exits(0).prints(&line(TOKEN));
        assert_eq!(output.stderr, "", "{output}");
    }
    let id = format!("--client-id={ID}");
    env.run(&["get", &id]).exits(0).prints(&line(TOKEN));
}

#[test]
fn another_secret_id_or_url_never_gets_it() {
    let capitals = ID.to_uppercase();
    let endpoint = "{url}/v4.0/cells/connect/token?";
    let rows = [
        ("a rotated secret", "CELLS_CLIENT_SECRET", "rotated-secret"),
        ("a mistyped secret", "CELLS_CLIENT_SECRET", &SECRET[1..]),
        ("another id", "CELLS_CLIENT_ID", "another-id"),
        ("an id in capitals", "CELLS_CLIENT_ID", &capitals),
        ("another base URL", "CELLS_BASE_URL", "{url}/test"),
        ("another token URL", "CELLS_TOKEN_URL", endpoint),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, variable, value)| {
            let (server, mut env) = cached([other()]);
            env.var(variable, value.replace("{url}", server.url()));
            env.run(&["get"]).exits(0).prints(&line(OTHER));
        },
    );
}

#[test]
fn a_refused_secret_does_not_fall_back_to_anothers_token() {
    let (_server, mut env) = cached([Reply::oauth_error(401, "invalid_client")]);
    env.var("CELLS_CLIENT_SECRET", "mistyped-secret");
    env.run(&["get"]).exits(4).prints("");
    // The right one is still served.
    env.var("CELLS_CLIENT_SECRET", SECRET);
    env.run(&["get"]).exits(0).prints(&line(TOKEN));
}

#[test]
fn two_identities_keep_their_tokens_side_by_side() {
    let (_server, mut env) = cached([other()]);
    env.var("CELLS_CLIENT_ID", "another-id");
    env.run(&["get"]).exits(0).prints(&line(OTHER));
    env.run(&["get"]).exits(0).prints(&line(OTHER));
    env.var("CELLS_CLIENT_ID", ID);
    env.run(&["get"]).exits(0).prints(&line(TOKEN));
}

#[test]
fn an_id_cannot_leave_the_folder() {
    let server = Server::replies([Reply::token()]);
    let mut env = TestEnv::caching(&server);
    env.var("CELLS_CLIENT_ID", "../../../escaped/../id\u{1b}");
    env.run(&["get"]).exits(0);
    assert_eq!(env.cache_files().len(), 2, "{:?}", env.cache_files());
}

#[test]
fn where_no_secret_is_at_hand_a_good_token_is_used_without_asking() {
    let (_server, mut env) = cached([]);
    env.var("CELLS_CLIENT_SECRET", "");
    // Nobody could be asked, and nobody need be.
    env.run(&["get"]).exits(0).prints(&line(TOKEN));
    env.run(&["get", "--no-input"])
        .exits(0)
        .prints(&line(TOKEN));
    // Another id's secret would have to be asked for.
    env.run(&["get", "--client-id", "another-id"]).exits(3);
    env.run(&["get", "--no-cache"]).exits(3);
    env.run(&["get", "--refresh"]).exits(3);
    env.edit_dates(3500, 3600);
    env.run(&["get"]).exits(3);
    env.run(&["get", "--min-ttl", "5m"]).exits(3);
    env.run(&["get", "--min-ttl", "1m"]).exits(0);
}

#[cfg(unix)]
#[test]
fn on_a_terminal_it_asks_only_if_no_good_token_is_cached() {
    let (server, mut env) = cached([other()]);
    env.var("CELLS_CLIENT_SECRET", "");
    let mut terminal = env.terminal("sh", "cells-token get >token; echo status $?");
    terminal.wait_for("status 0");
    assert_eq!(terminal.finish().screen, "status 0\n");
    assert_eq!(fs::read_to_string(env.path("token")).unwrap(), line(TOKEN));

    env.edit_dates(3500, 3600);
    let mut terminal = env.terminal("sh", "cells-token get >token; echo status $?");
    terminal
        .wait_for("secret")
        .wait_for_echo(false)
        .type_line(SECRET)
        .wait_for("status 0");
    terminal.finish();
    assert_eq!(fs::read_to_string(env.path("token")).unwrap(), line(OTHER));
    assert_eq!(
        server.requests()[1].field("client_secret").as_deref(),
        Some(SECRET)
    );
}

/// What is typed is checked against the fingerprint, as what comes from a variable is.
#[cfg(unix)]
#[test]
fn a_secret_that_is_typed_wrong_does_not_get_the_old_token() {
    let (_server, mut env) = cached([Reply::oauth_error(401, "invalid_client")]);
    env.edit_dates(3500, 3600);
    env.var("CELLS_CLIENT_SECRET", "");
    let mut terminal = env.terminal("sh", "cells-token get >token; echo status $?");
    terminal
        .wait_for("secret")
        .wait_for_echo(false)
        .type_line("mistyped")
        .wait_for("status 4");
    terminal.finish();
    assert_eq!(fs::read_to_string(env.path("token")).unwrap(), "");
}

// How long it is good.

#[test]
fn a_token_is_used_while_it_lives_long_enough() {
    // Age and lifetime in seconds, --min-ttl, and whether it is still used.
    let rows: [(&str, i64, i64, &[&str], bool); 13] = [
        ("new", 0, 3600, &[], true),
        ("before the margin", 3290, 3600, &[], true),
        ("within the margin", 3310, 3600, &[], false),
        ("over", 3700, 3600, &[], false),
        ("a short one before a tenth", 80, 100, &[], true),
        ("a short one in its last tenth", 95, 100, &[], false),
        ("as long as asked", 1700, 3600, &["--min-ttl", "30m"], true),
        (
            "shorter than asked",
            1900,
            3600,
            &["--min-ttl", "30m"],
            false,
        ),
        ("to its end", 3580, 3600, &["--min-ttl", "0"], true),
        ("past its end", 3601, 3600, &["--min-ttl", "0"], false),
        (
            "new and never long enough",
            30,
            3600,
            &["--min-ttl", "2h"],
            true,
        ),
        (
            "new and asked for its whole life",
            30,
            3600,
            &["--min-ttl", "1h"],
            true,
        ),
        (
            "old and never long enough",
            70,
            3600,
            &["--min-ttl", "2h"],
            false,
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, age, lifetime, min_ttl, is_used)| {
            let then = if *is_used { vec![] } else { vec![other()] };
            let (_server, env) = cached(then);
            env.edit_dates(*age, *lifetime);
            let expected = if *is_used { TOKEN } else { OTHER };
            env.run(&[&["get"], *min_ttl].concat())
                .exits(0)
                .prints(&line(expected));
        },
    );
}

#[test]
fn the_variable_asks_for_a_life_as_the_option_does() {
    let (_server, mut env) = cached([other()]);
    env.edit_dates(1900, 3600);
    env.var("CELLS_MIN_TTL", "30m");
    env.run(&["get", "--min-ttl", "1m"]).prints(&line(TOKEN));
    env.run(&["get"]).exits(0).prints(&line(OTHER));
}

#[test]
fn a_token_shorter_than_asked_is_used_for_a_minute_with_a_warning() {
    let (_server, mut env) = cached([other()]);
    let asks = &["get", "--min-ttl", "2h"];
    let warning = "shorter than --min-ttl asks";
    env.run(asks).exits(0).prints(&line(TOKEN)).says(warning);
    env.edit_dates(70, 3600);
    env.run(asks).exits(0).prints(&line(OTHER)).says(warning);
    env.run(asks).exits(0).prints(&line(OTHER)).says(warning);
    env.run(&["get", "-q", "--min-ttl", "2h"])
        .never_says(warning);
    // The same without the secret.
    env.var("CELLS_CLIENT_SECRET", "");
    env.run(asks).exits(0).prints(&line(OTHER)).says(warning);
}

#[test]
fn an_old_token_serves_while_the_service_is_away() {
    let rows = [
        ("unavailable", Reply::text(503, "text/plain", "busy")),
        ("limited", Reply::http(429, "Retry-After: 600\r\n", "")),
        ("resets", Reply::steps([crate::support::Step::Reset])),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, failure)| {
            let (_server, env) = cached([failure.clone()]);
            env.edit_dates(3500, 3600);
            let output = env.run_once(&["get"]);
            output.exits(0).prints(&line(TOKEN)).says(YIELDS);
            output.says("cells-token: warning: ");
        },
    );
}

#[test]
fn an_old_token_does_not_serve_where_that_would_soften_a_choice_or_hide_a_refusal() {
    let busy = || Reply::text(503, "text/plain", "busy");
    let refused = || Reply::oauth_error(401, "invalid_client");
    let nonsense = || Reply::text(200, "text/html", "<p>Log in</p>");
    let rows: [(&str, &[&str], Reply, i64, i32); 6] = [
        ("--min-ttl", &["--min-ttl", "5m"], busy(), 3500, 6),
        ("--refresh", &["--refresh"], busy(), 3500, 6),
        ("--refresh of a good one", &["--refresh"], busy(), 0, 6),
        ("refused", &[], refused(), 3500, 4),
        ("nonsense", &[], nonsense(), 3500, 7),
        ("it is over", &[], busy(), 3600, 6),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, options, failure, age, code)| {
            let (_server, env) = cached([failure.clone()]);
            env.edit_dates(*age, 3600);
            env.run_once(&[&["get"], *options].concat())
                .exits(*code)
                .prints("");
        },
    );
    let (_server, mut env) = cached([busy()]);
    env.edit_dates(3500, 3600);
    env.var("CELLS_MIN_TTL", "5m");
    env.run_once(&["get"]).exits(6).prints("");
}

#[test]
fn an_old_token_serves_while_the_port_is_closed() {
    let (server, mut env) = cached([]);
    env.edit_dates(3500, 3600);
    let port = server.port();
    drop(server);
    env.var("CELLS_BASE_URL", format!("http://127.0.0.1:{port}"));
    env.run_once(&["get"])
        .exits(0)
        .prints(&line(TOKEN))
        .says(YIELDS);
}

#[test]
fn a_token_of_unknown_life_is_never_kept() {
    let life = |value: Value| {
        Reply::json(
            200,
            json!({ "access_token": "opaque", "expires_in": value }).to_string(),
        )
    };
    let rows = [
        ("null", life(Value::Null)),
        ("words", life("soon".into())),
        ("absent", Reply::json(200, r#"{"access_token":"opaque"}"#)),
        ("zero", living(0)),
        ("negative", living(-5)),
        ("not a number", living("NaN")),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, reply)| {
            let server = Server::replies([reply.clone(), reply.clone()]);
            let mut env = TestEnv::caching(&server);
            env.token("opaque");
            env.run(&["get"]).exits(0).prints("opaque\n");
            let files = env.cache_files();
            assert!(
                files.iter().all(|file| file.extension().unwrap() == "lock"),
                "{files:?}"
            );
            env.run(&["get"]).exits(0).prints("opaque\n");
        },
    );
}

#[test]
fn a_jwt_tells_its_own_life() {
    let token = jwt(&json!({ "iat": 1_000, "exp": 1_600 }));
    let server = Server::replies([Reply::json(
        200,
        json!({ "access_token": token }).to_string(),
    )]);
    let mut env = TestEnv::caching(&server);
    env.token(&token);
    env.run(&["get"]).exits(0);
    let left = env.run(&["get", "-o", "json"]).json()["expires_in"].as_i64();
    assert!((590..=600).contains(&left.unwrap()), "{left:?}");
}

#[test]
fn dates_that_cannot_be_are_not_believed() {
    // From now, in seconds: obtained, expires; and whether it is used.
    let rows = [
        ("obtained a little ahead", 200, 3800, true),
        ("obtained far ahead", 400, 4000, false),
        (
            "obtained in another century",
            3_000_000_000,
            3_000_003_600,
            false,
        ),
        ("expires before it was obtained", 0, -10, false),
        ("a clock that was set forward", -90_000, -86_400, false),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, obtained, expires, is_used)| {
            let (_server, env) = cached(if *is_used { vec![] } else { vec![other()] });
            env.edit("json", |entry| {
                entry["obtained_at"] = (now_ms() + obtained * 1000).into();
                entry["expires_at"] = (now_ms() + expires * 1000).into();
            });
            let expected = if *is_used { TOKEN } else { OTHER };
            env.run(&["get"]).exits(0).prints(&line(expected));
            env.run(&["get"]).exits(0).prints(&line(expected));
        },
    );
}

/// A clock that is set back lends a token no time, in the output either.
#[test]
fn what_is_left_is_never_more_than_the_whole() {
    let (_server, env) = cached([]);
    env.edit_dates(-200, 3600);
    assert_eq!(env.run(&["get", "-o", "json"]).json()["expires_in"], 3600);
}

#[test]
fn json_tells_what_is_left_and_where_it_came_from() {
    let (_server, env) = cached([]);
    env.edit_dates(600, 3600);
    let answer = env.run(&["get", "-o", "json"]).json();
    assert_eq!(answer["from_cache"], true);
    let left = answer["expires_in"].as_i64().unwrap();
    assert!((2990..=3000).contains(&left), "{left}");
    assert_eq!(answer["access_token"], TOKEN);
}

#[test]
fn refresh_fetches_and_keeps_the_new_one() {
    let (_server, env) = cached([other()]);
    env.run(&["get", "--refresh"]).exits(0).prints(&line(OTHER));
    env.run(&["get"]).exits(0).prints(&line(OTHER));
}

// Where it is.

#[test]
fn without_a_cache_nothing_is_read_or_written() {
    let (_server, mut env) = cached([other(), other(), other()]);
    let before = fs::read(env.cache_file("json")).unwrap();
    env.run(&["get", "--no-cache"]).prints(&line(OTHER));
    env.run(&["get", "--no-cache", "--refresh"])
        .prints(&line(OTHER));
    env.var("CELLS_NO_CACHE", "1");
    env.run(&["get"]).prints(&line(OTHER));
    assert_eq!(fs::read(env.cache_file("json")).unwrap(), before);
    for no in ["0", "false", "no", ""] {
        env.var("CELLS_NO_CACHE", no);
        env.run(&["get"]).prints(&line(TOKEN));
    }
    let server = Server::replies([Reply::token()]);
    let env = TestEnv::for_server(&server);
    env.run(&["get"]).exits(0);
    assert!(!env.cache_dir().exists());
}

#[test]
fn the_folder_is_named_by_option_or_variable() {
    let (_server, mut env) = cached([other()]);
    env.var("CELLS_CACHE_DIR", env.path("by/variable"));
    env.run(&["get"]).prints(&line(OTHER));
    env.run(&["get"]).prints(&line(OTHER));
    assert_eq!(fs::read_dir(env.path("by/variable")).unwrap().count(), 2);
    let usual = env.cache_dir();
    env.run(&["get", "--cache-dir", usual.to_str().unwrap()])
        .prints(&line(TOKEN));
    env.var("CELLS_CACHE_DIR", "");
    env.run(&["get"]).prints(&line(TOKEN));
}

#[test]
fn a_relative_folder_is_in_the_working_folder() {
    let server = Server::replies([Reply::token()]);
    let env = TestEnv::caching(&server);
    env.run(&["get", "--cache-dir", "here"]).exits(0);
    assert!(env.path("here").is_dir());
    env.run(&["get", "--cache-dir", "here"]).exits(0);
}

#[test]
fn a_folder_without_a_name_is_a_usage_error() {
    let server = Server::untouched();
    let env = TestEnv::caching(&server);
    env.run(&["get", "--cache-dir", ""])
        .exits(2)
        .says("--cache-dir");
    assert_eq!(fs::read_dir(env.path("")).unwrap().count(), 0);
}

// What is in it.

#[test]
fn an_entry_is_json_of_a_version() {
    let (server, env) = cached([]);
    let entry: Value = serde_json::from_slice(&fs::read(env.cache_file("json")).unwrap()).unwrap();
    assert_eq!(entry["version"], 1);
    assert_eq!(entry["client_id"], ID);
    assert_eq!(
        entry["token_url"],
        format!("{}/v4.0/cells/connect/token", server.url())
    );
    assert_eq!(entry["response"]["access_token"], TOKEN);
    let names: Vec<_> = env.cache_files();
    assert_eq!(names.len(), 2, "an entry and a lock: {names:?}");
}

/// Every run of a `TestEnv` searches its files for the secret, encoded in every way. Here it is tempted.
#[test]
fn a_secret_that_a_server_quotes_is_not_kept() {
    let quoting = |status, body: Value| Reply::json(status, body.to_string());
    let lasting = json!({ "access_token": "opaque", "expires_in": 3600 });
    let with = |name: &str, value: Value| {
        let mut body = lasting.clone();
        body[name] = value;
        body
    };
    let rows = [
        (
            "refused",
            4,
            quoting(
                401,
                json!({ "error": "invalid_client", "error_description": format!("no such secret: {SECRET}") }),
            ),
        ),
        ("unavailable", 6, Reply::text(503, "text/plain", SECRET)),
        (
            "nonsense",
            7,
            Reply::text(200, "text/html", format!("<p>{SECRET}")),
        ),
        (
            "in a member",
            0,
            quoting(200, with("client_secret", SECRET.into())),
        ),
        (
            "deep in a member",
            0,
            quoting(200, with("echo", json!([{ "of": format!("x{SECRET}y") }]))),
        ),
        (
            "in a member's name",
            0,
            quoting(200, with(&format!("k{SECRET}"), json!({ SECRET: 1 }))),
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, code, reply)| {
            let server = Server::always(reply.clone());
            let env = TestEnv::caching(&server);
            env.run_once(&["get"]).exits(*code);
            env.run_once(&["get", "-o", "json"]).exits(*code);
        },
    );
}

#[test]
fn a_secret_of_digits_is_kept_neither_as_a_name_nor_as_a_number() {
    let secret = "1234567890123456";
    let body = r#"{"access_token":"abc","expires_in":600,"k1234567890123456":"v","num":1234567890123456,"n":12.50}"#;
    let server = Server::replies([Reply::json(200, body)]);
    let mut env = TestEnv::caching(&server);
    env.var("CELLS_CLIENT_SECRET", secret);
    for _ in ["fetched", "cached"] {
        let output = env.run(&["get", "-o", "json"]);
        let kept = r#"{"access_token":"abc","expires_in":"#;
        assert!(output.stdout.starts_with(kept), "{output}");
        let cleaned = r#","[redacted]":"v","num":"[redacted]","n":12.50,"#;
        assert!(output.stdout.contains(cleaned), "{output}");
    }
}

#[test]
fn a_proxys_password_is_not_kept() {
    let proxy = Server::replies([Reply::oauth_error(401, "invalid_client")]);
    let server = Server::untouched();
    let mut env = TestEnv::caching(&server);
    env.secret("pr0xy-passw0rd");
    let url = proxy.url().replace("//", "//user:pr0xy-passw0rd@");
    let output = env.run_once(&["get", "-v", "--proxy", &url]);
    assert_ne!(output.code, Some(0), "{output}");
}

#[test]
fn an_entry_does_not_tell_two_equal_secrets_apart_from_others() {
    let (_server, mut env) = cached([other()]);
    let fingerprint = |env: &TestEnv| {
        let mut seen = Value::Null;
        env.edit("json", |entry| seen = entry["fingerprint"].clone());
        seen
    };
    let first = fingerprint(&env);
    env.var("CELLS_NO_CACHE", "");
    env.run(&["get", "--refresh"]).exits(0);
    assert_ne!(fingerprint(&env), first, "a new salt each time");
}

// A limit on requests is remembered.

#[test]
fn a_limit_is_remembered_until_it_ends() {
    let rows = [
        ("seconds", "Retry-After: 600\r\n".to_owned(), 600),
        (
            "a date",
            format!("Retry-After: {}\r\n", http_date(600)),
            600,
        ),
        ("an hour at most", "Retry-After: 86400\r\n".to_owned(), 3600),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, header, seconds)| {
            let server = Server::replies([Reply::http(429, header, "")]);
            let env = TestEnv::caching(&server);
            env.run(&["get"]).exits(6);
            let output = env.run(&["get"]);
            output.exits(6).hints("--refresh").says("limits");
            assert!(output.elapsed < Duration::from_secs(2), "{output}");
            env.edit("outcome", |outcome| {
                let until = outcome["failures"][0]["limited_until"].as_i64().unwrap();
                let left = (until - now_ms()) / 1000;
                assert!((seconds - 15..=seconds + 1).contains(&left), "{left}");
            });
        },
    );
}

fn http_date(from_now: i64) -> String {
    let at = Duration::from_millis((now_ms() + from_now * 1000).try_into().unwrap());
    httpdate::fmt_http_date(UNIX_EPOCH + at)
}

#[test]
fn who_can_wait_out_a_limit_waits() {
    let limit = Reply::http(429, "Retry-After: 2\r\n", "");
    let server = Server::replies([limit, Reply::token()]);
    let env = TestEnv::caching(&server);
    env.run_once(&["get"]).exits(6);
    let output = env.run_once(&["get", "-v"]);
    output
        .exits(0)
        .prints(&line(TOKEN))
        .says("limits requests until");
    assert!(output.elapsed > Duration::from_secs(1), "{output}");
    assert!(output.elapsed < Duration::from_secs(10), "{output}");
}

#[test]
fn a_limit_concerns_neither_a_refresh_nor_another_secret() {
    let limit = || Reply::http(429, "Retry-After: 600\r\n", "");
    let server = Server::replies([limit(), Reply::token()]);
    let env = TestEnv::caching(&server);
    env.run(&["get"]).exits(6);
    env.run(&["get", "--refresh"]).exits(0).prints(&line(TOKEN));
    env.run(&["get"]).exits(0).prints(&line(TOKEN));

    let server = Server::replies([limit(), Reply::token()]);
    let mut env = TestEnv::caching(&server);
    env.run(&["get"]).exits(6);
    env.var("CELLS_CLIENT_SECRET", "another-secret");
    env.run(&["get"]).exits(0).prints(&line(TOKEN));
    env.var("CELLS_CLIENT_SECRET", SECRET);
    env.run(&["get"]).exits(6);
}

#[test]
fn a_limit_without_an_end_is_not_remembered() {
    let server = Server::replies([Reply::http(429, "", ""), Reply::token()]);
    let env = TestEnv::caching(&server);
    env.run_once(&["get"]).exits(6);
    env.run_once(&["get"]).exits(0);
}

#[test]
fn a_failure_from_the_future_is_nobodys() {
    // The clock was ahead when it was noted: an hour, and less than what is otherwise tolerated.
    for ahead in [3_600_000, 100_000] {
        let refusal = Reply::oauth_error(401, "invalid_client");
        let server = Server::replies([refusal, Reply::token()]);
        let env = TestEnv::caching(&server);
        env.run(&["get"]).exits(4);
        env.edit("outcome", |outcome| {
            outcome["failures"][0]["failed_at"] = (now_ms() + ahead).into();
        });
        env.run(&["get"]).exits(0).prints(&line(TOKEN));
    }
}

#[test]
fn a_limit_from_the_future_is_nobodys() {
    let limit = Reply::http(429, "Retry-After: 600\r\n", "");
    let server = Server::replies([limit, Reply::token()]);
    let env = TestEnv::caching(&server);
    env.run(&["get"]).exits(6);
    env.edit("outcome", |outcome| {
        outcome["failures"][0]["limited_until"] = (now_ms() + 90_000_000).into();
    });
    let output = env.run(&["get", "-v"]);
    output.exits(0).says("is ignored");
}

// Private, and left as found.

#[cfg(unix)]
#[test]
fn folders_and_files_are_private_whatever_the_umask() {
    for umask in ["000", "022", "077", "0277", "0777"] {
        let server = Server::replies([Reply::token(), Reply::oauth_error(401, "invalid_client")]);
        let env = TestEnv::caching(&server);
        fs::remove_dir(env.path("../home/.cache")).unwrap();
        let script = format!("umask {umask}; cells-token get; cells-token get --refresh");
        env.sh_as_anyone(&script).prints(&line(TOKEN)).exits(4);
        let mut places: Vec<_> = env.cache_files();
        assert_eq!(places.len(), 3, "umask {umask}: {places:?}");
        places.extend([env.cache_dir(), env.path("../home/.cache")]);
        for place in places {
            let expected = if place.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode(&place), expected, "umask {umask}: {}", place.display());
        }
    }
}

/// Before anything is written: the first system call that makes a file or folder names its mode, and none changes it.
#[cfg(target_os = "linux")]
#[test]
fn they_are_private_from_birth() {
    let server = Server::replies([Reply::token()]);
    let env = TestEnv::caching(&server);
    let Some(calls) = strace(&env, "open,openat,openat2,creat,mkdir,mkdirat,/ch(mod|own)") else {
        return;
    };
    let made = |call: &&str| call.contains("O_CREAT") || call.contains("mkdir");
    let made: Vec<_> = calls.lines().filter(made).collect();
    for (what, mode, count) in [("O_CREAT", ", 0600)", 2), ("mkdir", ", 0700)", 1)] {
        let made: Vec<_> = made.iter().filter(|call| call.contains(what)).collect();
        let private = made.iter().filter(|call| call.contains(mode)).count();
        assert_eq!(private, made.len(), "{made:#?}");
        assert!(private >= count, "{calls}");
    }
    assert!(
        !calls.contains("chmod") && !calls.contains("chown"),
        "{calls}"
    );
}

/// The system calls of a `get` under `strace -e trace=…`; `None`, aloud, where there is no strace.
#[cfg(target_os = "linux")]
fn strace(env: &TestEnv, calls: &str) -> Option<String> {
    if env.sh("command -v strace >/dev/null").code != Some(0) {
        let reason = "strace is not here: the system calls of `get` were not looked at";
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci.is_empty()),
            "{reason}"
        );
        eprintln!("SKIPPED: {reason}");
        return None;
    }
    let script = format!("strace -f -qq -o calls -e 'trace={calls}' cells-token get");
    env.sh(&script).exits(0).prints(&line(TOKEN));
    Some(fs::read_to_string(env.path("calls")).unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn a_cached_token_costs_neither_socket_nor_thread_nor_roots_nor_a_write() {
    let (_server, env) = cached([]);
    let Some(calls) = strace(&env, "all") else {
        return;
    };
    let rows = [
        ("socket(", "a socket"),
        ("connect(", "a connection"),
        ("clone(", "a thread"),
        ("clone3(", "a thread"),
        ("fork(", "a process"),
        ("/dev/tty", "the terminal"),
        ("/etc/ssl", "root certificates"),
        ("ca-certificates", "root certificates"),
        (".pem", "root certificates"),
        ("O_CREAT", "a file"),
        ("O_WRONLY", "a file"),
        ("O_RDWR", "a file"),
        ("flock(", "the lock"),
        (".lock", "the lock"),
        ("rename", "a file"),
        ("mkdir", "a folder"),
        ("unlink", "a file"),
        ("chmod", "a file's rights"),
        ("resolv.conf", "a name server"),
    ];
    // `set_robust_list` and the like of the C library's own start are no concern.
    each_row(
        &rows,
        |row| row.0,
        |(call, what)| {
            let mut found = calls.lines().filter(|line| line.contains(call));
            assert_eq!(found.next(), None, "{what}");
        },
    );
    let writes = calls.lines().filter(|line| line.contains("write"));
    let writes: Vec<_> = writes.collect();
    assert!(
        writes.len() == 1 && writes[0].contains("write(1, "),
        "{writes:#?}"
    );
}

#[cfg(unix)]
#[test]
fn folders_that_are_there_are_left_as_they_are() {
    let server = Server::replies([Reply::token()]);
    let env = TestEnv::caching(&server);
    fs::create_dir_all(env.cache_dir()).unwrap();
    let places = [env.cache_dir(), env.path("../home/.cache")];
    for place in &places {
        set_mode(place, 0o755);
    }
    env.run(&["get"]).exits(0);
    env.run(&["get"]).exits(0);
    for place in &places {
        assert_eq!(mode(place), 0o755, "{}", place.display());
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

// What cannot be trusted.

/// Puts something in the place of a file of the cache.
#[cfg(unix)]
type Damage = fn(&Path, &[u8]);

#[cfg(unix)]
fn damages() -> Vec<(&'static str, Damage)> {
    let mut damages: Vec<(&'static str, Damage)> = vec![
        ("empty", |path, _| fs::write(path, "").unwrap()),
        ("half-written", |path, bytes| {
            fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("zeros", |path, bytes| {
            fs::write(path, vec![0; bytes.len()]).unwrap();
        }),
        ("not UTF-8", |path, _| {
            fs::write(path, b"\xff\xfe{}").unwrap()
        }),
        ("too long", |path, bytes| {
            fs::write(path, bytes.repeat(300_000 / bytes.len().max(1))).unwrap();
        }),
        ("other JSON", |path, _| fs::write(path, "[1]").unwrap()),
        ("unknown version", |path, bytes| {
            let text = String::from_utf8_lossy(bytes).replace(r#""version":1"#, r#""version":2"#);
            fs::write(path, text).unwrap();
        }),
        ("readable by others", |path, _| set_mode(path, 0o644)),
        ("writable by a group", |path, _| set_mode(path, 0o620)),
        ("a link to a good one", |path, _| {
            let aside = path.with_extension("aside");
            fs::rename(path, &aside).unwrap();
            std::os::unix::fs::symlink(aside, path).unwrap();
        }),
        ("a link to nowhere", |path, _| {
            fs::remove_file(path).unwrap();
            std::os::unix::fs::symlink("nowhere", path).unwrap();
        }),
        ("a link to itself", |path, _| {
            fs::remove_file(path).unwrap();
            std::os::unix::fs::symlink(path, path).unwrap();
        }),
        ("a FIFO", |path, _| {
            fs::remove_file(path).unwrap();
            let made = std::process::Command::new("mkfifo").arg(path).status();
            assert!(made.unwrap().success());
            set_mode(path, 0o600);
        }),
        ("a socket", |path, _| {
            fs::remove_file(path).unwrap();
            // A path of a socket is short.
            let short = tempfile::tempdir().unwrap();
            drop(std::os::unix::net::UnixListener::bind(short.path().join("s")).unwrap());
            fs::rename(short.path().join("s"), path).unwrap();
        }),
        ("a folder", |path, _| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        }),
        ("a folder that is not empty", |path, bytes| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
            fs::write(path.join("file"), bytes).unwrap();
        }),
    ];
    if rustix::process::geteuid().is_root() {
        damages.push(("another owner's", |path, _| {
            std::os::unix::fs::chown(path, Some(NOBODY), None).unwrap();
        }));
    }
    damages
}

#[cfg(unix)]
const NOBODY: u32 = 65534;

#[cfg(unix)]
#[test]
fn whatever_stands_in_an_entrys_place_is_replaced() {
    each_row(
        &damages(),
        |row| row.0,
        |(_, damage)| {
            let (_server, env) = cached([other()]);
            let path = env.cache_file("json");
            damage(&path, &fs::read(&path).unwrap());
            let output = env.run(&["get", "-v"]);
            output.exits(0).prints(&line(OTHER)).says("is ignored");
            output.never_says("warning");
            assert!(fs::symlink_metadata(&path).unwrap().is_file());
            assert_eq!(mode(&path), 0o600);
            env.run(&["get"]).exits(0).prints(&line(OTHER));
        },
    );
}

#[cfg(unix)]
#[test]
fn whatever_stands_in_a_locks_place_is_replaced() {
    each_row(
        &damages(),
        |row| row.0,
        |(name, damage)| {
            let (_server, env) = cached([other(), other()]);
            let path = env.cache_file("lock");
            damage(&path, b"not a lock");
            let output = env.run(&["get", "--refresh"]);
            output.exits(0).prints(&line(OTHER));
            assert_eq!(output.stderr, "", "{name}");
            assert!(fs::symlink_metadata(&path).unwrap().is_file());
            assert_eq!(mode(&path), 0o600);
            env.run(&["get", "--refresh"]).exits(0);
        },
    );
}

#[cfg(unix)]
#[test]
fn whatever_stands_in_an_outcomes_place_is_replaced() {
    each_row(
        &damages(),
        |row| row.0,
        |(_, damage)| {
            let limit = || Reply::http(429, "Retry-After: 600\r\n", "");
            let server = Server::replies([limit(), limit()]);
            let env = TestEnv::caching(&server);
            env.run(&["get"]).exits(6);
            let path = env.cache_file("outcome");
            damage(&path, &fs::read(&path).unwrap());
            // It asks, for it does not know of the limit; and notes it again.
            env.run(&["get", "-v"]).exits(6).says("is ignored");
            assert!(fs::symlink_metadata(&path).unwrap().is_file());
            assert_eq!(mode(&path), 0o600);
            env.run(&["get"]).exits(6);
        },
    );
}

#[test]
fn another_identitys_entry_in_its_place_is_ignored() {
    for member in ["token_url", "client_id", "fingerprint"] {
        let (_server, env) = cached([other()]);
        env.edit("json", |entry| match member {
            "fingerprint" => entry[member]["hmac"] = "AAAA".into(),
            _ => entry[member] = "another".into(),
        });
        env.run(&["get"]).exits(0).prints(&line(OTHER));
    }
}

#[test]
fn a_token_that_could_harm_a_terminal_or_shell_is_ignored() {
    for token in ["a\nb", "a b", "\u{1b}[31m", "", "$(id)"] {
        let (_server, env) = cached([other()]);
        env.edit("json", |entry| {
            entry["response"]["access_token"] = token.into()
        });
        env.run(&["get"]).exits(0).prints(&line(OTHER));
    }
}

#[test]
fn no_temporary_file_is_left_over() {
    let server = Server::replies([Reply::token(), Reply::oauth_error(401, "invalid_client")]);
    let env = TestEnv::caching(&server);
    env.run(&["get"]).exits(0);
    env.run(&["get", "--refresh"]).exits(4);
    for extension in ["json", "lock", "outcome"] {
        env.cache_file(extension);
    }
    assert_eq!(env.cache_files().len(), 3, "{:?}", env.cache_files());
}

// Where nothing can be kept.

/// The token is printed. A folder that was named deserves a warning, another a note under `-v`.
#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_costs_nothing_but_the_cache() {
    let rows = [
        ("read-only", "chmod 500 $CACHE"),
        ("without rights", "chmod 0 $CACHE"),
        (
            "below a read-only one",
            "rm -r $CACHE; chmod 500 $HOME/.cache",
        ),
        ("below a file", "rm -r $HOME/.cache; touch $HOME/.cache"),
        ("a link to nowhere", "rm -r $CACHE; ln -s no/where $CACHE"),
        ("no room in a file", "trap '' XFSZ; ulimit -f 0"),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, prepare)| {
            let get = |options: &str| {
                let server = Server::replies([Reply::token()]);
                let mut env = TestEnv::caching(&server);
                let dir = env.cache_dir();
                fs::create_dir_all(&dir).unwrap();
                env.var("CACHE", &dir);
                let output = env.sh_as_anyone(&format!("{prepare}; cells-token get {options}"));
                output.exits(0).prints(&line(TOKEN));
                let files = env.cache_files();
                let kept = files
                    .iter()
                    .find(|file| fs::metadata(file).is_ok_and(|file| file.len() > 0));
                assert_eq!(kept, None);
                output
            };
            assert_eq!(get("").stderr, "");
            get("-v")
                .never_says("warning")
                .says("cache: ")
                .says("cannot be");
            get("--cache-dir $CACHE").says("cells-token: warning: cache: ");
            assert_eq!(get("-q --cache-dir $CACHE").stderr, "");
        },
    );
}

/// The same with a disk of one page that is full, where a test may mount one.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_costs_nothing_but_the_cache() {
    let server = Server::replies([Reply::token(), Reply::token()]);
    let env = TestEnv::caching(&server);
    let disk = env.path("disk");
    fs::create_dir(&disk).unwrap();
    // In a name space of its own, so that nothing stays mounted.
    let mount = "mount -t tmpfs -o size=4k none disk && dd if=/dev/zero of=disk/full bs=4k count=1 status=none";
    let output = env.sh(&format!(
        "unshare -m sh -c '{mount} && cells-token get --cache-dir disk && cells-token get --cache-dir disk && ls -A disk >left'"
    ));
    if output.code != Some(0) && output.stdout.is_empty() {
        drop(env.run(&["get"]));
        drop(env.run(&["get", "--refresh"]));
        eprintln!("SKIPPED: no disk can be mounted here: {output}");
        return;
    }
    output
        .exits(0)
        .prints(&line(TOKEN).repeat(2))
        .says("warning: cache: ");
    let left = fs::read_to_string(env.path("left")).unwrap();
    assert!(!left.contains(".new-") && !left.contains(".json"), "{left}");
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_not_ours_turns_the_cache_off_with_a_warning() {
    let rows = [
        ("another owner's", "belongs to another user"),
        ("a file", "is not a folder"),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(name, why)| {
            if *name == "another owner's" && !rustix::process::geteuid().is_root() {
                eprintln!("SKIPPED: only root can give a folder away");
                return;
            }
            let server = Server::replies([Reply::token(), Reply::token()]);
            let env = TestEnv::caching(&server);
            let dir = env.cache_dir();
            fs::create_dir_all(dir.parent().unwrap()).unwrap();
            if *name == "a file" {
                fs::write(&dir, "").unwrap();
            } else {
                fs::create_dir(&dir).unwrap();
                std::os::unix::fs::chown(&dir, Some(NOBODY), None).unwrap();
            }
            let output = env.run(&["get"]);
            output.exits(0).prints(&line(TOKEN));
            output
                .says("cells-token: warning: the cache is off")
                .says(why);
            assert_eq!(env.run(&["get", "-q"]).stderr, "");
            assert!(env.cache_files().is_empty(), "{:?}", env.cache_files());
        },
    );
}

#[cfg(target_os = "linux")]
#[test]
fn without_a_home_there_is_no_cache_and_a_token() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can run as a user who has no home");
        return;
    }
    let server = Server::replies([Reply::token(), Reply::token()]);
    let env = TestEnv::caching(&server);
    for options in ["", "-v"] {
        let script = format!("unset HOME XDG_CACHE_HOME; cells-token get {options}");
        let output = env.sh_as(54_321, &script);
        output.exits(0).prints(&line(TOKEN)).never_says("warning");
        assert_eq!(
            output.stderr.contains("the cache is off"),
            options == "-v",
            "{output}"
        );
    }
}
