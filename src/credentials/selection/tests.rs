//! Tables of options and variables, and what wins.

use super::*;
use crate::env::*;

type Variables<'a> = Vec<(Variable, &'a str)>;

fn selection(flags: &[&str], variables: &Variables) -> Result<Selection, Problem> {
    #[derive(clap::Parser)]
    struct Flags {
        #[command(flatten)]
        credentials: cli::Credentials,
    }
    let flags: Flags = clap::Parser::parse_from([&["test"], flags].concat());
    Selection::new(&flags.credentials, &Env::from(variables.as_slice()))
}

/// The id, where it came from, and where the secret comes from.
fn winner(selection: &Selection) -> String {
    let id = selection.client_id.as_ref().map_or("?", |id| id.0.as_str());
    format!(
        "{id} from {}, secret from {}",
        selection.id_source, selection.secret
    )
}

#[test]
fn flags_beat_variables_beat_families_beat_the_prompt() {
    let pair = [(PRODUCT_CLIENT_ID, "p"), (PRODUCT_CLIENT_SECRET, "ps")];
    let own = [(CELLS_CLIENT_ID, "c"), (CELLS_CLIENT_SECRET, "cs")];
    let (id, secret) = (
        ["--client-id", "f"].as_slice(),
        ["--client-secret", "fs"].as_slice(),
    );
    let both = &[id, secret].concat()[..];
    for (flags, variables, expected) in [
        (
            both,
            [own, pair].concat(),
            "f from --client-id, secret from --client-secret",
        ),
        (
            id,
            [own, pair].concat(),
            "f from --client-id, secret from CELLS_CLIENT_SECRET",
        ),
        (
            secret,
            [own, pair].concat(),
            "c from CELLS_CLIENT_ID, secret from --client-secret",
        ),
        (
            &[],
            [own, pair].concat(),
            "c from CELLS_CLIENT_ID, secret from CELLS_CLIENT_SECRET",
        ),
        (
            &[],
            pair.to_vec(),
            "p from ProductClientId, secret from ProductClientSecret",
        ),
        (
            id,
            pair.to_vec(),
            "f from --client-id, secret from the prompt",
        ),
        (
            &["--client-id", "p"],
            pair.to_vec(),
            "p from --client-id, secret from ProductClientSecret",
        ),
        (
            secret,
            pair.to_vec(),
            "? from the prompt, secret from --client-secret",
        ),
        (&[], vec![], "? from the prompt, secret from the prompt"),
    ] {
        let selection = selection(flags, &variables).unwrap();
        assert_eq!(winner(&selection), expected, "{flags:?} {variables:?}");
    }
}

#[test]
fn families_count_only_as_pairs_and_in_order() {
    let (product, aspose) = ((PRODUCT_CLIENT_ID, "p"), (ASPOSE_CLIENT_ID, "a"));
    let (product_secret, aspose_secret) =
        ((PRODUCT_CLIENT_SECRET, "ps"), (ASPOSE_CLIENT_SECRET, "as"));
    for (variables, expected) in [
        (
            vec![product, aspose_secret],
            "? from the prompt, secret from the prompt",
        ),
        (
            vec![product, aspose, aspose_secret],
            "a from ASPOSE_CLIENT_ID, secret from ASPOSE_CLIENT_SECRET",
        ),
        (
            vec![aspose, aspose_secret, product, product_secret],
            "p from ProductClientId, secret from ProductClientSecret",
        ),
        (
            vec![
                (CELLS_CLIENT_ID, "a"),
                aspose,
                aspose_secret,
                product,
                product_secret,
            ],
            "a from CELLS_CLIENT_ID, secret from ASPOSE_CLIENT_SECRET",
        ),
        (
            vec![(CELLS_CLIENT_SECRET, "cs"), product, product_secret],
            "p from ProductClientId, secret from ProductClientSecret",
        ),
    ] {
        assert_eq!(
            winner(&selection(&[], &variables).unwrap()),
            expected,
            "{variables:?}"
        );
    }
}

