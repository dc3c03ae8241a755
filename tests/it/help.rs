//! `-h` is one screen that answers the question; `--help` is everything, in groups.

use crate::support::{TestEnv, each_row};

const SERVER: bool = cfg!(feature = "server");

/// The verbs, and "" for none.
fn verbs() -> Vec<&'static str> {
    let server = SERVER.then_some(["sandbox", "serve"]);
    let others = [
        "",
        "get",
        "run",
        "login",
        "logout",
        "status",
        "forget",
        "completions",
    ];
    others
        .into_iter()
        .chain(server.into_iter().flatten())
        .collect()
}

/// What `option` prints, for a verb or for none.
fn help(verb: &str, option: &str) -> String {
    let env = TestEnv::new();
    let args = [verb, option];
    let output = env.run(if verb.is_empty() { &args[1..] } else { &args });
    assert_eq!(output.exits(0).stderr, "");
    output.stdout.clone()
}

#[test]
fn short_help_is_one_screen_with_examples_first() {
    each_row(
        &verbs(),
        |verb| verb,
        |verb| {
            let help = help(verb, "-h");
            let lines: Vec<&str> = help.lines().collect();
            assert!(lines.len() <= 24, "{} lines:\n{help}", lines.len());
            assert_eq!(lines[1..3], ["", "Examples:"], "{help}");
            assert!(
                lines[3].starts_with("  ") && lines[3].contains("cells-token"),
                "{help}"
            );
        },
    );
}

#[test]
fn no_line_is_wider_than_80_columns() {
    for verb in verbs() {
        for option in ["-h", "--help"] {
            let help = help(verb, option);
            let wide = help.lines().find(|line| line.chars().count() > 80);
            assert_eq!(wide, None, "{verb} {option}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_wide_terminal_makes_no_difference() {
    let env = TestEnv::new();
    let ended = env
        .terminal("sh", "stty cols 200; cells-token get --help")
        .finish();
    let wide = ended.screen.lines().find(|line| line.chars().count() > 80);
    assert_eq!(wide, None);
}

/// On standard output there is none, whatever is told to force it.
#[cfg(unix)]
#[test]
fn help_has_no_colour_on_a_terminal_either() {
    let env = TestEnv::new();
    let script = "export CLICOLOR_FORCE=1 FORCE_COLOR=1; cells-token get -h; cells-token -h; cells-token --version";
    let ended = env.terminal("sh", script).finish();
    assert_eq!(ended.code, Some(0), "{}", ended.screen);
    assert!(!ended.screen.contains('\x1b'), "{:?}", ended.screen);
}

#[test]
fn short_help_keeps_to_what_is_needed_every_day() {
    let (short, long) = (help("get", "-h"), help("get", "--help"));
    for option in [
        "--client-id",
        "--profile",
        "--refresh",
        "--output",
        "--verbose",
        "--quiet",
        "--help",
    ] {
        assert!(short.contains(option), "{option} is missing:\n{short}");
    }
    for option in [
        "--client-secret <",
        "--no-input",
        "--base-url",
        "--token-url",
        "--allow-http",
        "--ca-cert",
        "--cacert",
    ]
    .into_iter()
    .chain([
        "--timeout",
        "--retries",
        "--min-ttl",
        "--no-cache",
        "--cache-dir",
        "--env-name",
    ]) {
        assert!(!short.contains(option), "{option} is in:\n{short}");
        assert!(long.contains(option), "{option} is missing:\n{long}");
    }
}

#[test]
fn long_help_is_in_groups() {
    let help = help("get", "--help");
    let groups: Vec<&str> = help
        .lines()
        .filter(|line| line.ends_with(':') && !line.starts_with(' '))
        .collect();
    assert_eq!(
        groups,
        [
            "Examples:",
            "Credentials:",
            "Endpoint and network:",
            "Cache:",
            "Output:"
        ]
    );
    for format in ["raw", "json", "header", "env"] {
        assert!(
            help.contains(&format!("- {format}:")),
            "{format} is not explained:\n{help}"
        );
    }
}

#[test]
fn only_verbs_that_work_are_shown() {
    let help = help("", "-h");
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let (commands, _) = commands.split_once("\n\n").unwrap();
    for line in commands.lines() {
        assert!(line.split_whitespace().count() > 2, "not described: {line}");
    }
    let mut shown: Vec<&str> = commands
        .lines()
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    let mut verbs = verbs();
    verbs.retain(|verb| !verb.is_empty());
    shown.sort_unstable();
    verbs.sort_unstable();
    assert_eq!(shown, verbs);
}

#[test]
fn a_verb_that_is_not_built_in_is_none() {
    let output = TestEnv::new().run(&["sandbox", "--nonsense"]);
    if SERVER {
        output.exits(125).says("unknown option");
    } else {
        output.exits(2).says("unknown command");
    }
}

/// Each line below "Examples:" is run as it stands, beside a sandbox.
#[cfg(all(unix, feature = "server"))]
#[test]
fn every_example_works() {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    let mut examples = Vec::new();
    for verb in verbs() {
        let help = help(verb, "-h");
        let lines = help
            .lines()
            .skip(3)
            .take_while(|line| line.starts_with("  "));
        examples.extend(lines.map(|line| line.trim().to_owned()));
    }
    // It has dots where the credentials go.
    examples.retain(|example| !example.starts_with("export CELLS_"));
    // These do not end by themselves, or want one that does not; tests/it/serve.rs has the like.
    examples.retain(|example| !example.contains("cells-token serve") && !example.contains(":8470"));
    // These need a keyring and a password manager; tests/it/login.rs and keyring.rs have the like.
    examples.retain(|example| !example.starts_with("cells-token login"));
    assert!(examples.len() > 10, "{examples:?}");
    each_row(
        &examples,
        |example| example,
        |example| {
            let mut env = TestEnv::new();
            // What the examples suppose to be there.
            let script = "#!/bin/sh\ntest -n \"$CELLS_ACCESS_TOKEN\"\n";
            let path = env.file("report.sh", script);
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
            env.file("Makefile", "report:\n\t@./report.sh\n");
            // One of them shows retries.
            env.var("CELLS_RETRIES", "");
            let prepare = "mkdir -p ~/.zfunc ~/.config/fish/completions; echo silent >~/.curlrc; URL=$CELLS_BASE_URL; cells-token login --store file --profile work";
            env.var("SCRIPT", format!("set -eo pipefail; {prepare}; {example}"));
            env.sh(r#"cells-token sandbox -- bash -c "$SCRIPT""#)
                .exits(0)
                .never_says("error:");
        },
    );
}
