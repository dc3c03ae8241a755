//! Help texts: `-h` fits one screen, `--help` describes everything in groups.

use crate::support::{TestEnv, each_row};

const SERVER: bool = cfg!(feature = "server");

/// The commands, and "" for none.
fn commands() -> Vec<&'static str> {
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

/// The output of `option` for a command, or "" for none.
fn help(command: &str, option: &str) -> String {
    let env = TestEnv::new();
    let args = [command, option];
    let output = env.run(if command.is_empty() {
        &args[1..]
    } else {
        &args
    });
    assert_eq!(output.exits(0).stderr, "");
    output.stdout.clone()
}

#[test]
fn short_help_is_one_screen_with_examples_first() {
    each_row(
        &commands(),
        |command| command,
        |command| {
            let help = help(command, "-h");
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
    for command in commands() {
        for option in ["-h", "--help"] {
            let help = help(command, option);
            let wide = help.lines().find(|line| line.chars().count() > 80);
            assert_eq!(wide, None, "{command} {option}");
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

/// Standard output never has colour, even if variables force it.
#[cfg(unix)]
#[test]
fn help_has_no_colour_on_a_terminal() {
    let env = TestEnv::new();
    let script = "export CLICOLOR_FORCE=1 FORCE_COLOR=1; cells-token get -h; cells-token -h; cells-token --version";
    let ended = env.terminal("sh", script).finish();
    assert_eq!(ended.code, Some(0), "{}", ended.screen);
    assert!(!ended.screen.contains('\x1b'), "{:?}", ended.screen);
}

#[test]
fn short_help_has_the_everyday_options_only() {
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
fn the_list_of_commands_is_complete() {
    let help = help("", "-h");
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let (list, _) = list.split_once("\n\n").unwrap();
    for line in list.lines() {
        assert!(line.split_whitespace().count() > 2, "not described: {line}");
    }
    let mut shown: Vec<&str> = list
        .lines()
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    let mut expected = commands();
    expected.retain(|command| !command.is_empty());
    shown.sort_unstable();
    expected.sort_unstable();
    assert_eq!(shown, expected);
}

#[test]
fn sandbox_is_unknown_without_the_server_feature() {
    let output = TestEnv::new().run(&["sandbox", "--nonsense"]);
    if SERVER {
        output.exits(125).says("unknown option");
    } else {
        output.exits(2).says("unknown command");
    }
}

/// Runs each line below "Examples:" as it stands, in a sandbox.
#[cfg(all(unix, feature = "server"))]
#[test]
fn every_example_works() {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    let mut examples = Vec::new();
    for command in commands() {
        let help = help(command, "-h");
        let lines = help
            .lines()
            .skip(3)
            .take_while(|line| line.starts_with("  "));
        examples.extend(lines.map(|line| line.trim().to_owned()));
    }
    // It has dots in place of the credentials.
    examples.retain(|example| !example.starts_with("export CELLS_"));
    // These run until they are stopped, or need one that does; tests/it/serve.rs covers them.
    examples.retain(|example| !example.contains("cells-token serve") && !example.contains(":8470"));
    // These need a keyring and a password manager; tests/it/login.rs and keyring.rs have the like.
    examples.retain(|example| !example.starts_with("cells-token login"));
    assert!(examples.len() > 10, "{examples:?}");
    each_row(
        &examples,
        |example| example,
        |example| {
            let mut env = TestEnv::new();
            // Files that the examples use.
            let script = "#!/bin/sh\ntest -n \"$CELLS_ACCESS_TOKEN\"\n";
            let path = env.file("report.sh", script);
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
            env.file("Makefile", "report:\n\t@./report.sh\n");
            // One example shows retries.
            env.var("CELLS_RETRIES", "");
            let prepare = "mkdir -p ~/.zfunc ~/.config/fish/completions; echo silent >~/.curlrc; URL=$CELLS_BASE_URL; cells-token login --store file --profile work";
            env.var("SCRIPT", format!("set -eo pipefail; {prepare}; {example}"));
            env.sh(r#"cells-token sandbox -- bash -c "$SCRIPT""#)
                .exits(0)
                .never_says("error:");
        },
    );
}
