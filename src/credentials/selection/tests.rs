//! Tables of options and variables, and which sources are selected and passed over.

use super::*;
use crate::env::*;
use crate::lock_file::Guard;
use crate::private_file;

type Variables<'a> = &'a [(Variable, &'a str)];

#[derive(clap::Parser)]
struct Options {
    #[command(flatten)]
    credentials: cli::Credentials,
    #[command(flatten)]
    profile: cli::Profile,
}

fn selection(options: &[&str], variables: Variables) -> Result<Selection, Problem> {
    let options: Options = clap::Parser::parse_from([&["test"], options].concat());
    let (profile, env) = (options.profile.name.as_deref(), Env::from(variables));
    Selection::new(&options.credentials, profile, &env)
}

/// The profiles `d`, the default, whose secret is in the keyring, and `w`, with a command. Each has its own name as
/// client id.
const PROFILES: &str = r#"{"version": 1, "default": "d", "profiles": {
    "d": {"client_id": "d", "secret": "keyring"},
    "w": {"client_id": "w", "secret": {"command": "echo"}}}}"#;

/// The selection of a user whose profile file has this content.
fn select(options: &[&str], variables: Variables, file: &str) -> Result<Selection, Problem> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("profiles.json");
    private_file::replace(&path, file.as_bytes(), &Guard::without_lock()).unwrap();
    let dir = dir.path().to_str().unwrap();
    selection(options, &[variables, &[(CELLS_CONFIG_DIR, dir)]].concat())
}

/// The id, its source, and the place of the secret.
fn selected(selection: &Selection) -> String {
    let id = selection.client_id.as_ref().map_or("?", |id| id.0.as_str());
    format!(
        "{id} from {}, secret from {}",
        selection.id_source, selection.secret
    )
}

const OWN_ID: (Variable, &str) = (CELLS_CLIENT_ID, "c");
const OWN_SECRET: (Variable, &str) = (CELLS_CLIENT_SECRET, "cs");
const PRODUCT_ID: (Variable, &str) = (PRODUCT_CLIENT_ID, "p");
const PRODUCT_SECRET: (Variable, &str) = (PRODUCT_CLIENT_SECRET, "ps");
const ASPOSE_ID: (Variable, &str) = (ASPOSE_CLIENT_ID, "a");
const ASPOSE_SECRET: (Variable, &str) = (ASPOSE_CLIENT_SECRET, "as");

#[test]
fn the_first_source_in_order_of_precedence_is_selected() {
    let all = &[OWN_ID, OWN_SECRET, PRODUCT_ID, PRODUCT_SECRET];
    let product = &all[2..];
    let rows: &[(&[&str], Variables, &str)] = &[
        (
            &["--client-id", "o", "--client-secret", "os"],
            all,
            "o from --client-id, secret from --client-secret",
        ),
        (
            &["--client-id", "o"],
            all,
            "o from --client-id, secret from CELLS_CLIENT_SECRET",
        ),
        (
            &["--client-secret", "os"],
            all,
            "c from CELLS_CLIENT_ID, secret from --client-secret",
        ),
        (
            &[],
            all,
            "c from CELLS_CLIENT_ID, secret from CELLS_CLIENT_SECRET",
        ),
        (
            &[],
            product,
            "p from ProductClientId, secret from ProductClientSecret",
        ),
        (
            &[],
            &[ASPOSE_ID, ASPOSE_SECRET, PRODUCT_ID, PRODUCT_SECRET],
            "p from ProductClientId, secret from ProductClientSecret",
        ),
        // A family counts only as a pair.
        (
            &[],
            &[PRODUCT_ID, ASPOSE_SECRET],
            "? from the prompt, secret from the prompt",
        ),
        (
            &[],
            &[PRODUCT_ID, ASPOSE_ID, ASPOSE_SECRET],
            "a from ASPOSE_CLIENT_ID, secret from ASPOSE_CLIENT_SECRET",
        ),
        // Its secret is used only with its own id.
        (
            &["--client-id", "o"],
            product,
            "o from --client-id, secret from the prompt",
        ),
        (
            &["--client-id", "p"],
            product,
            "p from --client-id, secret from ProductClientSecret",
        ),
        (
            &["--client-id", "p"],
            &[(PRODUCT_CLIENT_ID, "p\r\n"), PRODUCT_SECRET],
            "p from --client-id, secret from ProductClientSecret",
        ),
        (
            &[],
            &[
                (CELLS_CLIENT_ID, "a"),
                PRODUCT_ID,
                PRODUCT_SECRET,
                ASPOSE_ID,
                ASPOSE_SECRET,
            ],
            "a from CELLS_CLIENT_ID, secret from ASPOSE_CLIENT_SECRET",
        ),
        // Its id is used only with its own secret: a secret by variable yields, a secret by option does not.
        (
            &[],
            &[OWN_SECRET, PRODUCT_ID, PRODUCT_SECRET],
            "p from ProductClientId, secret from ProductClientSecret",
        ),
        (
            &["--client-secret-command", "echo os"],
            product,
            "? from the prompt, secret from the command of --client-secret-command",
        ),
        (&[], &[], "? from the prompt, secret from the prompt"),
    ];
    for (options, variables, expected) in rows {
        let selection = selection(options, variables).unwrap();
        assert_eq!(selected(&selection), *expected, "{options:?} {variables:?}");
    }
}

