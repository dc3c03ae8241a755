//! `get` with a real authorization server, `oidc-provider` from npm, which is installed below target/ on first use. Its
//! files are in tests/interop.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::UNIX_EPOCH;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::{Authority, Cert, ID, Output, SECRET, TestEnv, each_row};

/// Characters with a meaning in form bodies. ASCII only, as RFC 6749 appendix A and oidc-provider require.
const AWKWARD_ID: &str = r#"id with +/&=%"'\ and %2B;?#"#;
const AWKWARD_SECRET: &str = r#" secret with +/&=%"'\ and %20;?# "#;
/// `TOKEN_LIFETIME_SECONDS` of oidc.mjs.
const LIFETIME: i64 = 3600;

#[test]
fn a_valid_secret_gets_a_token_for_its_client() {
    let Some(server) = plain() else { return };
    let url = server.url("/connect/token");
    let output = TestEnv::with_credentials().run(&["get", "-v", "--token-url", &url]);
    assert_eq!(raw_claims(&output)["client_id"], ID);
}

#[test]
fn a_base_url_is_enough_for_the_vendors_path() {
    let Some(server) = plain() else { return };
    for base_url in [server.url(""), server.url("/")] {
        let output = TestEnv::with_credentials().run(&["get", "--base-url", &base_url]);
        assert_eq!(raw_claims(&output)["client_id"], ID);
    }
}

#[test]
fn json_has_the_lifetime_of_the_token() {
    let Some(server) = plain() else { return };
    let base_url = server.url("");
    let output = TestEnv::with_credentials().run(&["get", "-o", "json", "--base-url", &base_url]);
    let claims = json_claims(&output);
    let exp = claims["exp"].as_i64().unwrap();
    assert_eq!(exp - claims["iat"].as_i64().unwrap(), LIFETIME);

    let answer = output.json();
    // A second may pass, and another is lost in rounding.
    let remaining = answer["expires_in"].as_i64().unwrap();
    assert!((LIFETIME - 2..=LIFETIME).contains(&remaining), "{output}");
    let expires_at = unix_seconds(&answer["expires_at"]);
    assert!(
        (expires_at - exp).abs() <= 2,
        "the token's exp is {exp}: {output}"
    );
    assert_eq!(expires_at - unix_seconds(&answer["obtained_at"]), LIFETIME);
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["from_cache"], false);
}

#[test]
fn every_character_of_an_id_and_secret_arrives() {
    let Some(server) = plain() else { return };
    let url = server.url("/connect/token");
    let mut env = TestEnv::new();
    env.var("CELLS_CLIENT_ID", AWKWARD_ID)
        .var("CELLS_CLIENT_SECRET", AWKWARD_SECRET);
    let by_variables = env.run(&["get", "--token-url", &url]);
    assert_eq!(raw_claims(&by_variables)["client_id"], AWKWARD_ID);

    let id_and_secret = ["--client-id", AWKWARD_ID, "--client-secret", AWKWARD_SECRET];
    let get = ["get", "-o", "json", "--token-url", &url];
    let by_arguments = TestEnv::new().run(&[&get[..], &id_and_secret].concat());
    assert_eq!(json_claims(&by_arguments)["client_id"], AWKWARD_ID);
}

#[test]
fn a_wrong_secret_and_an_unknown_client_are_refused() {
    let Some(server) = plain() else { return };
    let rows = [
        ("a wrong secret", ID, "interop-wrong-secret"),
        ("an unknown client", "interop-unknown-id", SECRET),
        ("another client's secret", AWKWARD_ID, SECRET),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, id, secret)| {
            let mut env = TestEnv::new();
            env.var("CELLS_CLIENT_ID", id)
                .var("CELLS_CLIENT_SECRET", secret);
            let output = env.run(&["get", "--base-url", &server.url("")]);
            output.exits(4).prints("").says("invalid_client");
        },
    );
}

