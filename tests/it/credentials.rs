//! Which client id and secret are sent: precedence, the SDKs' families, and what is refused.

use crate::support::{ID, Reply, SECRET, Server, TestEnv, each_row};

const FAMILIES: [(&str, &str); 4] = [
    ("CellsCloudClientId", "CellsCloudClientSecret"),
    ("ProductClientId", "ProductClientSecret"),
    ("ASPOSE_CLIENT_ID", "ASPOSE_CLIENT_SECRET"),
    ("ASPOSE_CLOUD_CLIENT_ID", "ASPOSE_CLOUD_CLIENT_SECRET"),
];

type Vars = &'static [(&'static str, &'static str)];
type Words = &'static [&'static str];

/// Variables, arguments, and the id and secret that must be sent.
struct Sent {
    name: &'static str,
    vars: Vars,
    args: Words,
    id: &'static str,
    secret: &'static str,
}

const SENT: &[Sent] = &[
    Sent {
        name: "flags beat everything",
        vars: &[
            ("CELLS_CLIENT_ID", "own"),
            ("CELLS_CLIENT_SECRET", "secret-of-own"),
            ("ProductClientId", "product"),
            ("ProductClientSecret", "secret-of-product"),
        ],
        args: &["--client-id", "flag", "--client-secret", "secret-of-flag"],
        id: "flag",
        secret: "secret-of-flag",
    },
    Sent {
        name: "CELLS_* beat the families",
        vars: &[
            ("CELLS_CLIENT_ID", "own"),
            ("CELLS_CLIENT_SECRET", "secret-of-own"),
            ("CellsCloudClientId", "sdk"),
            ("CellsCloudClientSecret", "secret-of-sdk"),
        ],
        args: &[],
        id: "own",
        secret: "secret-of-own",
    },
    Sent {
        name: "an id by flag with a secret by CELLS_CLIENT_SECRET",
        vars: &[("CELLS_CLIENT_SECRET", "secret-of-own")],
        args: &["--client-id", "flag"],
        id: "flag",
        secret: "secret-of-own",
    },
    Sent {
        name: "an id by CELLS_CLIENT_ID with a secret by flag",
        vars: &[
            ("CELLS_CLIENT_ID", "own"),
            ("CELLS_CLIENT_SECRET", "secret-of-own"),
        ],
        args: &["--client-secret=secret-of-flag"],
        id: "own",
        secret: "secret-of-flag",
    },
    Sent {
        name: "CELLS_CLIENT_SECRET beats a family's secret of the same id",
        vars: &[
            ("CELLS_CLIENT_ID", "same"),
            ("CELLS_CLIENT_SECRET", "secret-of-own"),
            ("ProductClientId", "same"),
            ("ProductClientSecret", "secret-of-product"),
        ],
        args: &[],
        id: "same",
        secret: "secret-of-own",
    },
    Sent {
        name: "an id by flag takes the secret of the family with that id",
        vars: &[
            ("ASPOSE_CLIENT_ID", "same"),
            ("ASPOSE_CLIENT_SECRET", "secret-of-aspose"),
        ],
        args: &["--client-id", "same"],
        id: "same",
        secret: "secret-of-aspose",
    },
    Sent {
        name: "an id by CELLS_CLIENT_ID takes the secret of the family with that id, though not the first",
        vars: &[
            ("CELLS_CLIENT_ID", "same"),
            ("CellsCloudClientId", "sdk"),
            ("CellsCloudClientSecret", "secret-of-sdk"),
            ("ASPOSE_CLOUD_CLIENT_ID", "same"),
            ("ASPOSE_CLOUD_CLIENT_SECRET", "secret-of-cloud"),
        ],
        args: &[],
        id: "same",
        secret: "secret-of-cloud",
    },
    Sent {
        name: "a flag's id decides which family fits, not CELLS_CLIENT_ID",
        vars: &[
            ("CELLS_CLIENT_ID", "own"),
            ("CellsCloudClientId", "own"),
            ("CellsCloudClientSecret", "secret-of-sdk"),
            ("ProductClientId", "flag"),
            ("ProductClientSecret", "secret-of-product"),
        ],
        args: &["--client-id", "flag"],
        id: "flag",
        secret: "secret-of-product",
    },
    Sent {
        name: "a family without its secret is passed over",
        vars: &[
            ("CellsCloudClientId", "sdk"),
            ("ProductClientId", "product"),
            ("ProductClientSecret", "secret-of-product"),
        ],
        args: &[],
        id: "product",
        secret: "secret-of-product",
    },
    Sent {
        name: "a family without its id is passed over",
        vars: &[
            ("CellsCloudClientSecret", "secret-of-sdk"),
            ("ASPOSE_CLIENT_ID", "aspose"),
            ("ASPOSE_CLIENT_SECRET", "secret-of-aspose"),
        ],
        args: &[],
        id: "aspose",
        secret: "secret-of-aspose",
    },
    Sent {
        name: "a family with an empty member is passed over",
        vars: &[
            ("CellsCloudClientId", "sdk"),
            ("CellsCloudClientSecret", ""),
            ("ProductClientId", ""),
            ("ProductClientSecret", "secret-of-product"),
            ("ASPOSE_CLIENT_ID", "aspose"),
            ("ASPOSE_CLIENT_SECRET", "secret-of-aspose"),
        ],
        args: &[],
        id: "aspose",
        secret: "secret-of-aspose",
    },
    Sent {
        name: "empty variables are unset",
        vars: &[
            ("CELLS_CLIENT_ID", ""),
            ("CELLS_CLIENT_SECRET", ""),
            ("CELLS_CLIENT_SECRET_FILE", ""),
            ("CELLS_NO_INPUT", ""),
            ("CI", ""),
            ("CELLS_BASE_URL", ""),
            ("CELLS_CA_CERT", ""),
            ("CELLS_TIMEOUT", ""),
            ("ProductClientId", "product"),
            ("ProductClientSecret", "secret-of-product"),
        ],
        args: &[],
        id: "product",
        secret: "secret-of-product",
    },
    Sent {
        name: "one LF is dropped from variables",
        vars: &[
            ("CELLS_CLIENT_ID", "own\n"),
            ("CELLS_CLIENT_SECRET", "secret-of-own\n"),
        ],
        args: &[],
        id: "own",
        secret: "secret-of-own",
    },
    Sent {
        name: "one CRLF is dropped from variables",
        vars: &[
            ("CELLS_CLIENT_ID", "own\r\n"),
            ("CELLS_CLIENT_SECRET", "secret-of-own\r\n"),
        ],
        args: &[],
        id: "own",
        secret: "secret-of-own",
    },
    Sent {
        name: "one LF is dropped from a family",
        vars: &[
            ("ProductClientId", "product\n"),
            ("ProductClientSecret", "secret-of-product\n"),
        ],
        args: &[],
        id: "product",
        secret: "secret-of-product",
    },
    Sent {
        name: "one CRLF is dropped from flags",
        vars: &[],
        args: &[
            "--client-id",
            "flag\r\n",
            "--client-secret",
            "secret-of-flag\r\n",
        ],
        id: "flag",
        secret: "secret-of-flag",
    },
    Sent {
        name: "ids are compared without their line break",
        vars: &[
            ("CELLS_CLIENT_ID", "same"),
            ("ProductClientId", "same\n"),
            ("ProductClientSecret", "secret-of-product"),
        ],
        args: &[],
        id: "same",
        secret: "secret-of-product",
    },
    Sent {
        name: "blanks are part of a secret",
        vars: &[
            ("CELLS_CLIENT_ID", "own"),
            ("CELLS_CLIENT_SECRET", "  secret-of-own\t"),
        ],
        args: &[],
        id: "own",
        secret: "  secret-of-own\t",
    },
];

