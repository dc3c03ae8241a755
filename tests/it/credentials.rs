//! Which client id and secret are sent, and what is refused. The order of all sources is tested beside the code.

use crate::support::{ID, Reply, SECRET, Server, TestEnv, each_row};

const FAMILIES: [(&str, &str); 4] = [
    ("CellsCloudClientId", "CellsCloudClientSecret"),
    ("ProductClientId", "ProductClientSecret"),
    ("ASPOSE_CLIENT_ID", "ASPOSE_CLIENT_SECRET"),
    ("ASPOSE_CLOUD_CLIENT_ID", "ASPOSE_CLOUD_CLIENT_SECRET"),
];

type Variables = &'static [(&'static str, &'static str)];

const OWN_ID: (&str, &str) = ("CELLS_CLIENT_ID", "own");
const OWN_SECRET: (&str, &str) = ("CELLS_CLIENT_SECRET", "secret-of-own");
const PRODUCT_ID: (&str, &str) = ("ProductClientId", "product");
const PRODUCT_SECRET: (&str, &str) = ("ProductClientSecret", "secret-of-product");

/// Credentials in these variables alone.
fn with(variables: Variables) -> TestEnv {
    let mut env = TestEnv::new();
    for (name, value) in variables {
        env.var(name, value);
    }
    env
}

#[track_caller]
fn assert_sent(server: &Server, id: &str, secret: &str) {
    let request = server.request();
    for (field, expected) in [("client_id", id), ("client_secret", secret)] {
        let sent = request.field(field);
        assert_eq!(sent.as_deref(), Some(expected), "{request:?}");
    }
}

#[test]
fn the_best_source_is_used() {
    let rows: &[(&str, Variables, &[&str], &str, &str)] = &[
        (
            "options precede everything",
            &[OWN_ID, OWN_SECRET, PRODUCT_ID, PRODUCT_SECRET],
            &["--client-id", "option", "--client-secret=secret-of-option"],
            "option",
            "secret-of-option",
        ),
        (
            "CELLS_* precede the families",
            &[OWN_ID, OWN_SECRET, PRODUCT_ID, PRODUCT_SECRET],
            &[],
            "own",
            "secret-of-own",
        ),
        (
            "an id by option with a secret by variable",
            &[OWN_ID, OWN_SECRET],
            &["--client-id", "option"],
            "option",
            "secret-of-own",
        ),
        (
            "an id by variable with a secret by option",
            &[OWN_ID, OWN_SECRET],
            &["--client-secret=secret-of-option"],
            "own",
            "secret-of-option",
        ),
        (
            "the family with the same id, though not the first",
            &[
                ("CELLS_CLIENT_ID", "product"),
                ("CellsCloudClientId", "sdk"),
                ("CellsCloudClientSecret", "secret-of-sdk"),
                PRODUCT_ID,
                PRODUCT_SECRET,
            ],
            &[],
            "product",
            "secret-of-product",
        ),
        (
            "an option's id decides which family fits",
            &[
                OWN_ID,
                ("CellsCloudClientId", "own"),
                ("CellsCloudClientSecret", "secret-of-sdk"),
                PRODUCT_ID,
                PRODUCT_SECRET,
            ],
            &["--client-id", "product"],
            "product",
            "secret-of-product",
        ),
        (
            "empty variables are unset, and incomplete families passed over",
            &[
                ("CELLS_CLIENT_ID", ""),
                ("CELLS_CLIENT_SECRET", ""),
                ("CELLS_CLIENT_SECRET_FILE", ""),
                ("CELLS_NO_INPUT", ""),
                ("CI", ""),
                ("CELLS_BASE_URL", ""),
                ("CELLS_CA_CERT", ""),
                ("CELLS_TIMEOUT", ""),
                ("CellsCloudClientId", "sdk"),
                ("CellsCloudClientSecret", ""),
                ("ASPOSE_CLIENT_ID", ""),
                ("ASPOSE_CLIENT_SECRET", "secret-of-aspose"),
                PRODUCT_ID,
                PRODUCT_SECRET,
            ],
            &[],
            "product",
            "secret-of-product",
        ),
        (
            "one LF is dropped from a variable",
            &[
                ("CELLS_CLIENT_ID", "own\n"),
                ("CELLS_CLIENT_SECRET", "secret-of-own\n"),
            ],
            &[],
            "own",
            "secret-of-own",
        ),
        (
            "one CRLF is dropped from an option",
            &[],
            &["--client-id", "a\r\n", "--client-secret=secret-of-a\r\n"],
            "a",
            "secret-of-a",
        ),
        (
            "blanks are part of a secret",
            &[OWN_ID, ("CELLS_CLIENT_SECRET", "  secret-of-own\t")],
            &[],
            "own",
            "  secret-of-own\t",
        ),
    ];
    each_row(
        rows,
        |row| row.0,
        |(_, variables, options, id, secret)| {
            let server = Server::replies([Reply::token()]);
            let mut env = with(variables);
            let get = ["get", "--base-url", server.url()];
            env.secret(secret)
                .run(&[&get[..], options].concat())
                .exits(0);
            assert_sent(&server, id, secret);
        },
    );
}

