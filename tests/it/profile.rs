//! `profiles.json`: many writers, damaged files, and what still works beside them.

use std::fs;

use crate::support::{Reply, Server, TestEnv, each_row};

#[test]
fn twenty_logins_at_once_lose_nothing() {
    let mut env = TestEnv::with_credentials();
    env.unset("CELLS_CLIENT_SECRET");
    let names: Vec<String> = (0..20).map(|i| format!("profile-{i}")).collect();
    let command = ["login", "--no-check", "--client-secret-command", "true"];
    let runs: Vec<_> = names
        .iter()
        .map(|name| env.start(&[&command[..], &["--profile", name]].concat()))
        .collect();
    for run in runs {
        run.finish().exits(0);
    }
    let report = env.run(&["status", "-o", "json"]).json();
    let saved = report["profiles"].as_array().unwrap();
    assert_eq!(saved.len(), names.len(), "{report}");
    let is_default = |profile: &&serde_json::Value| profile["is_default"] == true;
    assert_eq!(saved.iter().filter(is_default).count(), 1, "{report}");
}

#[test]
fn a_bad_profile_file_is_named_and_left_alone_while_other_credentials_work() {
    let good = r#"{"version": 1, "profiles": {}}"#;
    let rows = [
        (
            "torn",
            r#"{"version": 1, "prof"#,
            0o600,
            "ends too early at line 1",
        ),
        (
            "not JSON",
            "version = 1",
            0o600,
            "is not valid JSON at line 1, column 1",
        ),
        (
            "a wrong value",
            r#"{"version": 1, "profiles": 3}"#,
            0o600,
            "has an unknown name or invalid value at line 1",
        ),
        ("newer", r#"{"version": 9}"#, 0o600, "has format version 9"),
        (
            "readable by others",
            good,
            0o644,
            "others can read or write it",
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, content, mode, words)| {
            let server = Server::replies([Reply::token()]);
            let mut env = TestEnv::for_server(&server);
            let file = env.config_dir().join("profiles.json");
            fs::create_dir_all(env.config_dir()).unwrap();
            fs::write(&file, content).unwrap();
            #[cfg(unix)]
            fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(*mode))
                .unwrap();
            #[cfg(not(unix))]
            if *mode != 0o600 {
                return;
            }
            env.run(&["get"]).exits(0);
            env.run(&["status"]).exits(0).says(words);
            for args in [
                &["get", "--profile", "work"][..],
                &["login", "--no-check", "--store", "file"],
                &["logout", "--all"],
            ] {
                env.run(args).exits(2).says(words).says("profiles.json");
            }
            env.unset("CELLS_CLIENT_ID").unset("CELLS_CLIENT_SECRET");
            env.run(&["get"]).exits(2).says(words);
            assert_eq!(fs::read_to_string(&file).unwrap(), *content);
        },
    );
}

#[test]
fn a_profile_that_does_not_exist_is_answered_with_those_that_do() {
    let mut env = TestEnv::with_credentials();
    env.unset("CELLS_CLIENT_SECRET");
    for name in ["a", "b"] {
        let command = ["login", "--no-check", "--client-secret-command", "true"];
        env.run(&[&command[..], &["--profile", name]].concat())
            .exits(0);
    }
    env.run(&["get", "--profile", "c"])
        .exits(2)
        .says("there is no profile c")
        .hints("a, b");
    env.var("CELLS_PROFILE", "c");
    env.unset("CELLS_CLIENT_ID");
    env.run(&["get"]).exits(2).says("there is no profile c");
    let status = env.run(&["status", "--profile", "a"]);
    let line = |text: &str| status.stdout.lines().any(|line| line.contains(text));
    assert!(line("a (default): client id"), "{status}");
    assert!(line("b: client id"), "{status}");
    assert!(line("secret printed by a command"), "{status}");
}