#[test]
fn the_best_source_is_used() {
    each_row(
        SENT,
        |row| row.name,
        |row| {
            let server = Server::replies([Reply::token()]);
            let mut env = TestEnv::new();
            for (name, value) in row.vars {
                env.var(name, value);
            }
            env.secret(row.secret);
            env.run(&[&["get", "--base-url", server.url()], row.args].concat())
                .exits(0);
            assert_sent(&server, row.id, row.secret);
        },
    );
}

#[test]
fn the_families_have_their_order() {
    for first in 0..FAMILIES.len() {
        let server = Server::replies([Reply::token()]);
        let mut env = TestEnv::new();
        for (id, secret) in &FAMILIES[first..] {
            env.var(id, format!("id-in-{id}"))
                .var(secret, format!("secret-in-{secret}"));
        }
        env.run(&["get", "--base-url", server.url()]).exits(0);
        let (id, secret) = FAMILIES[first];
        assert_sent(
            &server,
            &format!("id-in-{id}"),
            &format!("secret-in-{secret}"),
        );
    }
}

#[test]
fn the_secret_of_cells_never_joins_a_familys_id() {
    for (id, secret) in FAMILIES {
        // With the id alone there is no pair at all.
        let server = Server::untouched();
        let mut env = TestEnv::new();
        env.var("CELLS_CLIENT_SECRET", SECRET)
            .var(id, "id-of-family");
        env.run(&["get", "--base-url", server.url()])
            .exits(3)
            .says("CELLS_CLIENT_ID");

        // Beside a complete pair it may be an error or passed over, but it is not sent.
        let server = Server::always(Reply::token());
        env.var(secret, "secret-of-family");
        env.run(&["get", "--base-url", server.url()]);
        for request in server.requests() {
            assert_eq!(request.field("client_secret").unwrap(), "secret-of-family");
        }
    }
}

