//! `forget` deletes cached tokens, leaves lock files, and says that nothing is revoked.

use std::fs;

use crate::support::{Gate, ID, Reply, Server, TOKEN, TestEnv, each_row, skipped};

fn line(token: &str) -> String {
    format!("{token}\n")
}

/// An environment where a token is cached, and a server that answers with `then` from now on.
fn cached(then: impl Into<Vec<Reply>>) -> (Server, TestEnv) {
    let server = Server::replies([vec![Reply::token()], then.into()].concat());
    let env = TestEnv::caching(&server);
    env.run(&["get"]).exits(0).prints(&line(TOKEN));
    (server, env)
}

fn extensions(env: &TestEnv) -> Vec<String> {
    let files = env.cache_files().into_iter();
    let mut found: Vec<_> = files
        .map(|path| path.extension().unwrap().to_str().unwrap().to_owned())
        .collect();
    found.sort();
    found
}

#[test]
fn a_deleted_token_is_fetched_again() {
    let (server, env) = cached([Reply::token()]);
    let mut until = String::new();
    env.edit("json", |entry| until = entry["expires_at"].to_string());
    let until: u64 = until.parse().unwrap();
    let until = std::time::UNIX_EPOCH + std::time::Duration::from_millis(until);
    let output = env.run(&["forget"]);
    output.exits(0).prints("");
    output
        .says(&format!(
            "deleted the cached token of {ID} from {}",
            server.url()
        ))
        .says("not revoked")
        .says(&humantime::format_rfc3339_seconds(until).to_string());
    assert_eq!(extensions(&env), ["lock"]);
    env.run(&["forget"]).exits(0).says("nothing to forget");
    env.run(&["get"]).exits(0);
}

#[test]
fn an_expired_token_is_reported_as_expired() {
    let (_server, env) = cached([]);
    env.edit_dates(3700, 3600);
    env.run(&["forget"])
        .exits(0)
        .says("it expired at")
        .never_says("stays valid");
}

#[test]
fn the_secret_is_not_needed_and_quiet_is_quiet() {
    let (_server, mut env) = cached([]);
    env.var("CELLS_CLIENT_SECRET", "");
    assert_eq!(env.run(&["forget", "-q"]).exits(0).stderr, "");
    assert_eq!(extensions(&env), ["lock"]);
}

#[test]
fn only_the_given_client_id_and_url_are_forgotten() {
    let (_server, env) = cached([Reply::token()]);
    env.run(&["get", "--client-id", "another-id"]).exits(0);
    env.run(&["forget", "--client-id", "another-id"])
        .says("deleted the cached token of another-id");
    env.run(&["forget", "--client-id", "a-third"])
        .says("nothing to forget");
    env.run(&["forget", "--base-url", "http://127.0.0.1:9"])
        .says("nothing to forget");
    env.run(&["get"]).exits(0).prints(&line(TOKEN));
}

#[test]
fn all_deletes_every_file_of_the_cache_and_nothing_else() {
    let (_server, mut env) = cached([Reply::token(), Reply::oauth_error(401, "invalid_client")]);
    env.run(&["get", "--client-id", "another-id"]).exits(0);
    env.run(&["get", "--client-id", "a-third"]).exits(4);
    let dir = env.cache_dir();
    for name in ["notes.txt", "project.json", ".new-draft"] {
        fs::write(dir.join(name), "not ours").unwrap();
    }
    fs::create_dir_all(dir.join("project/src")).unwrap();
    env.var("CELLS_CLIENT_ID", "")
        .var("CELLS_CLIENT_SECRET", "");
    let output = env.run(&["forget", "--all"]);
    output.exits(0).says(ID).says("another-id");
    assert_eq!(output.stderr.lines().count(), 2, "{output}");
    let mut left: Vec<_> = env.cache_files().into_iter().collect();
    left.retain(|path| path.extension().is_none_or(|extension| extension != "lock"));
    let names = [".new-draft", "notes.txt", "project", "project.json"];
    assert_eq!(left, names.map(|name| dir.join(name)));
    let output = env.run(&["forget", "--all"]);
    output.exits(0).says("nothing to forget");
}

