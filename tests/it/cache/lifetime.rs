//! How long a cached token is used.

use serde_json::{Value, json};

use super::{OTHER, cached, line, other};
use crate::support::{Reply, Server, Step, TOKEN, TestEnv, each_row, jwt, now_ms};

/// The warning when a token is used that is about to expire.
const FALLBACK: &str = "the cached token is still valid and is used";

/// A token response with this `expires_in`.
fn living(seconds: impl Into<Value>) -> Reply {
    let seconds = seconds.into();
    let answer = json!({ "access_token": "opaque", "token_type": "Bearer", "expires_in": seconds });
    Reply::json(200, answer.to_string())
}

#[test]
fn a_token_is_reused_while_it_is_fresh() {
    // Age and lifetime in seconds, --min-ttl, and whether it is still used.
    let rows: [(&str, i64, i64, &[&str], bool); 13] = [
        ("new", 0, 3600, &[], true),
        ("before the margin", 3290, 3600, &[], true),
        ("within the margin", 3310, 3600, &[], false),
        ("expired", 3700, 3600, &[], false),
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
fn min_ttl_can_be_a_variable_and_the_option_wins() {
    let (_server, mut env) = cached([other()]);
    env.edit_dates(1900, 3600);
    env.var("CELLS_MIN_TTL", "30m");
    env.run(&["get", "--min-ttl", "1m"]).prints(&line(TOKEN));
    env.run(&["get"]).exits(0).prints(&line(OTHER));
}

#[test]
fn a_token_shorter_than_min_ttl_is_reused_for_a_minute_with_a_warning() {
    let (_server, mut env) = cached([other()]);
    let asks = &["get", "--min-ttl", "2h"];
    let warning = "sooner than --min-ttl requires";
    env.run(asks).exits(0).prints(&line(TOKEN)).says(warning);
    env.edit_dates(70, 3600);
    env.run(asks).exits(0).prints(&line(OTHER)).says(warning);
    env.run(asks).exits(0).prints(&line(OTHER)).says(warning);
    env.run(&["get", "-q", "--min-ttl", "2h"])
        .never_says(warning);
    // Also without the secret.
    env.var("CELLS_CLIENT_SECRET", "");
    env.run(asks).exits(0).prints(&line(OTHER)).says(warning);
}

#[test]
fn an_expiring_token_is_used_while_the_service_is_away() {
    let rows = [
        ("unavailable", Reply::text(503, "text/plain", "busy")),
        ("limited", Reply::http(429, "Retry-After: 600\r\n", "")),
        ("resets", Reply::steps([Step::Reset])),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, failure)| {
            let (_server, env) = cached([failure.clone()]);
            env.edit_dates(3500, 3600);
            let output = env.run_once(&["get"]);
            output.exits(0).prints(&line(TOKEN)).says(FALLBACK);
            output.says("cells-token: warning: ");
        },
    );
}

#[test]
fn an_expiring_token_is_used_while_the_port_is_closed() {
    let (server, mut env) = cached([]);
    env.edit_dates(3500, 3600);
    let port = server.port();
    drop(server);
    env.var("CELLS_BASE_URL", format!("http://127.0.0.1:{port}"));
    env.run_once(&["get"])
        .exits(0)
        .prints(&line(TOKEN))
        .says(FALLBACK);
}

#[test]
fn an_expiring_token_never_overrides_an_explicit_choice_or_a_refusal() {
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
fn a_token_of_unknown_lifetime_is_never_cached() {
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
fn the_lifetime_of_a_jwt_is_known_without_expires_in() {
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
fn implausible_dates_are_a_cache_miss() {
    // Dates in seconds from now, and whether the token is used.
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

#[test]
fn a_clock_set_back_does_not_extend_the_lifetime() {
    let (_server, env) = cached([]);
    env.edit_dates(-200, 3600);
    assert_eq!(env.run(&["get", "-o", "json"]).json()["expires_in"], 3600);
}

#[test]
fn json_output_shows_the_remaining_lifetime_and_the_source() {
    let (_server, env) = cached([]);
    env.edit_dates(600, 3600);
    let answer = env.run(&["get", "-o", "json"]).json();
    assert_eq!(answer["from_cache"], true);
    let left = answer["expires_in"].as_i64().unwrap();
    assert!((2990..=3000).contains(&left), "{left}");
    assert_eq!(answer["access_token"], TOKEN);
}

#[test]
fn refresh_fetches_and_caches_a_new_token() {
    let (_server, env) = cached([other()]);
    env.run(&["get", "--refresh"]).exits(0).prints(&line(OTHER));
    env.run(&["get"]).exits(0).prints(&line(OTHER));
}

/// Else the next run would print the token that this one was told to replace.
#[test]
fn refresh_removes_the_old_token_even_if_the_new_one_cannot_be_cached() {
    let (_server, env) = cached([Reply::json(200, r#"{"access_token":"opaque"}"#), other()]);
    env.run(&["get", "--refresh"]).prints("opaque\n");
    env.run(&["get"]).prints(&line(OTHER));
}
