//! The environment of the command, and the sandbox's directory.

use std::fs;
use std::path::PathBuf;

use super::leftovers;
use crate::support::{TestEnv, program};

/// The environment of the command, started from one full of other credentials, URLs and proxies.
#[test]
fn the_command_inherits_no_credentials_urls_or_proxies() {
    let mut env = TestEnv::new();
    let gone = [
        "CELLS_CLIENT_SECRET_FILE",
        "CELLS_TOKEN_URL",
        "CellsCloudClientId",
        "CellsCloudClientSecret",
        "CellsCloudApiBaseUrl",
        "ProductClientId",
        "ProductClientSecret",
        "ASPOSE_CLIENT_ID",
        "ASPOSE_CLIENT_SECRET",
        "ASPOSE_CLOUD_CLIENT_ID",
        "ASPOSE_CLOUD_CLIENT_SECRET",
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "NO_PROXY",
        "no_proxy",
    ];
    let replaced = [
        "CELLS_CLIENT_ID",
        "CELLS_CLIENT_SECRET",
        "CELLS_BASE_URL",
        "CELLS_CACHE_DIR",
    ];
    let kept = [
        "CI",
        "CELLS_NO_INPUT",
        "CELLS_TIMEOUT",
        "SSL_CERT_FILE",
        "HOME",
        "TERM",
    ];
    for name in gone.iter().chain(&replaced) {
        env.var(name, "outside-outside");
    }
    env.var("CI", "1")
        .var("CELLS_NO_INPUT", "1")
        .var("SSL_CERT_FILE", "/dev/null")
        .var("CELLS_TIMEOUT", "7s");
    let inside = env.run(&["sandbox", "--", "env"]);
    let value = |name: &str| {
        let mut lines = inside.stdout.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
    };
    for name in gone {
        assert_eq!(value(name), None, "{name}");
    }
    for name in replaced {
        assert_ne!(value(name).unwrap(), "outside-outside", "{name}");
    }
    for name in kept {
        assert!(value(name).is_some(), "{name}");
    }
    env.run(&["sandbox", "--", "cells-token", "get"]).exits(0);
}

/// Reads the table in the source, so that a new variable is covered.
#[test]
fn every_variable_for_credentials_and_urls_is_replaced_or_removed() {
    let source = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/env.rs")).unwrap();
    let (_, table) = source.split_once("\nvariables! {").unwrap();
    let (table, _) = table.split_once("\n}").unwrap();
    let names: Vec<&str> = table.split('"').skip(1).step_by(4).collect();
    assert!(
        names.len() >= 19 && names.contains(&"CELLS_CLIENT_ID"),
        "{names:?}"
    );
    // Too short to be taken for a secret.
    const OUTSIDE: &str = "out";
    let mut env = TestEnv::new();
    for name in &names {
        env.var(name, OUTSIDE);
    }
    let inside = env.run(&["sandbox", "--", "env"]);
    for line in inside.exits(0).stdout.lines() {
        if let Some((name, OUTSIDE)) = line.split_once('=') {
            let name = name.to_lowercase();
            let tells = ["client", "secret", "url", "proxy", "cache_dir"];
            assert!(!tells.iter().any(|word| name.contains(word)), "{name}");
        }
    }
}

#[cfg(unix)]
#[test]
fn the_first_cells_token_on_path_is_this_one() {
    let output =
        TestEnv::new().sh("cells-token sandbox -- sh -c 'readlink $(command -v cells-token)'");
    let program = fs::canonicalize(program()).unwrap();
    output.exits(0).prints(&format!("{}\n", program.display()));
}

#[cfg(unix)]
#[test]
fn its_directory_is_private_and_deleted_afterwards() {
    let env = TestEnv::new();
    let script = "umask 0; cells-token sandbox -- sh -c '
        cells-token get > /dev/null; touch $TMPDIR/cells-token-sandbox-*/cache-or-not
        stat -c %a $TMPDIR/cells-token-sandbox-*; dirname $CELLS_CACHE_DIR'";
    let output = env.sh(script);
    let (mode, folder) = output.exits(0).stdout.trim_end().split_once('\n').unwrap();
    assert_eq!(mode, "700");
    assert!(!PathBuf::from(folder).exists(), "{folder}");
    assert_eq!(leftovers(&env), Vec::<PathBuf>::new());
}
