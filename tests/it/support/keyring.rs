//! A private gnome-keyring on a private D-Bus session, with all files below the test's directory.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{TestEnv, is_installed};

const PASSWORD: &[u8] = b"keyring-password";

/// The Secret Service on D-Bus.
const SECRETS: &str = "org.freedesktop.secrets";
const SECRETS_PATH: &str = "/org/freedesktop/secrets";

/// Both are killed when dropped.
pub struct Keyring {
    dir: PathBuf,
    bus: Child,
    daemon: Child,
}

impl Keyring {
    /// Starts both, unlocks the keyring, and sets the bus's address in `env`. `None`, with a message, if a program is not
    /// installed.
    pub fn start(env: &mut TestEnv) -> Option<Self> {
        let programs = ["dbus-daemon", "gnome-keyring-daemon", "dbus-send"];
        if !programs.into_iter().all(is_installed) {
            return None;
        }
        let dir = env.path("keyring");
        fs::create_dir_all(dir.join("services")).unwrap();
        let address = format!("unix:path={}", dir.join("bus").display());
        let config = format!(
            r#"<busconfig><type>session</type><listen>{address}</listen><auth>EXTERNAL</auth>
            <servicedir>{}</servicedir>
            <policy context="default"><allow send_destination="*" eavesdrop="true"/>
            <allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"#,
            dir.join("services").display()
        );
        fs::write(dir.join("bus.conf"), config).unwrap();
        let mut bus = command("dbus-daemon", &dir)
            .arg(format!("--config-file={}", dir.join("bus.conf").display()))
            .args(["--nofork", "--nopidfile", "--print-address"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        wait_for_line(&mut bus);
        let mut keyring = Self {
            daemon: daemon(&dir, Some(PASSWORD)),
            dir,
            bus,
        };
        keyring.wait_until_ready();
        env.var("DBUS_SESSION_BUS_ADDRESS", address);
        Some(keyring)
    }

    /// Restarts the daemon without the password, so that the keyring stays locked.
    pub fn lock(&mut self) {
        self.stop_daemon();
        self.daemon = daemon(&self.dir, None);
        self.wait_until_ready();
    }

    /// Makes the keyring's password prompt hang, as on an unattended desktop.
    pub fn never_answer_prompts(&self) {
        let service =
            "[D-BUS Service]\nName=org.gnome.keyring.SystemPrompter\nExec=/bin/sleep 15\n";
        let name = "org.gnome.keyring.SystemPrompter.service";
        fs::write(self.dir.join("services").join(name), service).unwrap();
        self.call(&[
            "org.freedesktop.DBus",
            "/",
            "org.freedesktop.DBus.ReloadConfig",
        ]);
    }

    /// The label and attributes of all entries, as D-Bus prints them.
    pub fn properties(&self) -> String {
        let get = "org.freedesktop.DBus.Properties.GetAll";
        let entry = "string:org.freedesktop.Secret.Item";
        let properties = |path: String| self.call(&[SECRETS, &path, get, entry]);
        self.entries().into_iter().map(properties).collect()
    }

    pub fn delete_entries(&self) {
        for path in self.entries() {
            self.call(&[SECRETS, &path, "org.freedesktop.Secret.Item.Delete"]);
        }
    }

    fn entries(&self) -> Vec<String> {
        let search = "org.freedesktop.Secret.Service.SearchItems";
        let ours = "dict:string:string:service,cells-token";
        let found = self.call(&[SECRETS, SECRETS_PATH, search, ours]);
        let paths = found.split('"').filter(|path| path.starts_with('/'));
        paths.map(str::to_owned).collect()
    }

    pub fn stop_daemon(&mut self) {
        self.daemon.kill().unwrap();
        self.daemon.wait().unwrap();
    }

    pub fn stop_bus(&mut self) {
        self.bus.kill().unwrap();
        self.bus.wait().unwrap();
    }

    fn call(&self, args: &[&str]) -> String {
        let [destination, rest @ ..] = args else {
            panic!("no destination");
        };
        let output = command("dbus-send", &self.dir)
            .args(["--session", "--print-reply", "--reply-timeout=2000"])
            .arg(format!("--dest={destination}"))
            .args(rest)
            .stdout(Stdio::piped())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn wait_until_ready(&mut self) {
        // The name is owned before the default keyring can be found.
        let read = "org.freedesktop.Secret.Service.ReadAlias";
        let ask = [SECRETS, SECRETS_PATH, read, "string:default"];
        for _ in 0..200 {
            if self.call(&ask).contains("/collection/") {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the keyring did not start");
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        for child in [&mut self.daemon, &mut self.bus] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Starts the daemon; with a password it unlocks the default keyring, and creates it first.
fn daemon(dir: &Path, password: Option<&[u8]>) -> Child {
    let mut command = command("gnome-keyring-daemon", dir);
    command.args(["--foreground", "--components=secrets"]);
    command.arg(format!("--control-directory={}", dir.join("run").display()));
    if password.is_some() {
        command.arg("--unlock");
    }
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(password.unwrap_or_default()).unwrap();
    child
}

fn command(program: &str, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", dir)
        .env("XDG_RUNTIME_DIR", dir)
        .env(
            "DBUS_SESSION_BUS_ADDRESS",
            format!("unix:path={}", dir.join("bus").display()),
        )
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn wait_for_line(child: &mut Child) {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
}