#[test]
fn the_families_have_their_order() {
    for first in 0..FAMILIES.len() {
        let server = Server::replies([Reply::token()]);
        let mut env = TestEnv::new();
        for (id, secret) in &FAMILIES[first..] {
            env.var(id, id).var(secret, format!("secret-in-{secret}"));
        }
        env.run(&["get", "--base-url", server.url()]).exits(0);
        let (id, secret) = FAMILIES[first];
        assert_sent(&server, id, &format!("secret-in-{secret}"));
    }
}

/// What an option or variable of one kind gives beats one of another kind at a lower level.
#[test]
fn an_option_precedes_a_variable_of_another_kind() {
    let server = Server::always(Reply::token());
    let mut env = TestEnv::new();
    let file = env
        .secret("secret-of-file")
        .file("file", "secret-of-file\n");
    let mut sends = |variable: (&str, &str), options: &[&str], secret: &str| {
        env.var("CELLS_CLIENT_ID", ID)
            .var("CELLS_CLIENT_SECRET", "")
            .var("CELLS_CLIENT_SECRET_FILE", "")
            .var("ProductClientId", ID)
            .var("ProductClientSecret", "secret-of-product")
            .var(variable.0, variable.1);
        let get = ["get", "--base-url", server.url()];
        env.run(&[&get[..], options].concat()).exits(0);
        let sent = server.requests().pop().unwrap().field("client_secret");
        assert_eq!(sent.as_deref(), Some(secret));
    };
    sends(
        OWN_SECRET,
        &["--client-secret-file", &file],
        "secret-of-file",
    );
    let no_file = ("CELLS_CLIENT_SECRET_FILE", "no-such-file");
    sends(
        no_file,
        &["--client-secret=secret-of-option"],
        "secret-of-option",
    );
    sends(("CELLS_CLIENT_SECRET_FILE", &file), &[], "secret-of-file");
}

#[test]
fn an_id_is_never_combined_with_the_secret_of_another_source() {
    for (id, secret) in FAMILIES {
        let mut env = TestEnv::new();
        env.var("CELLS_CLIENT_SECRET", SECRET).var(id, "family");
        let server = Server::untouched();
        env.run(&["get", "--base-url", server.url()])
            .exits(3)
            .says("CELLS_CLIENT_ID");
        let server = Server::replies([Reply::token()]);
        env.var(secret, "secret-of-family");
        env.run(&["get", "--base-url", server.url()])
            .exits(0)
            .says("passed over CELLS_CLIENT_SECRET");
        assert_sent(&server, "family", "secret-of-family");
        // A secret by option is an explicit choice, which no family replaces.
        let server = Server::untouched();
        env.run(&["get", "--base-url", server.url(), "--client-secret", SECRET])
            .exits(3)
            .says("CELLS_CLIENT_ID");
    }
}

