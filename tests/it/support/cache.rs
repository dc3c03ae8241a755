//! The cache files of a test environment, and ways to change them.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, lchown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::hmac;
use serde_json::Value;

use super::SECRET;
use super::env::TestEnv;
use super::output::Output;
use super::program::program;

impl TestEnv {
    /// Runs the program without searching for leaks, for thousands of runs.
    pub fn quick_run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(program());
        self.furnish(command.args(args));
        let since = Instant::now();
        let ended = command.stdin(Stdio::null()).output().unwrap();
        Output {
            args: format!("cells-token {args:?}"),
            code: ended.status.code(),
            signal: None,
            stdout: String::from_utf8_lossy(&ended.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&ended.stderr).into_owned(),
            elapsed: since.elapsed(),
        }
    }

    /// The default cache directory.
    pub fn cache_dir(&self) -> PathBuf {
        self.path("../home/.cache/cells-token")
    }

    /// The files in it, sorted.
    pub fn cache_files(&self) -> Vec<PathBuf> {
        let Ok(files) = fs::read_dir(self.cache_dir()) else {
            return Vec::new();
        };
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        files
    }

    /// The one file with this extension: `json`, `lock` or `failures`.
    #[track_caller]
    pub fn cache_file(&self, extension: &str) -> PathBuf {
        let mut files = self.cache_files();
        files.retain(|path| path.extension().is_some_and(|found| found == extension));
        assert_eq!(files.len(), 1, "files that end with {extension}: {files:?}");
        files.remove(0)
    }

    /// Like `sh`, as a user whom permissions restrict: `nobody` if the tests run as root.
    pub fn sh_as_anyone(&self, script: &str) -> Output {
        match cfg!(target_os = "linux") && rustix::process::geteuid().is_root() {
            true => self.sh_as(NOBODY, script),
            false => self.sh(script),
        }
    }

    /// Like `sh`, as another user, who is given the whole environment. Needs root on Linux.
    pub fn sh_as(&self, user: u32, script: &str) -> Output {
        // Others may have no access to the build directory.
        let bin = tempfile::tempdir().unwrap();
        let copy = bin.path().join("cells-token");
        let linked = fs::hard_link(program(), &copy);
        linked
            .or_else(|_| fs::copy(program(), &copy).map(drop))
            .unwrap();
        let root = self.path("..");
        give(bin.path(), user);
        give(&root, user);
        let path = bin.path().display();
        fs::write(root.join("script"), format!("PATH={path}:$PATH\n{script}")).unwrap();
        self.sh(&format!(
            "exec setpriv --reuid {user} --regid {user} --clear-groups sh ../script"
        ))
    }

    /// Changes an entry or a failure as the program could have written it: sealed with `SECRET`.
    pub fn edit(&self, extension: &str, change: impl FnOnce(&mut Value)) {
        self.edit_unsealed(extension, change);
        let path = self.cache_file(extension);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, reseal(&text, SECRET)).unwrap();
    }

    /// The same, but the seal stays as it was.
    pub fn edit_unsealed(&self, extension: &str, change: impl FnOnce(&mut Value)) {
        let path = self.cache_file(extension);
        let mut value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(&mut value);
        fs::write(&path, value.to_string()).unwrap();
    }

    /// Makes the cached token `age` seconds old, of `lifetime` seconds in all. Both may be negative.
    pub fn edit_dates(&self, age: i64, lifetime: i64) {
        self.edit("json", |entry| {
            let obtained_at = now_ms() - age * 1000;
            entry["obtained_at"] = obtained_at.into();
            entry["expires_at"] = (obtained_at + lifetime * 1000).into();
        });
    }
}

/// Replaces the seal, which covers all that follows it.
fn reseal(text: &str, secret: &str) -> String {
    let (version, rest) = text.split_once(r#","seal":""#).unwrap();
    let (_, sealed) = rest.split_at(rest.find('"').unwrap());
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let seal = STANDARD_NO_PAD.encode(hmac::sign(&key, sealed.as_bytes()));
    format!(r#"{version},"seal":"{seal}{sealed}"#)
}

const NOBODY: u32 = 65534;

/// Gives a directory and everything in it to a user, except hard links.
fn give(path: &Path, user: u32) {
    let metadata = fs::symlink_metadata(path).unwrap();
    if metadata.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), user);
        }
    } else if metadata.nlink() > 1 {
        return;
    }
    lchown(path, Some(user), Some(user)).unwrap();
}

/// Milliseconds since the Unix epoch, as dates in the cache are.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_millis().try_into().unwrap()
}

/// The permission bits of `path`, without following a link.
pub fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}
