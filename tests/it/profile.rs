//! `profiles.json`: many writers, damaged files, and what still works beside them.

use std::fs;

use crate::support::{ID, Reply, SECRET, Server, TestEnv, each_row};

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

/// A profile named beside credentials that take its place looks like a mistake, except where variables always win.
#[test]
fn a_named_profile_that_is_passed_over_is_a_warning() {
    let options = ["--client-id", "other-id", "--client-secret", "other-secret"];
    let own = [("CELLS_CLIENT_ID", ID), ("CELLS_CLIENT_SECRET", SECRET)];
    let of_another_id = [
        ("CELLS_CLIENT_ID", ID),
        ("ProductClientId", ID),
        ("ProductClientSecret", SECRET),
    ];
    type Row<'a> = (&'a str, &'a [&'a str], &'a [(&'a str, &'a str)], &'a str);
    let rows: [Row; 4] = [
        (
            "--profile beside complete options",
            &[&options[..], &["--profile", "work"]].concat(),
            &[],
            "warning: passed over --profile: --client-id and --client-secret take precedence",
        ),
        (
            "CELLS_PROFILE with another id",
            &[],
            &of_another_id,
            "warning: passed over CELLS_PROFILE: its client id differs from that of CELLS_CLIENT_ID",
        ),
        ("CELLS_PROFILE beside complete options", &options, &[], ""),
        ("CELLS_PROFILE beside complete variables", &[], &own, ""),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, args, variables, warning)| {
            let server = Server::replies([Reply::token()]);
            let mut env = TestEnv::new();
            env.secret("other-secret")
                .var("CELLS_BASE_URL", server.url());
            let login = ["login", "--no-check", "--client-secret-command", "false"];
            let profile = ["--profile", "work", "--client-id", "work-id"];
            env.run(&[&login[..], &profile].concat()).exits(0);
            for (name, value) in *variables {
                env.var(name, value);
            }
            if !args.contains(&"--profile") {
                env.var("CELLS_PROFILE", "work");
            }
            let output = env.run(&[&["get"], *args].concat());
            assert_eq!(
                output.exits(0).stderr.contains("warning"),
                !warning.is_empty(),
                "{output}"
            );
            output.says(warning);
        },
    );
}