#[test]
fn missing_credentials_without_a_terminal_are_exit_3() {
    let rows: &[(&str, Variables, &[&str], &str)] = &[
        (
            "nothing",
            &[],
            &[],
            "CELLS_CLIENT_ID and CELLS_CLIENT_SECRET",
        ),
        ("an id", &[OWN_ID], &[], "set CELLS_CLIENT_SECRET,"),
        ("a secret", &[OWN_SECRET], &[], "set CELLS_CLIENT_ID,"),
        (
            "halves of two families",
            &[("CellsCloudClientId", "sdk"), PRODUCT_SECRET],
            &[],
            "CELLS_CLIENT_ID and CELLS_CLIENT_SECRET",
        ),
        (
            "a family whose id differs from an option's in case only",
            &[PRODUCT_ID, PRODUCT_SECRET],
            &["--client-id", "PRODUCT"],
            "set CELLS_CLIENT_SECRET,",
        ),
    ];
    each_row(
        rows,
        |row| row.0,
        |(_, variables, options, hint)| {
            let server = Server::untouched();
            let get = ["get", "--base-url", server.url()];
            for no_input in [&[][..], &["--no-input"]] {
                with(variables)
                    .run(&[&get[..], options, no_input].concat())
                    .exits(3)
                    .hints(hint);
            }
        },
    );
}

#[test]
fn credentials_that_cannot_be_right_are_exit_2() {
    let rows: &[(&str, Variables, &[&str], &[&str])] = &[
        (
            "two secrets by options",
            &[OWN_ID],
            &["--client-secret=secret-of-own", "--client-secret-file=-"],
            &["--client-secret and --client-secret-file both"],
        ),
        (
            "two secrets by variables",
            &[OWN_ID, OWN_SECRET, ("CELLS_CLIENT_SECRET_FILE", "file")],
            &[],
            &["CELLS_CLIENT_SECRET and CELLS_CLIENT_SECRET_FILE both"],
        ),
        (
            "an empty id beside a variable",
            &[OWN_ID, OWN_SECRET],
            &["--client-id="],
            &["--client-id is empty"],
        ),
        (
            "two LF after a secret",
            &[OWN_ID, ("CELLS_CLIENT_SECRET", "secret-of-own\n\n")],
            &[],
            &["CELLS_CLIENT_SECRET contains a line break"],
        ),
        (
            "a LF before a secret",
            &[OWN_ID],
            &["--client-secret", "\nsecret-of-own"],
            &["--client-secret contains a line break"],
        ),
        (
            "a line break in an id",
            &[("ProductClientId", "a\r\nb"), PRODUCT_SECRET],
            &[],
            &["ProductClientId contains a line break"],
        ),
    ];
    each_row(
        rows,
        |row| row.0,
        |(_, variables, options, said)| {
            let server = Server::untouched();
            let get = ["get", "--base-url", server.url()];
            let output = with(variables).run(&[&get[..], options].concat());
            output.exits(2);
            for text in *said {
                output.says(text);
            }
        },
    );
}

/// Whatever becomes of bytes that are not UTF-8, there is no panic and no leak.
#[cfg(unix)]
#[test]
fn bytes_that_are_no_text_do_no_harm() {
    let server = Server::always(Reply::token());
    let mut env = TestEnv::for_server(&server);
    for script in [
        "CELLS_CLIENT_SECRET=$(printf 'secret-\\377-of-own') cells-token get",
        "CELLS_CLIENT_ID=$(printf 'a\\377b') cells-token get",
        "CELLS_BASE_URL=$(printf 'http://127.0.0.1:9/\\377') cells-token get",
        "ProductClientSecret=$(printf 'secret-\\377') cells-token get",
        "printf 'secret-\\377-of-own' | CELLS_CLIENT_SECRET= cells-token get --client-secret-file -",
        "cells-token get --client-secret-file \"$(printf 'no-such-\\377')\"",
        "cells-token get --client-id \"$(printf 'a\\377b')\"",
        "cells-token get \"$(printf 'secret-of-own-\\377')\"",
        "cells-token \"$(printf 'secret-of-own-\\377')\"",
    ] {
        let output = env.secret("secret-of-own").sh(script);
        assert!(matches!(output.code, Some(0 | 2..=5)), "{output}");
    }
}

