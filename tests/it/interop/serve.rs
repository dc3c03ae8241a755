//! `serve` in front of a real authorization server, used by curl and by the vendor's SDKs with only another base URL.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::oidc;
use crate::support::serving::{Serving, form};
use crate::support::{ID, SECRET, TestEnv, each_row, is_installed};

const WRONG: &str = "interop-wrong-secret";
const INSTALLATION: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/interop-sdk");
const WHEELS: [&str; 9] = [
    "venv/bin/python",
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "--require-hashes",
    "-r",
    "requirements.txt",
];
const NPMRC: (&str, &str) = (".npmrc", include_str!("../../interop/.npmrc"));

/// `serve` in front of oidc-provider; `None` if that is not installed.
fn serving() -> Option<(TestEnv, Serving)> {
    let upstream = oidc::plain()?;
    let mut env = TestEnv::new();
    env.var("CELLS_BASE_URL", upstream.url("")).secret(WRONG);
    let serving = env.serve(&["--retries", "0"]);
    Some((env, serving))
}

fn claims_of(token: &str) -> Value {
    let payload = token
        .trim()
        .split('.')
        .nth(1)
        .unwrap_or_else(|| panic!("{token}"));
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[test]
fn the_answer_of_the_authorization_server_is_unchanged() {
    let Some((_env, serving)) = serving() else {
        return;
    };
    let answer = serving.ask(ID, SECRET);
    let object = answer.is(200).json();
    assert_eq!(
        claims_of(object["access_token"].as_str().unwrap())["client_id"],
        ID
    );
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
            assert_eq!(
                claims_of(object["access_token"].as_str().unwrap())["client_id"],
                ID
            );
        },
    );
    serving.finish();
}

/// The files of a client in `tests/interop`.
macro_rules! files {
    ($folder:literal: $($name:literal),*) => {
        [$(($name, include_str!(concat!("../../interop/", $folder, "/", $name)))),*]
    };
}

#[test]
fn the_vendors_python_sdk_gets_a_token() {
    let files = files!("sdk": "ask.py", "requirements.txt");
    if let Some(client) = Client::python("sdk-python", &files) {
        serves_sdk(&client);
    }
}

#[test]
fn the_vendors_node_sdk_gets_a_token() {
    let files = files!("sdk": "ask.cjs", "package.json", "package-lock.json");
    if let Some(client) = Client::node("sdk-node", &files) {
        serves_sdk(&client);
    }
}

#[test]
fn openid_client_gets_a_token_with_a_scope() {
    let files = files!("clients": "ask.mjs", "package.json", "package-lock.json");
    if let Some(client) = Client::node("openid-client", &files) {
        serves_scopes(&client);
    }
}

#[test]
fn requests_oauth2client_gets_a_token_with_a_scope() {
    let files = files!("clients": "ask.py", "requirements.txt");
    if let Some(client) = Client::python("requests-oauth2client", &files) {
        serves_scopes(&client);
    }
}

#[test]
fn the_kubernetes_manifest_fits_its_schema() {
    let files = files!("kubernetes": "requirements.txt");
    let Some(validator) = Client::python("kubernetes-validate", &files) else {
        return;
    };
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/kubernetes.yaml");
    let output = Command::new(validator.folder.join("venv/bin/kubernetes-validate"))
        .args(["--strict", manifest])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// A program that prints tokens, or why there are none.
struct Client {
    folder: PathBuf,
    program: PathBuf,
    script: &'static str,
}

impl Client {
    /// `None` without Python.
    fn python(name: &str, files: &[(&'static str, &str)]) -> Option<Self> {
        let venv = ["python3", "-m", "venv", "venv"];
        let client = Self::install(name, files, &[&venv, &WHEELS])?;
        let program = client.folder.join("venv/bin/python");
        Some(Self { program, ..client })
    }

    /// `None` without npm.
    fn node(name: &str, files: &[(&'static str, &str)]) -> Option<Self> {
        let client = Self::install(name, &[files, &[NPMRC]].concat(), &[&["npm", "ci"]])?;
        let program = "node".into();
        Some(Self { program, ..client })
    }

    fn install(name: &str, files: &[(&'static str, &str)], commands: &[&[&str]]) -> Option<Self> {
        let folder = Path::new(INSTALLATION).join(name);
        super::install(folder.to_str().unwrap(), files, commands).then(|| Self {
            folder,
            program: PathBuf::new(),
            script: files[0].0,
        })
    }

    /// What it prints, if its status is `succeeds`.
    #[track_caller]
    fn ask(&self, serving: &Serving, secret: &str, more: &str, succeeds: bool) -> String {
        let mut command = Command::new(&self.program);
        for proxy in ["http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(proxy).env_remove(proxy.to_uppercase());
        }
        let output = command
            .args([self.script, &serving.url(), ID, secret, more])
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(output.status.success(), succeeds, "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// The vendor's SDKs ask in a way that depends on the version of the API.
fn serves_sdk(client: &Client) {
    let Some((_env, serving)) = serving() else {
        return;
    };
    let [token, cached] =
        ["v3.0", "v1.1"].map(|version| client.ask(&serving, SECRET, version, true));
    assert_eq!(claims_of(&token)["client_id"], ID);
    assert_eq!(token, cached);
    let said = client.ask(&serving, WRONG, "v3.0", false);
    assert!(said.contains("401"), "{said}");
    serving.finish();
}

/// Each client asks twice. Form or Basic makes no difference to the cache.
fn serves_scopes(client: &Client) {
    let Some((_env, serving)) = serving() else {
        return;
    };
    let without = serving.ask(ID, SECRET).is(200).json();
    let said = client.ask(&serving, SECRET, "cells", true);
    let (token, cached) = said.trim().split_once('\n').unwrap();
    assert_eq!(claims_of(token)["scope"], "cells");
    assert_eq!(token, cached);
    assert_ne!(token, without["access_token"]);
    let said = client.ask(&serving, WRONG, "cells", false);
    assert!(said.contains("401 invalid_client"), "{said}");
    serving.finish();
}