#[test]
fn a_profile_has_its_place_in_the_order() {
    const PROFILE_W: (Variable, &str) = (CELLS_PROFILE, "w");
    let all = &[OWN_ID, OWN_SECRET, PROFILE_W, PRODUCT_ID, PRODUCT_SECRET];
    let own = "c from CELLS_CLIENT_ID, secret from CELLS_CLIENT_SECRET";
    let product = "p from ProductClientId, secret from ProductClientSecret";
    let d = "d from the profile d, secret from the keyring (the profile d)";
    let w = "w from the profile w, secret from the command of the profile w";
    // The last column is whether the profile's endpoint precedes variables.
    let rows: &[(&[&str], Variables, &str, Option<bool>)] = &[
        (&["--profile", "d"], all, d, Some(true)),
        (
            &[
                "--profile",
                "d",
                "--client-id",
                "o",
                "--client-secret",
                "os",
            ],
            all,
            "o from --client-id, secret from --client-secret",
            None,
        ),
        (
            &["--profile", "d", "--client-id", "d"],
            all,
            "d from --client-id, secret from the keyring (the profile d)",
            Some(true),
        ),
        (&[], all, own, None),
        (&[], &all[2..], w, Some(false)),
        (&[], &all[3..], product, None),
        (&[], &[], d, Some(false)),
        // CELLS_PROFILE replaces the default profile.
        (&[], &[PROFILE_W], w, Some(false)),
        // A profile's secret is used only with its own id.
        (
            &["--client-id", "d"],
            &[],
            "d from --client-id, secret from the keyring (the profile d)",
            Some(false),
        ),
        (
            &["--client-id", "o"],
            &[],
            "o from --client-id, secret from the prompt",
            None,
        ),
        (
            &[],
            &[OWN_ID, PROFILE_W],
            "c from CELLS_CLIENT_ID, secret from the prompt",
            None,
        ),
        // And its id only with its own secret.
        (&[], &[OWN_SECRET, PROFILE_W], w, Some(false)),
        (
            &["--client-secret", "os"],
            &[],
            "? from the prompt, secret from --client-secret",
            None,
        ),
    ];
    for (options, variables, expected, precedes) in rows {
        let selection = select(options, variables, PROFILES).unwrap();
        assert_eq!(selected(&selection), *expected, "{options:?} {variables:?}");
        let used = selection.profile.as_ref().map(|(_, precedes)| *precedes);
        assert_eq!(used, *precedes, "{options:?} {variables:?}");
    }
}

#[test]
fn a_profile_named_by_option_is_used_or_an_error() {
    for (options, expected) in [
        (&["--profile", "x"][..], "there is no profile x"),
        (
            &["--profile", "x/"],
            "the profile name given by --profile is not allowed",
        ),
        (
            &["--profile", "w", "--client-id", "o"],
            "the profile w cannot be used: its client id differs from that of --client-id",
        ),
        (
            &["--profile", "w", "--client-secret", "os"],
            "the profile w cannot be used: its client id is not combined with --client-secret",
        ),
    ] {
        let problem = select(options, &[], PROFILES).unwrap_err();
        assert_eq!(problem.what, expected);
    }
    let problem = select(&[], &[(CELLS_PROFILE, "x")], PROFILES).unwrap_err();
    assert_eq!(problem.what, "there is no profile x");
    assert_eq!(problem.hint, "use one of these profiles: d, w");
}

