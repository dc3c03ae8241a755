//! What is kept between runs, for whom, and for how long; and that nothing on a disk keeps a token from being printed.

use std::fs;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

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
    let rows: [(&str, i64, i64, &[&str], bool); 12] = [
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
