//! `login` and `logout`, with secrets that are not in a keyring.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::{ID, Reply, SECRET, Server, TestEnv, each_row, skipped};

/// The credentials are in variables until [`use_profiles`].
fn env(replies: impl Into<Vec<Reply>>) -> (Server, TestEnv) {
    let server = Server::replies(replies);
    let env = TestEnv::caching(&server);
    (server, env)
}

/// Unsets the variables, so that only profiles are left.
fn use_profiles(env: &mut TestEnv) {
    for name in [
        "CELLS_CLIENT_ID",
        "CELLS_CLIENT_SECRET",
        "CELLS_CLIENT_SECRET_FILE",
        "CELLS_CLIENT_SECRET_COMMAND",
        "CELLS_BASE_URL",
    ] {
        env.unset(name);
    }
}

fn profiles_file(env: &TestEnv) -> PathBuf {
    env.config_dir().join("profiles.json")
}

fn profiles(env: &TestEnv) -> Value {
    serde_json::from_slice(&fs::read(profiles_file(env)).unwrap()).unwrap()
}

/// Where `--store file` puts the secret of a profile; the test's search for leaks passes over it.
fn stored(env: &mut TestEnv, name: &str) -> PathBuf {
    let path = env.config_dir().join("secrets").join(name);
    env.may_hold_secret(&path);
    path
}

#[test]
fn the_first_login_makes_the_default_profile_and_caches_its_token() {
    let (server, mut env) = env([Reply::token(), Reply::token()]);
    let secret = stored(&mut env, "default");
    env.run(&["login", "--store", "file"])
        .exits(0)
        .prints("")
        .says("saved the profile default")
        .says("not encrypted");
    assert_eq!(fs::read_to_string(&secret).unwrap(), SECRET);
    let file = profiles(&env);
    assert_eq!(file["default"], "default");
    let profile = &file["profiles"]["default"];
    assert_eq!(profile["client_id"], ID);
    assert_eq!(profile["secret"], "stored");
    assert_eq!(
        profile["token_url"],
        format!("{}/v4.0/cells/connect/token", server.url())
    );
    #[cfg(unix)]
    for (path, mode) in [
        (env.config_dir(), 0o700),
        (profiles_file(&env), 0o600),
        (secret.parent().unwrap().to_owned(), 0o700),
        (secret, 0o600),
    ] {
        assert_eq!(crate::support::mode(&path), mode, "{}", path.display());
    }
    use_profiles(&mut env);
    env.run(&["get"]).exits(0);
    assert_eq!(server.requests().len(), 1);
    env.run(&["get", "--refresh"]).exits(0);
    let request = server.requests().pop().unwrap();
    assert_eq!(request.field("client_secret").as_deref(), Some(SECRET));
}

#[test]
fn refused_credentials_are_not_saved() {
    let (_server, env) = env([Reply::oauth_error(401, "invalid_client")]);
    env.run(&["login", "--store", "file"]).exits(4);
    assert!(!env.config_dir().exists());
}

#[test]
fn a_cached_token_does_not_prove_credentials() {
    let (_server, mut env) = env([Reply::token(), Reply::oauth_error(401, "invalid_client")]);
    env.run(&["get"]).exits(0);
    stored(&mut env, "default");
    env.run(&["login", "--store", "file"]).exits(4);
}

#[test]
fn no_check_sends_no_request_and_reads_no_secret_of_others() {
    let (_server, mut env) = env([]);
    env.unset("CELLS_CLIENT_SECRET");
    let login = |options: &[&str]| env.run(&[&["login", "--no-check"], options].concat());
    login(&["--client-secret-command", "touch was-run"]).exits(0);
    login(&["--profile", "file", "--client-secret-file", "none-such"]).exits(0);
    assert!(!env.path("was-run").exists());
}

#[test]
fn a_command_or_file_is_saved_in_place_of_the_secret() {
    let (server, mut env) = env([Reply::token(), Reply::token()]);
    env.unset("CELLS_CLIENT_SECRET");
    env.file("secret.txt", format!("{SECRET}\n"));
    env.run(&["login", "--client-secret-file", "secret.txt"])
        .exits(0)
        .says("secret.txt");
    env.run(&[
        "login",
        "--profile",
        "work",
        "--client-secret-command",
        "cat secret.txt",
    ])
    .exits(0)
    .says("its secret is printed by a command");
    let file = profiles(&env);
    let absolute = env.path("secret.txt").canonicalize().unwrap();
    let saved = &file["profiles"]["default"]["secret"]["file"];
    assert_eq!(saved.as_str().unwrap(), absolute.to_str().unwrap());
    assert_eq!(
        file["profiles"]["work"]["secret"]["command"],
        "cat secret.txt"
    );
    assert!(!env.config_dir().join("secrets").exists());
    assert_eq!(server.requests().len(), 2);
}