#[test]
fn the_profile_file_is_read_only_if_something_is_missing() {
    let broken = "broken";
    let complete: &[(&[&str], Variables)] = &[
        (&["--client-id", "o", "--client-secret", "os"], &[]),
        (
            &[
                "--profile",
                "w",
                "--client-id",
                "o",
                "--client-secret",
                "os",
            ],
            &[],
        ),
        (&[], &[OWN_ID, OWN_SECRET]),
        (&[], &[OWN_ID, OWN_SECRET, (CELLS_PROFILE, "w")]),
        (&[], &[PRODUCT_ID, PRODUCT_SECRET]),
    ];
    for (options, variables) in complete {
        let selection = select(options, variables, broken).unwrap();
        let names_profile = options.contains(&"--profile")
            || variables
                .iter()
                .any(|(variable, _)| *variable == CELLS_PROFILE);
        assert_eq!(selection.passed_over.len(), usize::from(names_profile));
    }
    // An id or secret from elsewhere still works beside a broken file.
    for variables in [[OWN_ID], [OWN_SECRET]] {
        let selection = select(&[], &variables, broken).unwrap();
        let [passed_over] = selection.passed_over.as_slice() else {
            panic!("{selection:?}");
        };
        assert!(passed_over.is_suspicious && passed_over.why.contains("is not valid JSON"));
    }
    for (options, variables) in [
        (&[][..], &[][..]),
        (&["--profile", "w"], &[]),
        (&[], &[(CELLS_PROFILE, "w")]),
    ] {
        let problem = select(options, variables, broken).unwrap_err();
        assert!(problem.what.contains("is not valid JSON"), "{problem:?}");
    }
}

#[test]
fn each_kind_of_secret_has_its_place() {
    for (option, variable, value, expected) in [
        (
            "--client-secret-file",
            CELLS_CLIENT_SECRET_FILE,
            "-",
            "standard input",
        ),
        (
            "--client-secret-file",
            CELLS_CLIENT_SECRET_FILE,
            "./-",
            "the file ./-",
        ),
        (
            "--client-secret-command",
            CELLS_CLIENT_SECRET_COMMAND,
            "pass show a",
            "the command",
        ),
    ] {
        let by_option = selection(&[option, value], &[]).unwrap().secret;
        assert!(by_option.to_string().starts_with(expected), "{by_option}");
        assert_eq!(by_option.source, Source::Option(option));
        let by_variable = selection(&[], &[(variable, value)]).unwrap().secret;
        assert_eq!(by_variable.place, by_option.place);
        assert_eq!(by_variable.source.to_string(), variable.name);
    }
}

#[test]
fn every_source_passed_over_is_named_with_the_reason() {
    let rows: &[(&[&str], Variables, &[&str])] = &[
        (
            &["--client-id", "o", "--client-secret-file", "-"],
            &[
                OWN_ID,
                OWN_SECRET,
                (CELLS_CLIENT_SECRET_COMMAND, "echo"),
                PRODUCT_ID,
                PRODUCT_SECRET,
                ASPOSE_SECRET,
            ],
            &[
                "CELLS_CLIENT_ID: --client-id takes precedence",
                "CELLS_CLIENT_SECRET: --client-secret-file takes precedence",
                "CELLS_CLIENT_SECRET_COMMAND: --client-secret-file takes precedence",
                "ProductClientId/ProductClientSecret: --client-id and --client-secret-file take precedence",
                "ASPOSE_CLIENT_SECRET: ASPOSE_CLIENT_ID is not set",
            ],
        ),
        (
            &["--client-id", "o"],
            &[PRODUCT_ID, PRODUCT_SECRET, ASPOSE_ID],
            &[
                "ProductClientId/ProductClientSecret: its client id differs from that of --client-id",
                "ASPOSE_CLIENT_ID: ASPOSE_CLIENT_SECRET is not set",
            ],
        ),
        (
            &["--client-secret", "os"],
            &[PRODUCT_ID, PRODUCT_SECRET],
            &[
                "ProductClientId/ProductClientSecret: its client id is not combined with --client-secret",
            ],
        ),
        (
            &[],
            &[OWN_SECRET, PRODUCT_ID, PRODUCT_SECRET],
            &[
                "CELLS_CLIENT_SECRET: CELLS_CLIENT_ID is not set; using ProductClientId/ProductClientSecret (warned)",
            ],
        ),
        (
            &[],
            &[OWN_ID, (CELLS_CLIENT_SECRET, ""), (ASPOSE_CLIENT_ID, "")],
            &[
                "CELLS_CLIENT_SECRET: it is set but empty (warned)",
                "ASPOSE_CLIENT_ID: it is set but empty (warned)",
            ],
        ),
    ];
    for (options, variables, expected) in rows {
        let passed_over = selection(options, variables).unwrap().passed_over;
        let shown = passed_over.iter().map(|passed_over| {
            let warned = match passed_over.is_suspicious {
                true => " (warned)",
                false => "",
            };
            format!("{}: {}{warned}", passed_over.source, passed_over.why)
        });
        assert_eq!(shown.collect::<Vec<_>>(), *expected);
    }
}

