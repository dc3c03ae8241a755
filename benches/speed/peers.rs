//! Similar programs, compared if they are installed below `target/peers`:
//!
//!     cargo install --locked oidc-cli --root target/peers
//!     python3 -m venv target/peers/sdk && target/peers/sdk/bin/pip install asposecellscloud

use std::path::{Path, PathBuf};

use crate::Bench;
use crate::measure::{Contestant, first_line};

/// How the vendor's SDK for Python gets a token before its first API call.
const SDK: &str = "
import sys
from asposecellscloud.configuration import Configuration
from asposecellscloud.api_client import ApiClient
Configuration().ssl_ca_cert = sys.argv[2]
print(ApiClient(sys.argv[1]).get_access_token('client_credentials', '7f3d-client-id', 'not-much-of-a-secret', 'v3.0'))
";

/// The versions of the programs that are installed.
pub fn versions() -> Vec<String> {
    let sdk = "from importlib.metadata import version as v; print('SDK for Python', v('asposecellscloud'))";
    let oidc = peer("bin/oidc").and_then(|oidc| first_line(oidc, &["--version"]));
    let sdk = peer("sdk/bin/python").and_then(|python| first_line(python, &["-c", sdk]));
    [oidc, sdk].into_iter().flatten().collect()
}

/// The programs that are installed, each with the run of cells-token to compare it with.
pub fn all(bench: &Bench) -> Vec<(Contestant, Contestant)> {
    let mut found = Vec::new();
    if let Some(oidc) = peer("bin/oidc") {
        let oidc = |name: &str| {
            Contestant::new(name, &oidc)
                .var("SSL_CERT_FILE", &bench.one_root)
                .var("XDG_CONFIG_HOME", bench.runner.path("home/.config"))
        };
        let create =
            oidc("oidc create").args(["create", "confidential", "measured", "--skip-initial"]);
        let create = create.args([
            "--issuer",
            &bench.server.url,
            "--client-id",
            "7f3d-client-id",
        ]);
        bench
            .runner
            .output(&create.args(["--client-secret", "not-much-of-a-secret"]));
        let cached = oidc("oidc token, cached").args(["token", "measured"]);
        bench.runner.output(&cached);
        found.push((bench.cached(), cached));
        let cold = oidc("oidc token, cold")
            .args(["token", "measured", "--force"])
            .asking();
        found.push((bench.cold(), cold));
    }
    if let Some(python) = peer("sdk/bin/python") {
        let sdk = Contestant::new("vendor's SDK for Python", python)
            .args(["-c", SDK, &bench.server.url])
            .args([&bench.one_root])
            .asking();
        found.push((bench.cold(), sdk));
    }
    found
}

fn peer(path: &str) -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("peers");
    Some(target.join(path)).filter(|program| program.is_file())
}