#[test]
fn the_base_url_of_a_family_comes_with_its_pair_alone() {
    let pair = vec![
        (CELLS_CLOUD_CLIENT_ID, "i"),
        (CELLS_CLOUD_CLIENT_SECRET, "s"),
    ];
    assert_eq!(
        selection(&[], &pair).unwrap().base_url,
        Some(&CELLS_CLOUD_API_BASE_URL)
    );
    assert_eq!(
        selection(&["--client-id", "i", "--client-secret", "s"], &pair)
            .unwrap()
            .base_url,
        None
    );
    assert_eq!(
        selection(
            &[],
            &vec![(PRODUCT_CLIENT_ID, "i"), (PRODUCT_CLIENT_SECRET, "s")]
        )
        .unwrap()
        .base_url,
        None
    );
}

#[test]
fn every_source_passed_over_is_named_with_the_reason() {
    let variables = vec![
        (CELLS_CLIENT_ID, "c"),
        (CELLS_CLIENT_SECRET, "cs"),
        (PRODUCT_CLIENT_ID, "p"),
        (PRODUCT_CLIENT_SECRET, "ps"),
        (ASPOSE_CLIENT_SECRET, "as"),
    ];
    let selection = selection(
        &["--client-id", "f", "--client-secret-file", "-"],
        &variables,
    )
    .unwrap();
    let sources: Vec<_> = selection
        .passed_over
        .iter()
        .map(|passed_over| passed_over.source.as_str())
        .collect();
    assert_eq!(
        sources,
        [
            "CELLS_CLIENT_ID",
            "CELLS_CLIENT_SECRET",
            "ProductClientId/ProductClientSecret",
            "ASPOSE_CLIENT_SECRET"
        ]
    );
    assert!(
        selection
            .passed_over
            .iter()
            .all(|passed_over| !passed_over.why.is_empty())
    );
}

#[test]
fn what_cannot_be_right_names_its_source() {
    for (flags, variables, source) in [
        (vec!["--client-id", ""], vec![], ID_FLAG),
        (vec!["--client-id", "a\nb"], vec![], ID_FLAG),
        (vec!["--client-secret", ""], vec![], SECRET_FLAG),
        (vec!["--client-secret", "a\nb"], vec![], SECRET_FLAG),
        (
            vec!["--client-secret", "a", "--client-secret-file", "b"],
            vec![],
            SECRET_FILE_FLAG,
        ),
        (vec![], vec![(CELLS_CLIENT_ID, "a\nb")], "CELLS_CLIENT_ID"),
        (
            vec![],
            vec![(CELLS_CLIENT_SECRET, "a"), (CELLS_CLIENT_SECRET_FILE, "b")],
            "CELLS_CLIENT_SECRET_FILE",
        ),
    ] {
        let problem = selection(&flags, &variables).unwrap_err();
        assert!(problem.what.contains(source), "{problem:?}");
    }
}