#[test]
fn an_unusable_source_is_named() {
    let rows: &[(&[&str], Variables, &str)] = &[
        (&["--client-id", ""], &[], "--client-id"),
        (&["--client-id", "a\nb"], &[], "--client-id"),
        (&[], &[(CELLS_CLIENT_ID, "a\nb")], "CELLS_CLIENT_ID"),
        (
            &[],
            &[(PRODUCT_CLIENT_ID, "p\0"), PRODUCT_SECRET],
            "ProductClientId",
        ),
        (
            &["--client-secret", "a", "--client-secret-file", "b"],
            &[],
            "--client-secret and --client-secret-file both",
        ),
        (
            &["--client-secret-file", "a", "--client-secret-command", "b"],
            &[],
            "--client-secret-file and --client-secret-command both",
        ),
        (
            &[],
            &[OWN_SECRET, (CELLS_CLIENT_SECRET_COMMAND, "b")],
            "CELLS_CLIENT_SECRET and CELLS_CLIENT_SECRET_COMMAND both",
        ),
    ];
    for (options, variables, named) in rows {
        let problem = selection(options, variables).unwrap_err();
        assert!(problem.what.contains(named), "{problem:?}");
    }
}

#[test]
fn a_source_that_is_passed_over_may_be_unusable() {
    let variables = [(PRODUCT_CLIENT_ID, "p\nq"), PRODUCT_SECRET];
    for options in [
        &["--client-id", "o"][..],
        &["--client-id", "o", "--client-secret", "os"],
    ] {
        assert!(selection(options, &variables).is_ok(), "{options:?}");
    }
}

proptest::proptest! {
    /// Each option and variable is set or not. There are only two ids, so that some are equal.
    #[test]
    fn no_id_is_combined_with_the_secret_of_another(
        ids: [bool; 6], secrets: [bool; 6], values in proptest::array::uniform6("[ab]"),
    ) {
        let families = FAMILIES.iter().map(|(id, secret)| (**id, **secret));
        let own = (CELLS_CLIENT_ID, CELLS_CLIENT_SECRET);
        let pairs: Vec<_> = std::iter::once(own).chain(families).collect();
        let mut variables = Vec::new();
        for (i, (id, secret)) in pairs.iter().enumerate() {
            variables.extend(ids[i].then_some((*id, &values[i][..])));
            variables.extend(secrets[i].then_some((*secret, "s")));
        }
        let mut options = Vec::new();
        if ids[5] {
            options.extend(["--client-id", &values[5]]);
        }
        if secrets[5] {
            options.extend(["--client-secret", "s"]);
        }
        let selection = selection(&options, &variables).unwrap();
        let id = selection.client_id.as_ref().map(|id| id.0.as_str());
        let family = |source: &Source| match source {
            Source::Variable(variable) => (1..5).find(|i| [pairs[*i].0, pairs[*i].1].contains(variable)),
            _ => None,
        };
        let complete: Vec<usize> = (1..5).filter(|i| ids[*i] && secrets[*i]).collect();

        match (ids[5], ids[0]) {
            (true, _) => assert_eq!((id, &selection.id_source), (Some(&values[5][..]), &Source::Option("--client-id"))),
            (false, true) => assert_eq!(id, Some(&values[0][..])),
            (false, false) => assert_ne!(selection.id_source, Source::Option("--client-id")),
        }
        assert_eq!(matches!(selection.secret.source, Source::Option(_)), secrets[5]);
        if let Some(i) = family(&selection.secret.source) {
            assert!(complete.contains(&i) && id == Some(&values[i]), "a family counts only as a pair");
        }
        if let Some(i) = family(&selection.id_source) {
            assert_eq!(family(&selection.secret.source), Some(i), "the secret comes with the id");
            assert_eq!(Some(&i), complete.first(), "the first pair");
        }
    }
}
