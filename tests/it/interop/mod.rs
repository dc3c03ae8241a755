//! `get` and `serve` against the work of others: an authorization server from npm, squid and nginx from the
//! distribution, curl, the vendor's SDKs.
//!
//! Owns how they are started on loopback and stopped, and what happens where they are not installed.

mod nginx;
mod oidc;
#[cfg(all(unix, feature = "server"))]
mod serve;
mod squid;

use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a server may take to start.
const START_LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

/// Ends what it starts, and removes the folder, once its standard input ends: however this process does.
const GUARD: &str = r#"folder=$1; shift; "$@" & read -r _; kill $!; wait $!; rm -rf "$folder""#;

/// A server with a folder of its own; it ends when this is dropped, or this process ends.
struct Daemon {
    folder: PathBuf,
    guard: Child,
}

impl Daemon {
    /// A folder for the files that it reads and writes.
    fn folder() -> PathBuf {
        let folder = tempfile::TempDir::with_prefix("cells-token-interop-").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // A server started by root becomes somebody else.
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        }
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

/// Ports that are free now. (A server that can be told to take any does not say which it took.)
fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] =
        std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// npm's command.
const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// Puts these files into a folder and runs commands there that install what they name; once, and again when they
/// change. False where such a command is absent, which is said. What failed is told as it was.
fn install(folder: &str, files: &[(&str, &str)], commands: &[&[&str]]) -> Result<bool, String> {
    let folder = Path::new(folder);
    fs::create_dir_all(folder).unwrap();
    // Another test process may be installing just now; closing the file unlocks it.
    let lock = fs::File::create(folder.join("install.lock")).unwrap();
    lock.lock().unwrap();

    // Written last and removed first, so that a broken installation is never taken for a good one.
    let stamp = folder.join("installed.json");
    let wanted = serde_json::json!([files, commands]).to_string();
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(true);
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
            .output();
        if absent(&output) {
            return skipped(command[0]);
        }
        let output = output.unwrap();
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{command:?} failed: {said}"));
        }
    }
    fs::write(&stamp, wanted).unwrap();
    Ok(true)
}

/// Whether a program of the distribution is installed; said aloud if not.
fn is_installed(program: &str) -> bool {
    // Not on the PATH of every user.
    let found = ["/usr/sbin", "/usr/local/sbin"]
        .iter()
        .any(|folder| Path::new(folder).join(program).exists());
    let run = Command::new(program)
        .arg("-v")
        .stdin(Stdio::null())
        .output();
    found || !absent(&run) || skipped(program).unwrap_or_else(|why| panic!("{why}"))
}

fn absent<T>(program: &io::Result<T>) -> bool {
    program
        .as_ref()
        .is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// Says so past libtest's capture; in CI, where nobody would read it, it is an error.
fn skipped(program: &str) -> Result<bool, String> {
    if std::env::var_os("CI").is_some_and(|ci| !ci.is_empty()) {
        return Err(format!("CI needs {program} for the interop suite"));
    }
    let notice = format!("interop: SKIPPED, {program} is not installed\n");
    io::stderr().write_all(notice.as_bytes()).unwrap();
    Ok(false)
}
