//! Command lines and variables that cannot be right, and that none of them is repeated where it may be the secret.

use crate::support::{Reply, Server, TestEnv, each_row};

#[test]
fn no_verb_is_usage_and_exit_2() {
    let output = TestEnv::with_credentials().run(&[]);
    output.exits(2).prints("").mentions("usage").says("get");
}

#[test]
fn usage_errors_are_exit_2() {
    let rows: &[(&str, &[&str])] = &[
        ("an unknown verb", &["fetch"]),
        ("an unknown option", &["get", "--no-such-option"]),
        ("an unknown short option", &["get", "-Z"]),
        ("a stray word", &["get", "stray"]),
        ("an option without its value", &["get", "--client-id"]),
        ("an unknown output", &["get", "-o", "yaml"]),
        ("an empty output", &["get", "--output="]),
        ("a duration in words", &["get", "--timeout", "soon"]),
        (
            "a duration of an unknown unit",
            &["get", "--timeout", "5parsecs"],
        ),
        ("a negative duration", &["get", "--timeout=-5s"]),
        ("an empty duration", &["get", "--timeout="]),
        ("a unit alone", &["get", "--timeout", "s"]),
        (
            "a duration beyond numbers",
            &["get", "--timeout", "99999999999999999999999s"],
        ),
        ("an empty token URL", &["get", "--token-url", ""]),
        ("an empty base URL", &["get", "--base-url", ""]),
    ];
    each_row(
        rows,
        |row| row.0,
        |(_, args)| {
            TestEnv::with_credentials().run(args).exits(2);
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

/// What stands where it should not may be the secret itself: no usage error repeats it.
#[test]
fn usage_errors_do_not_repeat_what_may_be_the_secret() {
    let rows: &[(&str, &[&str])] = &[
        ("as a verb", &["my-own-secret"]),
        (
            "as a verb before an option",
            &["my-own-secret", "--client-id", "x"],
        ),
        ("as a stray word", &["get", "my-own-secret"]),
        (
            "after the id",
            &["get", "--client-id", "x", "my-own-secret"],
        ),
        ("after two dashes", &["get", "--", "my-own-secret"]),
        (
            "of a misspelt option",
            &["get", "--client-secrt", "my-own-secret"],
        ),
        (
            "of a misspelt option with =",
            &["get", "--client-secrt=my-own-secret"],
        ),
        (
            "of an option of other tools",
            &["get", "--password=my-own-secret"],
        ),
        ("of a short option", &["get", "-pmy-own-secret"]),
        ("of a short option with =", &["get", "-p=my-own-secret"]),
        (
            "of an option before the verb",
            &["--client-secrt=my-own-secret", "get"],
        ),
        ("of a switch", &["get", "--no-input=my-own-secret"]),
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

/// Either may be taken or refused, but not repeated.
#[test]
fn odd_ways_to_give_a_secret_do_not_repeat_it() {
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
