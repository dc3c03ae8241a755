//! The commands that are compared: cells-token and the tools it replaces.

use std::path::Path;

use crate::Bench;
use crate::measure::{Contestant, installed};

impl Bench {
    fn cells_token(&self, name: &str) -> Contestant {
        Contestant::new(name, &self.program)
            .args(["get"])
            .var("CELLS_CLIENT_ID", "7f3d-client-id")
            .var("CELLS_CLIENT_SECRET", "not-much-of-a-secret")
            .var("CELLS_BASE_URL", &self.server.url)
    }

    /// A cache hit.
    pub fn cached(&self) -> Contestant {
        self.cells_token("cells-token, cached")
    }

    /// A request for a new token, which is then cached.
    pub fn cold(&self) -> Contestant {
        self.cold_with_roots("cells-token, cold", &self.one_root)
    }

    /// The same with the root certificates in a file instead of the system's.
    pub fn cold_with_roots(&self, name: &str, roots: &Path) -> Contestant {
        self.cells_token(name)
            .args(["--refresh"])
            .var("SSL_CERT_FILE", roots)
            .asking()
    }

    /// The request alone, printing the whole response.
    pub fn curl(&self, name: &str, roots: &Path) -> Option<Contestant> {
        let curl = Contestant::new(name, installed("curl")?);
        Some(curl.args(self.curl_args(roots)).asking())
    }

    fn curl_args(&self, roots: &Path) -> Vec<String> {
        let url = format!("{}/v4.0/cells/connect/token", self.server.url);
        let roots = roots.to_str().unwrap();
        [
            "-sS",
            "--cacert",
            roots,
            "-d",
            "grant_type=client_credentials",
            "--data-urlencode",
            "client_id=7f3d-client-id",
            "--data-urlencode",
            "client_secret=not-much-of-a-secret",
            &url,
        ]
        .map(str::to_owned)
        .to_vec()
    }

    /// The usual line in shell scripts.
    pub fn curl_to_jq(&self) -> Option<Contestant> {
        let curl = self.runner.fresh_copy(&installed("curl")?, "curl");
        let jq = self.runner.fresh_copy(&installed("jq")?, "jq");
        let script = r#"jq=$1; shift; "$@" | "$jq" -r .access_token"#;
        let sh = Contestant::new("curl | jq", "/bin/sh").args(["-c", script, "sh"]);
        let sh = sh.args([jq, curl]).args(self.curl_args(&self.one_root));
        Some(sh.asking())
    }
}