proptest::proptest! {
    /// Each option and variable is there or not; ids are few, so that they meet.
    #[test]
    fn no_id_meets_the_secret_of_another(
        ids: [bool; 6], secrets: [bool; 6], letters in proptest::array::uniform6("[ab]"),
    ) {
        let families = FAMILIES.iter().map(|family| (*family.id, *family.secret));
        let own = (CELLS_CLIENT_ID, CELLS_CLIENT_SECRET);
        let pairs: Vec<_> = std::iter::once(own).chain(families).collect();
        let mut variables = Vec::new();
        for (i, (id, secret)) in pairs.iter().enumerate() {
            variables.extend(ids[i].then_some((*id, &letters[i][..])));
            variables.extend(secrets[i].then_some((*secret, "s")));
        }
        let mut flags = Vec::new();
        if ids[5] {
            flags.extend(["--client-id", &letters[5]]);
        }
        if secrets[5] {
            flags.extend(["--client-secret", "s"]);
        }
        let selection = selection(&flags, &variables).unwrap();
        let id = selection.client_id.as_ref().map(|id| id.0.as_str());
        let family = |variable: &Variable| (1..5).find(|i| pairs[*i].0 == *variable || pairs[*i].1 == *variable);
        let complete: Vec<usize> = (1..5).filter(|i| ids[*i] && secrets[*i]).collect();

        match (ids[5], ids[0]) {
            (true, _) => assert_eq!((id, &selection.id_source), (Some(&letters[5][..]), &IdSource::Flag)),
            (false, true) => assert_eq!(id, Some(&letters[0][..])),
            (false, false) => assert_ne!(selection.id_source, IdSource::Flag),
        }
        assert_eq!(selection.secret == SecretSource::Flag, secrets[5]);
        match &selection.secret {
            SecretSource::Env(variable) if **variable == CELLS_CLIENT_SECRET => {
                assert!(family_of(&selection.id_source).is_none_or(|variable| family(variable).is_none()), "joins no family");
            }
            SecretSource::Env(variable) => {
                let i = family(variable).unwrap();
                assert!(complete.contains(&i) && id == Some(&letters[i]), "a family counts only when complete");
            }
            _ => {}
        }
        if let Some(i) = family_of(&selection.id_source).and_then(family) {
            assert_eq!(selection.secret, SecretSource::Env(FAMILIES[i - 1].secret), "the id came with its secret");
            assert_eq!(Some(&i), complete.first(), "the first that is complete");
        }
        assert_eq!(selection.base_url.is_some(), selection.secret == SecretSource::Env(&CELLS_CLOUD_CLIENT_SECRET));
    }
}

fn family_of(source: &IdSource) -> Option<&'static Variable> {
    match source {
        IdSource::Env(variable) => Some(variable),
        IdSource::Flag | IdSource::Prompt => None,
    }
}

#[test]
fn a_pair_that_is_passed_over_may_hold_anything() {
    let variables = vec![(PRODUCT_CLIENT_ID, "p\nq"), (PRODUCT_CLIENT_SECRET, "ps")];
    for flags in [
        ["--client-id", "f"].as_slice(),
        &["--client-id", "f", "--client-secret", "fs"],
    ] {
        assert!(selection(flags, &variables).is_ok(), "{flags:?}");
    }
    assert!(selection(&[], &variables).is_err());
}

#[test]
fn a_dash_is_standard_input_and_anything_else_a_file() {
    for (flags, variable, expected) in [
        (
            &["--client-secret-file", "-"][..],
            None,
            SecretSource::Stdin("--client-secret-file"),
        ),
        (
            &["--client-secret-file", "f"],
            None,
            SecretSource::File("f".into(), "--client-secret-file"),
        ),
        (
            &["--client-secret-file", "f"],
            Some("-"),
            SecretSource::File("f".into(), "--client-secret-file"),
        ),
        (
            &[],
            Some("-"),
            SecretSource::Stdin("CELLS_CLIENT_SECRET_FILE"),
        ),
        (
            &[],
            Some("./-"),
            SecretSource::File("./-".into(), "CELLS_CLIENT_SECRET_FILE"),
        ),
    ] {
        let variables = variable.map(|value| (CELLS_CLIENT_SECRET_FILE, value));
        let selection = selection(flags, &Vec::from_iter(variables)).unwrap();
        assert_eq!(selection.secret, expected, "{flags:?} {variable:?}");
    }
}

#[test]
fn a_family_joins_no_secret_file_of_an_option_but_beats_that_of_a_variable() {
    let pair = [(PRODUCT_CLIENT_ID, "p"), (PRODUCT_CLIENT_SECRET, "ps")];
    let with_file = [&pair[..], &[(CELLS_CLIENT_SECRET_FILE, "f")]].concat();
    for file in ["f", "-"] {
        let by_option = selection(&["--client-secret-file", file], &pair.to_vec()).unwrap();
        assert_eq!(by_option.id_source, IdSource::Prompt);
        assert_ne!(by_option.secret, SecretSource::Env(&PRODUCT_CLIENT_SECRET));
    }
    let by_variable = selection(&[], &with_file).unwrap();
    assert_eq!(by_variable.id_source, IdSource::Env(&PRODUCT_CLIENT_ID));
    assert_eq!(
        by_variable.secret,
        SecretSource::Env(&PRODUCT_CLIENT_SECRET)
    );
}