#[cfg(unix)]
#[test]
fn a_secret_that_can_be_read_only_once_is_stored_itself() {
    let (_server, mut env) = env([Reply::token()]);
    env.var("CELLS_CLIENT_SECRET", "")
        .var("CELLS_STORE", "file");
    env.file("secret.txt", SECRET);
    let secret = stored(&mut env, "default");
    env.sh("bash -c 'cells-token login --client-secret-file <(cat secret.txt)'")
        .exits(0);
    assert_eq!(profiles(&env)["profiles"]["default"]["secret"], "stored");
    assert_eq!(fs::read_to_string(secret).unwrap(), SECRET);
}

#[test]
fn saving_over_a_profile_says_so_and_deletes_the_old_secret() {
    let (_server, mut env) = env([]);
    let secret = stored(&mut env, "default");
    let login = |options: &[&str]| env.run(&[&["login", "--no-check"], options].concat());
    login(&["--store", "file"]).exits(0).never_says("replaced");
    assert!(secret.exists());
    env.unset("CELLS_CLIENT_SECRET");
    let login = |options: &[&str]| env.run(&[&["login", "--no-check"], options].concat());
    login(&["--client-secret-command", "pass show work"])
        .exits(0)
        .says("the profile default exists and will be replaced");
    assert!(!secret.exists());
}

#[test]
fn make_default_changes_the_default_profile() {
    let (_server, mut env) = env([]);
    for name in ["a", "b", "c"] {
        stored(&mut env, name);
    }
    let login = |options: &[&str]| {
        let command = ["login", "--no-check", "--store", "file"];
        env.run(&[&command, options].concat()).exits(0);
        profiles(&env)["default"].as_str().unwrap().to_owned()
    };
    assert_eq!(login(&["--profile", "a"]), "a");
    assert_eq!(login(&["--profile", "b"]), "a");
    assert_eq!(login(&["--profile", "c", "--make-default"]), "c");
}

#[test]
fn without_a_keyring_nothing_is_asked_or_saved() {
    let (_server, mut env) = env([]);
    // A bus where nobody listens; without the feature there is no keyring in any case.
    let socket = format!("unix:path={}", env.path("no-bus").display());
    env.var("DBUS_SESSION_BUS_ADDRESS", socket);
    env.run(&["login"])
        .exits(1)
        .says("cannot save the client secret in the keyring: ")
        .hints("--store file")
        .hints("--client-secret-command");
    assert!(!env.config_dir().exists());
}

#[test]
fn an_unexpanded_configuration_directory_is_a_usage_error() {
    for dir in ["~/config", "$HOME/config"] {
        let mut env = TestEnv::with_credentials();
        env.var("CELLS_CONFIG_DIR", dir);
        for args in [&["login", "--no-check"][..], &["logout"]] {
            env.run(args)
                .exits(2)
                .says("the configuration directory given by CELLS_CONFIG_DIR begins with a literal")
                .hints("CELLS_CONFIG_DIR");
        }
        assert_eq!(fs::read_dir(env.path("")).unwrap().count(), 0);
    }
}

/// As `sudo` may leave it: root with the HOME of a user.
#[cfg(target_os = "linux")]
#[test]
fn nothing_is_saved_in_the_home_of_another_user() {
    if !rustix::process::geteuid().is_root() {
        return skipped("login in another's home", "root to give a directory away");
    }
    for give in ["$HOME", "$XDG_CONFIG_HOME", "$XDG_CONFIG_HOME/cells-token"] {
        let env = TestEnv::with_credentials();
        let login = "cells-token login --no-check --store file; ls -A $XDG_CONFIG_HOME/cells-token";
        env.sh(&format!("mkdir -p {give}; chown nobody {give}; {login}"))
            .prints("")
            .says("profiles cannot be saved: the folder ")
            .says("belongs to another user")
            .hints("CELLS_CONFIG_DIR");
    }
}

#[test]
fn a_temporary_file_of_a_killed_login_is_removed_by_the_next() {
    let (_server, mut env) = env([]);
    let secret = stored(&mut env, "default");
    let left = stored(&mut env, "default.new~");
    fs::create_dir_all(left.parent().unwrap()).unwrap();
    fs::write(&left, "half a sec").unwrap();
    env.run(&["login", "--no-check", "--store", "file"])
        .exits(0);
    assert!(secret.exists() && !left.exists());
}