#[test]
fn the_variables_of_the_vendors_sdks_work() {
    let Some(server) = plain() else { return };
    let base_url = server.url("");
    let families = [
        ("CellsCloudClientId", "CellsCloudClientSecret"),
        ("ProductClientId", "ProductClientSecret"),
        ("ASPOSE_CLIENT_ID", "ASPOSE_CLIENT_SECRET"),
        ("ASPOSE_CLOUD_CLIENT_ID", "ASPOSE_CLOUD_CLIENT_SECRET"),
    ];
    each_row(
        &families,
        |family| family.0,
        |(id, secret)| {
            let mut env = TestEnv::new();
            env.var(id, ID).var(secret, SECRET);
            let output = env.run(&["get", "--base-url", &base_url]);
            assert_eq!(raw_claims(&output)["client_id"], ID);
        },
    );

    let mut env = TestEnv::new();
    env.var("CellsCloudClientId", ID)
        .var("CellsCloudClientSecret", SECRET);
    env.var("CellsCloudApiBaseUrl", base_url)
        .var("CELLS_BASE_URL", "");
    assert_eq!(raw_claims(&env.run(&["get"]))["client_id"], ID);
}

#[test]
fn a_private_ca_is_trusted_only_if_named() {
    let Some(server) = tls() else { return };
    let base_url = server.url("");
    let mut env = TestEnv::with_credentials();
    let ca = env.file("ca.pem", &server.ca_pem);
    let trusting = env.run(&["get", "--base-url", &base_url, "--ca-cert", &ca]);
    assert_eq!(raw_claims(&trusting)["client_id"], ID);

    let output = env.run(&["get", "--base-url", &base_url]);
    output
        .exits(5)
        .prints("")
        .mentions("issue")
        .hints("--ca-cert");
}

/// The claims of the token that `-o raw` printed.
fn raw_claims(output: &Output) -> Value {
    claims(output.exits(0).stdout.strip_suffix('\n').unwrap(), output)
}

/// The claims of the token that `-o json` printed.
fn json_claims(output: &Output) -> Value {
    claims(output.json()["access_token"].as_str().unwrap(), output)
}

/// The claims of a token, which must not be in stderr.
fn claims(token: &str, output: &Output) -> Value {
    output.never_says(token);
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

fn unix_seconds(rfc3339: &Value) -> i64 {
    let time = humantime::parse_rfc3339(rfc3339.as_str().unwrap()).unwrap();
    time.duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
        .try_into()
        .unwrap()
}

/// The two servers, started on first use and shared by all tests of this process. `None` without npm.
pub(super) fn plain() -> Option<&'static Server> {
    static PLAIN: LazyLock<Server> = LazyLock::new(|| Server::start(None));
    installed().then(|| &*PLAIN)
}

fn tls() -> Option<&'static Server> {
    static TLS: LazyLock<Server> = LazyLock::new(|| Server::start(Some(&Authority::new())));
    installed().then(|| &*TLS)
}

pub(super) struct Server {
    origin: String,
    ca_pem: String,
    /// Holds its standard input, so that the server ends with this process.
    _process: Child,
}

impl Server {
    fn start(authority: Option<&Authority>) -> Self {
        let mut config = json!({ "clients": [
            { "client_id": ID, "client_secret": SECRET },
            { "client_id": AWKWARD_ID, "client_secret": AWKWARD_SECRET },
        ] });
        let mut scheme = "http";
        let mut ca_pem = String::new();
        if let Some(authority) = authority {
            scheme = "https";
            ca_pem = authority.pem();
            let (cert, key) = authority.pems(Cert::Good);
            config["tls"] = json!({ "key": key, "cert": cert });
        }
        let mut process = Command::new("node")
            .arg("oidc.mjs")
            .current_dir(INSTALLATION)
            .env("OIDC", config.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(process.stdout.as_mut().unwrap())
            .read_line(&mut port)
            .unwrap();
        let port: u16 = port
            .trim_end()
            .parse()
            .expect("oidc.mjs prints its port, or says above why it ended");
        Self {
            origin: format!("{scheme}://127.0.0.1:{port}"),
            ca_pem,
            _process: process,
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

const INSTALLATION: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/interop");
const FILES: [(&str, &str); 4] = [
    (".npmrc", include_str!("../../interop/.npmrc")),
    ("oidc.mjs", include_str!("../../interop/oidc.mjs")),
    ("package.json", include_str!("../../interop/package.json")),
    (
        "package-lock.json",
        include_str!("../../interop/package-lock.json"),
    ),
];

/// False if npm is missing.
fn installed() -> bool {
    static INSTALLED: LazyLock<bool> =
        LazyLock::new(|| super::install(INSTALLATION, &FILES, &[&["npm", "ci"]]));
    *INSTALLED
}
