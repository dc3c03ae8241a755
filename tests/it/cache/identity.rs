//! A cached token is used only for the same token URL, client id and secret.

use std::fs;

use super::{OTHER, cached, line, other};
use crate::support::{ID, Reply, SECRET, Server, TOKEN, TestEnv, each_row};

#[test]
fn a_token_is_reused_for_the_same_url_id_and_secret() {
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
fn another_secret_id_or_url_is_a_cache_miss() {
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
fn a_refused_secret_does_not_get_the_token_of_another() {
    let (_server, mut env) = cached([Reply::oauth_error(401, "invalid_client")]);
    env.var("CELLS_CLIENT_SECRET", "mistyped-secret");
    env.run(&["get"]).exits(4).prints("");
    env.var("CELLS_CLIENT_SECRET", SECRET);
    env.run(&["get"]).exits(0).prints(&line(TOKEN));
}

#[test]
fn two_client_ids_have_separate_entries() {
    let (_server, mut env) = cached([other()]);
    env.var("CELLS_CLIENT_ID", "another-id");
    env.run(&["get"]).exits(0).prints(&line(OTHER));
    env.run(&["get"]).exits(0).prints(&line(OTHER));
    env.var("CELLS_CLIENT_ID", ID);
    env.run(&["get"]).exits(0).prints(&line(TOKEN));
}

#[test]
fn a_client_id_cannot_escape_the_cache_directory() {
    let server = Server::replies([Reply::token()]);
    let mut env = TestEnv::caching(&server);
    env.var("CELLS_CLIENT_ID", "../../../escaped/../id\u{1b}");
    env.run(&["get"]).exits(0);
    assert_eq!(env.cache_files().len(), 2, "{:?}", env.cache_files());
}

#[test]
fn a_fresh_token_is_used_without_the_secret() {
    let (_server, mut env) = cached([]);
    env.var("CELLS_CLIENT_SECRET", "");
    env.run(&["get"]).exits(0).prints(&line(TOKEN));
    env.run(&["get", "--no-input"])
        .exits(0)
        .prints(&line(TOKEN));
    // Whatever needs a request needs the secret, and there is no terminal to prompt on.
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
fn the_prompt_appears_only_if_no_fresh_token_is_cached() {
    let (server, mut env) = cached([other()]);
    env.var("CELLS_CLIENT_SECRET", "");
    let mut terminal = env.terminal("sh", "cells-token get -q >token; echo status $?");
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

#[cfg(unix)]
#[test]
fn a_mistyped_secret_at_the_prompt_does_not_get_the_cached_token() {
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

#[test]
fn an_entry_of_another_url_or_id_is_ignored() {
    for member in ["token_url", "client_id"] {
        let (_server, env) = cached([other()]);
        env.edit("json", |entry| entry[member] = "another".into());
        env.run(&["get"]).exits(0).prints(&line(OTHER));
    }
}

#[test]
fn an_entry_that_was_changed_is_a_cache_miss() {
    let rows = ["obtained_at", "expires_at", "response", "salt"];
    each_row(
        &rows,
        |row| row,
        |member| {
            let (_server, env) = cached([other()]);
            env.edit_unsealed("json", |entry| match *member {
                "response" => entry["response"]["scope"] = "added".into(),
                "salt" => entry["salt"] = "AAAAAAAAAAAAAAAAAAAAAA".into(),
                date => entry[date] = (entry[date].as_i64().unwrap() + 1).into(),
            });
            let output = env.run(&["get", "-v"]);
            output.prints(&line(OTHER)).says("or has been changed");
        },
    );
}
