//! `forget`: deletes what is cached, leaves the locks, and says that nothing is revoked.

use std::fs;

use crate::support::{Gate, ID, Reply, Server, TOKEN, TestEnv, each_row};

fn line(token: &str) -> String {
    format!("{token}\n")
}

/// A world where a token is cached, and a server that would give another.
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
fn a_forgotten_token_is_fetched_again() {
    let (server, env) = cached([Reply::token()]);
    let mut until = String::new();
    env.edit("json", |entry| until = entry["expires_at"].to_string());
    let until: u64 = until.parse().unwrap();
    let until = std::time::UNIX_EPOCH + std::time::Duration::from_millis(until);
    let output = env.run(&["forget"]);
    output.exits(0).prints("");
    output
        .says(&format!("forgot the token of {ID} from {}", server.url()))
        .says("not revoked")
        .says(&humantime::format_rfc3339_seconds(until).to_string());
    assert_eq!(extensions(&env), ["lock"]);
    env.run(&["forget"]).exits(0).says("nothing to forget");
    env.run(&["get"]).exits(0);
}

#[test]
fn an_expired_token_is_said_to_have_expired() {
    let (_server, env) = cached([]);
    env.edit_dates(3700, 3600);
    env.run(&["forget"])
        .exits(0)
        .says("had expired")
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
fn only_the_identity_named_is_forgotten() {
    let (_server, env) = cached([Reply::token()]);
    env.run(&["get", "--client-id", "another-id"]).exits(0);
    env.run(&["forget", "--client-id", "another-id"])
        .says("forgot the token of another-id");
    env.run(&["forget", "--client-id", "a-third"])
        .says("nothing to forget");
    env.run(&["forget", "--base-url", "http://127.0.0.1:9"])
        .says("nothing to forget");
    env.run(&["get"]).exits(0).prints(&line(TOKEN));
}

#[test]
fn all_are_forgotten_at_once_and_half_written_files_too() {
    let (_server, mut env) = cached([Reply::token(), Reply::oauth_error(401, "invalid_client")]);
    env.run(&["get", "--client-id", "another-id"]).exits(0);
    env.run(&["get", "--client-id", "a-third"]).exits(4);
    fs::write(env.cache_dir().join(".new-half"), "half").unwrap();
    fs::write(env.cache_dir().join("README.txt"), "not ours").unwrap();
    env.var("CELLS_CLIENT_ID", "")
        .var("CELLS_CLIENT_SECRET", "");
    let output = env.run(&["forget", "--all"]);
    output.exits(0).says(ID).says("another-id");
    assert_eq!(output.stderr.lines().count(), 2, "{output}");
    assert_eq!(extensions(&env), ["lock", "lock", "lock", "txt"]);
    env.run(&["forget", "--all"])
        .exits(0)
        .says("nothing to forget");
}

#[test]
fn a_limit_is_forgotten_too() {
    let limit = Reply::http(429, "Retry-After: 600\r\n", "");
    let server = Server::replies([limit, Reply::token()]);
    let env = TestEnv::caching(&server);
    env.run(&["get"]).exits(6);
    env.run(&["forget"]).exits(0);
    env.run(&["get"]).exits(0);
}

#[test]
fn a_token_that_is_being_fetched_is_waited_for() {
    let gate = Gate::default();
    let server = Server::replies([Reply::token().held_by(&gate)]);
    let env = TestEnv::caching(&server);
    let holder = env.start(&["get"]);
    server.wait_for_requests(1);
    let forget = env.start(&["forget"]);
    // Its patience ends before the fetch does.
    env.run(&["forget", "--timeout", "200ms"])
        .exits(0)
        .says("nothing to forget");
    gate.open();
    holder.finish().exits(0);
    forget.finish().exits(0).says("forgot the token");
}

#[test]
fn where_there_is_nothing_there_is_nothing_to_forget() {
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

/// Half-written files of a process that was killed are; a folder of such a name is not ours.
#[test]
fn all_that_is_ours_is_deleted_and_nothing_else() {
    let (_server, env) = cached([]);
    let dir = env.cache_dir();
    fs::write(dir.join(".new-AbCdEf"), "{").unwrap();
    fs::create_dir_all(dir.join(".new-project/src")).unwrap();
    fs::write(dir.join(".new-project/src/work"), "").unwrap();
    fs::write(dir.join("notes.txt"), "").unwrap();
    env.run(&["forget", "--all"])
        .exits(0)
        .says("forgot the token");
    let mut left: Vec<_> = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".lock"))
        .collect();
    left.sort();
    assert_eq!(left, [".new-project", "notes.txt"]);
    assert!(dir.join(".new-project/src/work").exists());
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
fn what_cannot_be_trusted_is_deleted_too() {
    for damage in ["half", "folder", "link"] {
        let (_server, env) = cached([]);
        let path = env.cache_file("json");
        fs::remove_file(&path).unwrap();
        match damage {
            "half" => fs::write(&path, "{").unwrap(),
            "folder" => fs::create_dir(&path).unwrap(),
            #[cfg(unix)]
            "link" => std::os::unix::fs::symlink("nowhere", &path).unwrap(),
            _ => {}
        }
        env.run(&["forget"]).exits(0);
        assert_eq!(extensions(&env), ["lock"], "{damage}");
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_not_ours_is_left_alone() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can give a folder away");
        return;
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
fn where_nothing_can_be_deleted_it_says_so() {
    let (_server, env) = cached([]);
    let output = env.sh_as_anyone("chmod 500 $HOME/.cache/cells-token; cells-token forget");
    output.exits(1).says("cannot forget");
    assert_eq!(extensions(&env), ["json", "lock"]);
}
