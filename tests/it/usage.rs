//! Usage errors: invalid command lines and variables. No message repeats what may be a misplaced secret.

use crate::support::{Reply, Server, TestEnv, each_row};

#[test]
fn no_command_is_exit_2_and_shows_usage() {
    let output = TestEnv::with_credentials().run(&[]);
    output.exits(2).prints("").mentions("usage").says("get");
}

/// What the message says of each is a table in src/usage.rs and src/config/tests.rs.
#[test]
fn usage_errors_are_exit_2() {
    let rows: &[(&[&str], &str)] = &[
        (&["fetch"], "unknown command"),
        (&["stauts"], "did you mean \"status\"?"),
        (&["get", "--no-such-option"], "unknown option"),
        (&["get", "--refersh"], "did you mean \"--refresh\"?"),
        (&["get", "stray"], "unexpected argument"),
        (&["get", "--client-id"], "--client-id needs a value"),
        (&["get", "-o", "yaml"], "invalid value for --output"),
        (
            &["get", "--timeout", "soon"],
            "given by --timeout is invalid",
        ),
        (&["get", "--timeout="], "given by --timeout is invalid"),
        (&["get", "--retries=-1"], "given by --retries is invalid"),
        (
            &["get", "--token-url", ""],
            "given by --token-url is not a URL",
        ),
        (
            &["get", "--base-url", ""],
            "given by --base-url is not a URL",
        ),
    ];
    each_row(
        rows,
        |row| row.1,
        |(args, words)| {
            let output = TestEnv::with_credentials().run(args);
            output.exits(2).prints("").says(words);
        },
    );
}

#[test]
fn a_bad_variable_is_exit_2_and_named() {
    for (name, value) in [
        ("CELLS_TIMEOUT", "soon"),
        ("CELLS_TIMEOUT", "-5s"),
        ("CELLS_BASE_URL", "nonsense"),
        ("CELLS_CA_CERT", "no-such-file"),
    ] {
        let mut env = TestEnv::with_credentials();
        env.var(name, value).run(&["get"]).exits(2).says(name);
    }
}

#[test]
fn usage_errors_do_not_repeat_a_misplaced_secret() {
    let rows: &[(&str, &[&str])] = &[
        ("as a command", &["my-own-secret"]),
        (
            "as a command before an option",
            &["my-own-secret", "--client-id", "x"],
        ),
        ("as an unexpected argument", &["get", "my-own-secret"]),
        (
            "after the id",
            &["get", "--client-id", "x", "my-own-secret"],
        ),
        ("after --", &["get", "--", "my-own-secret"]),
        (
            "after a misspelled option",
            &["get", "--client-secrt", "my-own-secret"],
        ),
        (
            "after a misspelled option and =",
            &["get", "--client-secrt=my-own-secret"],
        ),
        (
            "in an option of another tool",
            &["get", "--password=my-own-secret"],
        ),
        ("in a short option", &["get", "-pmy-own-secret"]),
        ("in a short option with =", &["get", "-p=my-own-secret"]),
        (
            "in an option before the command",
            &["--client-secrt=my-own-secret", "get"],
        ),
        (
            "as the value of a switch",
            &["get", "--no-input=my-own-secret"],
        ),
        ("as a format", &["get", "-o", "my-own-secret"]),
        ("as a duration", &["get", "--timeout", "my-own-secret"]),
        ("as a URL", &["get", "--base-url", "my-own-secret"]),
    ];
    each_row(
        rows,
        |row| row.0,
        |(_, args)| {
            let mut env = TestEnv::with_credentials();
            env.secret("my-own-secret").run(args).exits(2);
        },
    );
}

/// Each may be accepted or rejected, but not repeated.
#[test]
fn unusual_ways_to_pass_a_secret_do_not_repeat_it() {
    let server = Server::always(Reply::token());
    let mut env = TestEnv::for_server(&server);
    env.secret("my-own-secret");
    for args in [
        &["get", "--client-secret", "-my-own-secret"][..],
        &["get", "--client-secret", "--my-own-secret"],
        &[
            "get",
            "--client-secret=my-own-secret",
            "--client-secret=my-own-secret",
        ],
    ] {
        let output = env.run(args);
        assert!(matches!(output.code, Some(0 | 2)), "{output}");
    }
}
