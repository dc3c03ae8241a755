//! `serve` in front of a real authorization server, used by curl and by the vendor's SDKs with only another base URL.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::oidc;
use crate::support::serving::{Serving, form};
use crate::support::{ID, SECRET, TestEnv, each_row, is_installed};

const WRONG: &str = "interop-wrong-secret";
const INSTALLATION: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/interop-sdk");
const PYTHON_FILES: [(&str, &str); 2] = [
    ("ask.py", include_str!("../../interop/sdk/ask.py")),
    (
        "requirements.txt",
        include_str!("../../interop/sdk/requirements.txt"),
    ),
];
const NODE_FILES: [(&str, &str); 4] = [
    (".npmrc", include_str!("../../interop/.npmrc")),
    ("ask.cjs", include_str!("../../interop/sdk/ask.cjs")),
    (
        "package.json",
        include_str!("../../interop/sdk/package.json"),
    ),
    (
        "package-lock.json",
        include_str!("../../interop/sdk/package-lock.json"),
    ),
];

/// `serve` in front of oidc-provider; `None` if that is not installed.
fn serving() -> Option<(TestEnv, Serving)> {
    let upstream = oidc::plain()?;
    let mut env = TestEnv::new();
    env.var("CELLS_BASE_URL", upstream.url("")).secret(WRONG);
    let serving = env.serve(&["--retries", "0"]);
    Some((env, serving))
}

/// The client id in the token.
fn client_of(token: &str) -> Value {
    let payload = token
        .trim()
        .split('.')
        .nth(1)
        .unwrap_or_else(|| panic!("{token}"));
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    claims["client_id"].clone()
}

#[test]
fn the_answer_of_the_authorization_server_is_unchanged() {
    let Some((_env, serving)) = serving() else {
        return;
    };
    let answer = serving.ask(ID, SECRET);
    let object = answer.is(200).json();
    assert_eq!(client_of(object["access_token"].as_str().unwrap()), ID);
    assert_eq!(object["token_type"], "Bearer");
    let refused = serving.ask(ID, WRONG);
    assert_eq!(refused.is(401).json()["error"], "invalid_client");
    serving.finish();
}

#[test]
fn curl_gets_a_token_by_form_and_by_basic() {
    let Some((_env, serving)) = serving() else {
        return;
    };
    if !is_installed("curl") {
        return;
    }
    let url = serving.url() + "/v4.0/cells/connect/token";
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let user = format!("{}:{}", encoded(ID), encoded(SECRET));
    let form = form(ID, SECRET);
    let rows: [(&str, &[&str]); 3] = [
        ("a form", &["-d", &form]),
        (
            "Basic",
            &["-d", "grant_type=client_credentials", "-u", &user],
        ),
        ("chunks", &["-d", &form, "-H", "Transfer-Encoding: chunked"]),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, options)| {
            let curl = Command::new("curl")
                .args(["-sS", "-f", "--noproxy", "*", &url])
                .args(*options)
                .output()
                .unwrap();
            assert!(
                curl.status.success(),
                "{}",
                String::from_utf8_lossy(&curl.stderr)
            );
            let object: Value = serde_json::from_slice(&curl.stdout).unwrap();
            assert_eq!(client_of(object["access_token"].as_str().unwrap()), ID);
        },
    );
    serving.finish();
}

#[test]
fn the_vendors_python_sdk_gets_a_token() {
    static INSTALLED: LazyLock<bool> = LazyLock::new(|| {
        let install = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ];
        let pip = [
            &["venv/bin/python"],
            &install[..],
            &["--require-hashes", "-r", "requirements.txt"],
        ];
        let venv = ["python3", "-m", "venv", "venv"];
        super::install(
            &format!("{INSTALLATION}/python"),
            &PYTHON_FILES,
            &[&venv, &pip.concat()],
        )
    });
    serves_sdk(
        &INSTALLED,
        "python",
        &["venv/bin/python", "ask.py"],
        &["v3.0", "v1.1"],
    );
}

#[test]
fn the_vendors_node_sdk_gets_a_token() {
    static INSTALLED: LazyLock<bool> = LazyLock::new(|| {
        super::install(
            &format!("{INSTALLATION}/node"),
            &NODE_FILES,
            &[&["npm", "ci"]],
        )
    });
    serves_sdk(&INSTALLED, "node", &["node", "ask.cjs"], &["v3.0", "v1.1"]);
}

fn serves_sdk(installed: &LazyLock<bool>, folder: &str, ask: &[&str], versions: &[&str]) {
    if !**installed {
        return;
    }
    let Some((_env, serving)) = serving() else {
        return;
    };
    let ask = |secret: &str, version: &str| {
        let folder = Path::new(INSTALLATION).join(folder);
        let program = match ask[0].contains('/') {
            true => folder.join(ask[0]),
            false => ask[0].into(),
        };
        let mut command = Command::new(program);
        for proxy in ["http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(proxy).env_remove(proxy.to_uppercase());
        }
        command
            .args(&ask[1..])
            .args([&serving.url(), ID, secret, version])
            .current_dir(folder)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    let mut before = None;
    for version in versions {
        let output = ask(SECRET, version);
        let token = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success(),
            "{token}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(client_of(&token), ID, "{version}");
        // The second token is the cached first one.
        assert_eq!(*before.get_or_insert(token.clone()), token, "{version}");
    }
    let output = ask(WRONG, versions[0]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("401"), "{said}");
    serving.finish();
}