/// Variables that make no usable pair, and what the message must name.
const MISSING: &[(&str, Vars, Words)] = &[
    (
        "nothing at all",
        &[],
        &["CELLS_CLIENT_ID", "CELLS_CLIENT_SECRET"],
    ),
    (
        "an id alone",
        &[("CELLS_CLIENT_ID", "own")],
        &["CELLS_CLIENT_SECRET"],
    ),
    (
        "a secret alone",
        &[("CELLS_CLIENT_SECRET", "secret-of-own")],
        &["CELLS_CLIENT_ID"],
    ),
    (
        "an id of half a family",
        &[("ASPOSE_CLIENT_ID", "aspose")],
        &["CELLS_CLIENT_SECRET"],
    ),
    (
        "halves of two families",
        &[
            ("CellsCloudClientId", "sdk"),
            ("ProductClientSecret", "secret-of-product"),
        ],
        &["CELLS_CLIENT_ID", "CELLS_CLIENT_SECRET"],
    ),
    (
        "a family of another id",
        &[
            ("CELLS_CLIENT_ID", "own"),
            ("ProductClientId", "product"),
            ("ProductClientSecret", "secret-of-product"),
        ],
        &["CELLS_CLIENT_SECRET"],
    ),
    (
        "an id that differs in case",
        &[
            ("CELLS_CLIENT_ID", "own"),
            ("ProductClientId", "OWN"),
            ("ProductClientSecret", "secret-of-product"),
        ],
        &["CELLS_CLIENT_SECRET"],
    ),
    (
        "an id and an empty secret",
        &[("CELLS_CLIENT_ID", "own"), ("CELLS_CLIENT_SECRET", "")],
        &["CELLS_CLIENT_SECRET"],
    ),
];

#[test]
fn missing_credentials_without_a_terminal_are_exit_3() {
    each_row(
        MISSING,
        |row| row.0,
        |(_, vars, named)| {
            for without_prompt in [None, Some("--no-input")] {
                let server = Server::untouched();
                let mut env = TestEnv::new();
                for (name, value) in *vars {
                    env.var(name, value);
                }
                let mut args = vec!["get", "--base-url", server.url()];
                args.extend(without_prompt);
                let output = env.run(&args);
                output.exits(3);
                for name in *named {
                    output.says(name);
                }
            }
        },
    );
}

#[test]
fn a_family_by_another_id_is_exit_3_for_a_flag_too() {
    let mut env = TestEnv::new();
    env.var("ProductClientId", "product")
        .var("ProductClientSecret", "secret-of-product");
    env.run(&["get", "--client-id", "flag"])
        .exits(3)
        .says("CELLS_CLIENT_SECRET");
}

/// No option is overruled by a variable: a family's pair must not be used in its place.
#[test]
fn a_secret_by_flag_is_not_passed_over_for_a_family() {
    let server = Server::always(Reply::token());
    let mut env = TestEnv::new();
    env.var("ProductClientId", "product")
        .var("ProductClientSecret", "secret-of-product")
        .var("CELLS_BASE_URL", server.url());
    let file = env
        .secret("secret-of-file")
        .file("the-file", "secret-of-file");
    env.run(&["get", "--client-secret", "secret-of-flag"]);
    env.run(&["get", "--client-secret-file", &file]);
    for request in server.requests() {
        assert_ne!(request.field("client_secret").unwrap(), "secret-of-product");
    }
}

