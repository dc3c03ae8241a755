//! `get` and `serve` with other software: an authorization server from npm, squid and nginx, curl, the vendor's SDKs.
//!
//! This file starts and stops them on loopback, and skips tests where they are not installed.

mod nginx;
mod oidc;
mod pass;
#[cfg(feature = "server")]
mod serve;
mod squid;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::is_installed;

/// How long a server may take to start.
const START_LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

/// Ends the program and removes its directory once standard input ends, which it does however this process ends.
const GUARD: &str = r#"folder=$1; shift; "$@" & read -r _; kill $!; wait $!; rm -rf "$folder""#;

/// A server with its own directory. Ends when dropped, or with this process.
struct Daemon {
    folder: PathBuf,
    guard: Child,
}

impl Daemon {
    /// Creates the directory for its files.
    fn folder() -> PathBuf {
        let folder = tempfile::TempDir::with_prefix("cells-token-interop-").unwrap();
        // A server started by root changes its user.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        folder.keep()
    }

    /// Starts it, and waits until it listens on these ports.
    fn start(folder: PathBuf, program: &str, args: &[&str], ports: &[u16]) -> Self {
        let output = fs::File::create(folder.join("output")).unwrap();
        let guard = Command::new("sh")
            .args(["-c", GUARD, "sh"])
            .arg(&folder)
            .arg(program)
            .args(args)
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn();
        let daemon = Self {
            folder,
            guard: guard.unwrap(),
        };
        let since = Instant::now();
        for port in ports {
            while TcpStream::connect(("127.0.0.1", *port)).is_err() {
                assert!(
                    since.elapsed() < START_LIMIT,
                    "{program} does not listen: {}",
                    daemon.output()
                );
                thread::sleep(POLL);
            }
        }
        daemon
    }

    fn output(&self) -> String {
        fs::read_to_string(self.folder.join("output")).unwrap_or_default()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// Ports that are free now. These servers don't report which port they chose.
fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] =
        std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// Writes these files into a directory and runs installation commands there, again only when the files change. Returns
/// false if a command is missing.
fn install(folder: &str, files: &[(&str, &str)], commands: &[&[&str]]) -> bool {
    let folder = Path::new(folder);
    let mut programs = commands.iter().map(|command| command[0]);
    if !programs.all(|program| program.contains('/') || is_installed(program)) {
        return false;
    }
    fs::create_dir_all(folder).unwrap();
    // Another test process may be installing; closing the file releases the lock.
    let lock = fs::File::create(folder.join("install.lock")).unwrap();
    lock.lock().unwrap();

    // Written last and removed first, so that an incomplete installation is never used.
    let stamp = folder.join("installed.json");
    let wanted = serde_json::json!([files, commands]).to_string();
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return true;
    }
    let _ = fs::remove_file(&stamp);
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
    for command in commands {
        let output = Command::new(command[0])
            .args(&command[1..])
            .current_dir(folder)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?} failed: {stderr}");
    }
    fs::write(&stamp, wanted).unwrap();
    true
}