/// The order is tested beside the code; this is what a profile does for a request.
#[test]
fn a_profile_gives_id_secret_and_endpoint() {
    let (own, others) = (Server::always(Reply::token()), Server::untouched());
    let mut env = TestEnv::new();
    env.file("secret-of-p", SECRET);
    let secret = env.path("secret-of-p");
    let profile =
        serde_json::json!({"client_id": ID, "secret": {"file": secret}, "base_url": own.url()});
    let profiles = serde_json::json!({"version": 1, "default": "p", "profiles": {"p": profile}});
    std::fs::create_dir(env.path("config")).unwrap();
    let file = env.file("config/profiles.json", profiles.to_string());
    #[cfg(unix)]
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    env.var("CELLS_CONFIG_DIR", env.path("config"))
        .var("CELLS_BASE_URL", "");
    env.run(&["get"]).exits(0);
    env.var("CELLS_BASE_URL", others.url());
    env.run(&["get", "--profile", "p"]).exits(0);
    let requests = own.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert_eq!(request.field("client_id").as_deref(), Some(ID));
        assert_eq!(request.field("client_secret").as_deref(), Some(SECRET));
    }
    env.run(&["get", "--profile", "q"])
        .exits(2)
        .says("there is no profile q")
        .hints("use one of these profiles: p");

    // A broken file harms nobody who does not need it.
    std::fs::write(&file, "{").unwrap();
    env.run(&["get"]).exits(2).says("profiles.json");
    env.var("CELLS_CLIENT_ID", ID)
        .run(&["get"])
        .exits(3)
        .says("warning: passed over the default profile");
}

/// An empty variable is often a CI secret that does not exist.
#[test]
fn an_empty_credential_variable_is_warned_of_and_named_in_the_hint() {
    let mut env = TestEnv::new();
    env.var("CELLS_CLIENT_ID", ID)
        .var("CELLS_CLIENT_SECRET", "")
        .var("ASPOSE_CLIENT_SECRET", "");
    let output = env.run(&["get"]);
    output
        .exits(3)
        .says("warning: passed over CELLS_CLIENT_SECRET: it is set but empty")
        .says("warning: passed over ASPOSE_CLIENT_SECRET: it is set but empty")
        .hints("CELLS_CLIENT_SECRET is set but empty");
    let status = env.run(&["status", "-o", "json"]).json();
    assert_eq!(status["passed_over"][0]["source"], "CELLS_CLIENT_SECRET");
}

/// A switch that is neither on nor off must not count as on.
#[test]
fn a_switch_by_variable_is_on_or_off_or_exit_2() {
    for (value, code) in [
        ("off", 2),
        (" 0", 2),
        ("false\r", 2),
        ("n", 2),
        ("none", 2),
        ("On", 5),
    ] {
        let mut env = TestEnv::with_credentials();
        env.var("CELLS_ALLOW_HTTP", value);
        let output = env.run_once(&["get", "--base-url", "http://host.invalid"]);
        output.exits(code);
        if matches!(value, "n" | "none") {
            output.says("CELLS_ALLOW_HTTP");
        }
    }
    for name in ["CELLS_NO_CACHE", "CELLS_NO_INPUT"] {
        let mut env = TestEnv::with_credentials();
        env.var(name, "maybe").run(&["get"]).exits(2).says(name);
    }
}