/// Arguments and variables that are wrong in themselves. `$FILE` is a good secret file.
const WRONG: &[(&str, Vars, Words, Words)] = &[
    (
        "secret and file by flags",
        &[],
        &[
            "--client-id=a",
            "--client-secret=secret-of-flag",
            "--client-secret-file=$FILE",
        ],
        &["--client-secret", "--client-secret-file"],
    ),
    (
        "secret and standard input by flags",
        &[],
        &[
            "--client-id=a",
            "--client-secret=secret-of-flag",
            "--client-secret-file=-",
        ],
        &["--client-secret-file"],
    ),
    (
        "secret and file by variables",
        &[
            ("CELLS_CLIENT_ID", "a"),
            ("CELLS_CLIENT_SECRET", "secret-of-own"),
            ("CELLS_CLIENT_SECRET_FILE", "$FILE"),
        ],
        &[],
        &["CELLS_CLIENT_SECRET", "CELLS_CLIENT_SECRET_FILE"],
    ),
    (
        "an empty id",
        &[("CELLS_CLIENT_SECRET", "secret-of-own")],
        &["--client-id", ""],
        &["--client-id"],
    ),
    (
        "an empty id beside a variable",
        &[
            ("CELLS_CLIENT_ID", "own"),
            ("CELLS_CLIENT_SECRET", "secret-of-own"),
        ],
        &["--client-id="],
        &["--client-id"],
    ),
    (
        "an inner LF in a secret",
        &[
            ("CELLS_CLIENT_ID", "a"),
            ("CELLS_CLIENT_SECRET", "secret-of\nown-own"),
        ],
        &[],
        &["CELLS_CLIENT_SECRET"],
    ),
    (
        "an inner CRLF in a secret",
        &[
            ("CELLS_CLIENT_ID", "a"),
            ("CELLS_CLIENT_SECRET", "secret-of\r\nown-own"),
        ],
        &[],
        &["CELLS_CLIENT_SECRET"],
    ),
    (
        "two LF after a secret",
        &[
            ("CELLS_CLIENT_ID", "a"),
            ("CELLS_CLIENT_SECRET", "secret-of-own\n\n"),
        ],
        &[],
        &["CELLS_CLIENT_SECRET"],
    ),
    (
        "a LF before a secret",
        &[
            ("CELLS_CLIENT_ID", "a"),
            ("CELLS_CLIENT_SECRET", "\nsecret-of-own"),
        ],
        &[],
        &["CELLS_CLIENT_SECRET"],
    ),
    (
        "an inner LF in an id",
        &[
            ("CELLS_CLIENT_ID", "a\nb"),
            ("CELLS_CLIENT_SECRET", "secret-of-own"),
        ],
        &[],
        &["CELLS_CLIENT_ID"],
    ),
    (
        "an inner LF in a flag's secret",
        &[("CELLS_CLIENT_ID", "a")],
        &["--client-secret", "secret-of\nflag-flag"],
        &["--client-secret"],
    ),
    (
        "an inner LF in a flag's id",
        &[("CELLS_CLIENT_SECRET", "secret-of-own")],
        &["--client-id", "a\nb"],
        &["--client-id"],
    ),
    (
        "an inner LF in a family's secret",
        &[
            ("ProductClientId", "a"),
            ("ProductClientSecret", "secret-of\nproduct"),
        ],
        &[],
        &["ProductClientSecret"],
    ),
    (
        "an inner LF in a family's id",
        &[
            ("ASPOSE_CLIENT_ID", "a\nb"),
            ("ASPOSE_CLIENT_SECRET", "secret-of-aspose"),
        ],
        &[],
        &["ASPOSE_CLIENT_ID"],
    ),
];

#[test]
fn credentials_that_cannot_be_right_are_exit_2() {
    each_row(
        WRONG,
        |row| row.0,
        |(_, vars, args, named)| {
            let server = Server::untouched();
            let mut env = TestEnv::new();
            let file = env.file("secret", SECRET);
            for (name, value) in *vars {
                env.var(name, value.replace("$FILE", &file));
            }
            let args: Vec<String> = args.iter().map(|arg| arg.replace("$FILE", &file)).collect();
            let mut all = vec!["get", "--base-url", server.url()];
            all.extend(args.iter().map(String::as_str));
            let output = env.run(&all);
            output.exits(2);
            for name in *named {
                output.says(name);
            }
        },
    );
}

/// The level decides before the kind: files and secrets, by flag and by variable.
#[test]
fn a_flag_beats_a_variable_of_the_other_kind() {
    let server = Server::replies([Reply::token(), Reply::token(), Reply::token()]);
    let mut env = TestEnv::new();
    env.var("CELLS_CLIENT_ID", ID)
        .var("CELLS_BASE_URL", server.url());
    let file = env
        .secret("secret-of-file")
        .file("the-file", "secret-of-file\n");

    env.var("CELLS_CLIENT_SECRET", "secret-of-variable");
    env.run(&["get", "--client-secret-file", &file]).exits(0);

    env.var("CELLS_CLIENT_SECRET", "")
        .var("CELLS_CLIENT_SECRET_FILE", "no-such-file");
    env.run(&["get", "--client-secret", "secret-of-flag"])
        .exits(0);

    env.var("CELLS_CLIENT_SECRET_FILE", &file)
        .var("ProductClientId", ID)
        .var("ProductClientSecret", "secret-of-family");
    env.run(&["get"]).exits(0);

    let sent: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.field("client_secret").unwrap())
        .collect();
    assert_eq!(sent, ["secret-of-file", "secret-of-flag", "secret-of-file"]);
}

/// Bytes that are no UTF-8: whatever it makes of them, it does not panic and does not leak.
#[cfg(unix)]
#[test]
fn bytes_that_are_no_text_are_survived() {
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

#[track_caller]
fn assert_sent(server: &Server, id: &str, secret: &str) {
    let request = server.request();
    assert_eq!(
        request.field("client_id").as_deref(),
        Some(id),
        "{request:?}"
    );
    assert_eq!(
        request.field("client_secret").as_deref(),
        Some(secret),
        "{request:?}"
    );
}