#[test]
fn login_without_a_terminal_says_what_is_missing() {
    let env = TestEnv::new();
    let login = |options: &[&str]| env.run(&[&["login", "--store", "file"], options].concat());
    login(&[]).exits(3).says("no credentials");
    login(&["--client-id", ID])
        .exits(3)
        .says("no client secret");
    login(&["--no-input"]).exits(3).says("--no-input");
    assert!(!env.config_dir().exists());
}

#[cfg(unix)]
#[test]
fn login_prompts_for_what_is_missing() {
    let (server, mut env) = env([Reply::token()]);
    env.var("CELLS_CLIENT_ID", "")
        .var("CELLS_CLIENT_SECRET", "");
    stored(&mut env, "default");
    let mut terminal = env.terminal("sh", "cells-token login --store file");
    terminal.wait_for("Client ID: ").type_line(ID);
    terminal.wait_for("Client secret").wait_for_echo(false);
    terminal
        .type_line(SECRET)
        .wait_for("saved the profile default");
    assert_eq!(terminal.finish().code, Some(0));
    let request = server.request();
    assert_eq!(request.field("client_id").as_deref(), Some(ID));
    assert_eq!(profiles(&env)["profiles"]["default"]["client_id"], ID);
}

#[test]
fn logout_deletes_the_profile_its_secret_and_its_token() {
    let (_server, mut env) = env([Reply::token(), Reply::token()]);
    let (first, second) = (stored(&mut env, "default"), stored(&mut env, "work"));
    env.run(&["login", "--store", "file"]).exits(0);
    env.run(&["login", "--store", "file", "--profile", "work"])
        .exits(0);
    use_profiles(&mut env);
    let is_token = |path: &PathBuf| path.extension().is_some_and(|suffix| suffix == "json");
    assert!(env.cache_files().iter().any(is_token));
    env.run(&["logout", "--profile", "work"])
        .exits(0)
        .prints("")
        .says("deleted the profile work; tokens already issued stay valid until they expire");
    assert!(first.exists() && !second.exists());
    assert!(profiles(&env)["profiles"].get("work").is_none());
    // Both profiles have the same client id and endpoint, so the same token.
    assert!(!env.cache_files().iter().any(is_token));
    env.run(&["logout"])
        .exits(0)
        .says("deleted the profile default");
    assert!(!first.exists());
    env.run(&["logout"])
        .exits(2)
        .says("there is no default profile");
    env.run(&["logout", "--all"])
        .exits(0)
        .says("there are no profiles");
}

#[test]
fn logout_all_deletes_every_profile_and_leaves_files_of_the_user() {
    let (_server, mut env) = env([]);
    let file = PathBuf::from(env.file("secret.txt", SECRET));
    let secret = stored(&mut env, "a");
    let login = |env: &TestEnv, options: &[&str]| {
        env.run(&[&["login", "--no-check"], options].concat())
            .exits(0);
    };
    login(&env, &["--store", "file", "--profile", "a"]);
    env.unset("CELLS_CLIENT_SECRET");
    let path = file.to_str().unwrap();
    login(&env, &["--profile", "b", "--client-secret-file", path]);
    env.run(&["logout", "--all"]).exits(0);
    assert!(!secret.exists() && file.exists());
    assert_eq!(profiles(&env)["profiles"], serde_json::json!({}));
}

#[cfg(feature = "server")]
#[test]
fn login_works_in_a_sandbox_without_a_keyring() {
    let env = TestEnv::new();
    let script = "cells-token login && unset CELLS_CLIENT_ID CELLS_CLIENT_SECRET CELLS_BASE_URL && cells-token get";
    let output = env.run(&["sandbox", "--", "sh", "-c", script]);
    output.exits(0).says("saved the profile default");
    assert!(output.stdout.starts_with("eyJ"), "{output}");
    assert!(!env.config_dir().exists());
}

#[test]
fn bad_input_is_refused_with_its_own_words() {
    let env = TestEnv::with_credentials();
    let rows: [(&str, &[&str], i32, &str); 6] = [
        (
            "odd name",
            &["login", "--profile", "../x"],
            2,
            "the profile name given by --profile is not allowed",
        ),
        (
            "empty name",
            &["login", "--profile", ""],
            2,
            "the profile name given by --profile is not allowed",
        ),
        ("odd store", &["login", "--store", "cloud"], 2, "--store"),
        (
            "unknown profile",
            &["logout", "--profile", "x"],
            2,
            "there is no profile x",
        ),
        ("both", &["logout", "--profile", "x", "--all"], 2, "--all"),
        (
            "two secrets",
            &[
                "login",
                "--client-secret-file",
                "a",
                "--client-secret-command",
                "b",
            ],
            2,
            "--client-secret-command",
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, args, code, text)| {
            env.run(args).exits(*code).says(text);
        },
    );
    assert!(!env.config_dir().exists());
}
