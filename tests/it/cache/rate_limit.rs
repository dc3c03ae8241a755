//! A rate limit (429) is remembered until its Retry-After.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::line;
use crate::support::{Reply, SECRET, Server, TOKEN, TestEnv, each_row, libfaketime, now_ms};

#[test]
fn a_rate_limit_is_remembered_until_it_ends() {
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
            env.edit("failures", |outcome| {
                let until = outcome["limited_until"].as_i64().unwrap();
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
fn a_run_with_enough_time_waits_for_the_end_of_the_limit() {
    let limit = Reply::http(429, "Retry-After: 2\r\n", "");
    let server = Server::replies([limit, Reply::token()]);
    let env = TestEnv::caching(&server);
    env.run_once(&["get"]).exits(6);
    let output = env.run_once(&["get", "-v"]);
    output
        .exits(0)
        .prints(&line(TOKEN))
        .says("limits the request rate until");
    assert!(output.elapsed > Duration::from_secs(1), "{output}");
    assert!(output.elapsed < Duration::from_secs(10), "{output}");
}

#[test]
fn refresh_and_other_secrets_ignore_a_rate_limit() {
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
fn a_rate_limit_without_retry_after_is_not_remembered() {
    let server = Server::replies([Reply::http(429, "", ""), Reply::token()]);
    let env = TestEnv::caching(&server);
    env.run_once(&["get"]).exits(6);
    env.run_once(&["get"]).exits(0);
}

#[test]
fn a_failure_dated_in_the_future_is_not_shared() {
    // The clock has been set back by an hour, or by less than the tolerance.
    for ahead in [3_600_000, 100_000] {
        let refusal = Reply::oauth_error(401, "invalid_client");
        let server = Server::replies([refusal, Reply::token()]);
        let env = TestEnv::caching(&server);
        env.run(&["get"]).exits(4);
        env.edit("failures", |outcome| {
            outcome["failed_at"] = (now_ms() + ahead).into();
        });
        env.run(&["get"]).exits(0).prints(&line(TOKEN));
    }
}

#[test]
fn a_rate_limit_of_more_than_an_hour_is_ignored() {
    let limit = Reply::http(429, "Retry-After: 600\r\n", "");
    let server = Server::replies([limit, Reply::token()]);
    let env = TestEnv::caching(&server);
    env.run(&["get"]).exits(6);
    env.edit("failures", |outcome| {
        outcome["limited_until"] = (now_ms() + 90_000_000).into();
    });
    env.run(&["get", "-v"]).exits(0).says("is ignored");
}

#[test]
fn a_wait_for_the_end_of_a_limit_ends_although_the_clock_is_set_back() {
    let Some(library) = libfaketime("a wait for the end of a limit") else {
        return;
    };
    let limit = Reply::http(429, "Retry-After: 3\r\n", "");
    let server = Server::replies([limit, Reply::token()]);
    let mut env = TestEnv::caching(&server);
    env.run_once(&["get"]).exits(6);
    // A calendar clock that stands still never reaches the end of the limit.
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    env.var("LD_PRELOAD", library)
        .var("FAKETIME", now.replace('T', " ").replace('Z', ""))
        .var("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .var("TZ", "UTC");
    let output = env.run_once(&["get", "-v"]);
    output
        .exits(0)
        .prints(&line(TOKEN))
        .says("limits the request rate until");
    assert!(output.elapsed < Duration::from_secs(10), "{output}");
}