#[test]
fn a_rate_limit_is_forgotten_too() {
    let limit = Reply::http(429, "Retry-After: 600\r\n", "");
    let server = Server::replies([limit, Reply::token()]);
    let env = TestEnv::caching(&server);
    env.run(&["get"]).exits(6);
    env.run(&["forget"]).exits(0);
    env.run(&["get"]).exits(0);
}

#[test]
fn forget_waits_for_a_process_that_is_fetching() {
    let gate = Gate::default();
    let server = Server::replies([Reply::token().held_by(&gate)]);
    let env = TestEnv::caching(&server);
    let holder = env.start(&["get"]);
    server.wait_for_requests(1);
    let forget = env.start(&["forget"]);
    // Another one gives up waiting before the token arrives.
    env.run(&["forget", "--timeout", "200ms"])
        .exits(0)
        .says("nothing to forget");
    gate.open();
    holder.finish().exits(0);
    forget.finish().exits(0).says("deleted the cached token");
}

#[test]
fn an_empty_cache_has_nothing_to_forget() {
    let server = Server::untouched();
    let mut env = TestEnv::caching(&server);
    env.run(&["forget"]).exits(0).says("nothing to forget");
    env.run(&["forget", "--all"])
        .exits(0)
        .says("nothing to forget");
    assert!(!env.cache_dir().exists());
    env.var("CELLS_NO_CACHE", "1");
    env.run(&["forget"]).exits(0).says("the cache is off");
    env.var("CELLS_NO_CACHE", "").var("CELLS_CLIENT_ID", "");
    env.run(&["forget"]).exits(3).hints("--all");
    env.run(&["forget", "--all", "--client-id", ID]).exits(2);
}

#[test]
fn the_query_of_a_token_url_is_not_shown() {
    let server = Server::replies([Reply::token()]);
    let env = TestEnv::caching(&server);
    let url = format!("{}/t?key=of-the-query", server.url());
    env.run(&["get", "--token-url", &url]).exits(0);
    env.run(&["forget", "--token-url", &url])
        .exits(0)
        .says(&format!("{}/t;", server.url()))
        .never_says("of-the-query");
}

#[test]
fn a_file_that_cannot_be_trusted_is_deleted_too() {
    for damage in ["half", "link"] {
        let (_server, env) = cached([]);
        let path = env.cache_file("json");
        fs::remove_file(&path).unwrap();
        match damage {
            "half" => fs::write(&path, "{").unwrap(),
            #[cfg(unix)]
            "link" => std::os::unix::fs::symlink("missing", &path).unwrap(),
            _ => {}
        }
        env.run(&["forget"]).exits(0);
        assert_eq!(extensions(&env), ["lock"], "{damage}");
    }
}

#[cfg(unix)]
#[test]
fn a_directory_of_another_user_is_left_alone() {
    if !rustix::process::geteuid().is_root() {
        return skipped(
            "a_directory_of_another_user",
            "root to give a directory away",
        );
    }
    each_row(
        &["forget", "forget --all"],
        |row| row,
        |command| {
            let (_server, env) = cached([]);
            std::os::unix::fs::chown(env.cache_dir(), Some(65534), None).unwrap();
            let args: Vec<_> = command.split(' ').collect();
            let output = env.run(&args);
            output
                .exits(0)
                .says("the cache is off")
                .says("another user");
            assert_eq!(extensions(&env), ["json", "lock"]);
        },
    );
}

#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_deleted_is_an_error() {
    let (_server, env) = cached([]);
    let output = env.sh_as_anyone("chmod 500 $HOME/.cache/cells-token; cells-token forget");
    output.exits(1).says("cannot delete the cached tokens");
    assert_eq!(extensions(&env), ["json", "lock"]);
}
