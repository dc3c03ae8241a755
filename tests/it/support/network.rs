//! A private network for a test, with its own hosts file and name servers, made of Linux namespaces.

use std::path::Path;
use std::process::{Command, Stdio};

use super::needed;

/// Set in a process that runs inside such a network.
const INSIDE: &str = "CELLS_TOKEN_TEST_NETWORK";

/// The contents of its `/etc/hosts` and `/etc/resolv.conf`.
pub struct Network {
    pub hosts: &'static str,
    pub resolv_conf: &'static str,
}

impl Network {
    /// Runs `inside` in this network, which has only loopback. `test` is the path of the calling test, which is run again
    /// in a child process.
    pub fn run(&self, test: &str, inside: impl FnOnce()) {
        if std::env::var_os(INSIDE).is_some() {
            return inside();
        }
        let dir = tempfile::tempdir().unwrap();
        let (hosts, resolv_conf) = (dir.path().join("hosts"), dir.path().join("resolv"));
        std::fs::write(&hosts, self.hosts).unwrap();
        std::fs::write(&resolv_conf, self.resolv_conf).unwrap();
        let program = std::env::current_exe().unwrap();
        let in_network = |program: &Path, args: &[&str]| {
            Command::new("unshare")
                .args(["--user", "--map-root-user", "--mount", "--net", "sh", "-c"])
                .arg("ip link set lo up && mount --bind \"$1\" /etc/hosts && mount --bind \"$2\" /etc/resolv.conf && shift 2 && exec \"$@\"")
                .arg("sh")
                .args([&hosts, &resolv_conf])
                .arg(program)
                .args(args)
                .env(INSIDE, "1")
                .stdin(Stdio::null())
                .output()
        };
        // Some containers forbid it; others have no `ip`.
        if !in_network(Path::new("true"), &[]).is_ok_and(|probe| probe.status.success()) {
            return needed(test, "private networks (unshare, ip, mount)");
        }
        let output = in_network(&program, &["--exact", test, "--nocapture"]).unwrap();
        let text =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        assert!(text.contains("1 passed"), "no such test: {text}");
    }
}
