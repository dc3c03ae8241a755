//! The cache of a world, seen from outside: its files, and ways to damage them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::env::TestEnv;

impl TestEnv {
    /// Where the cache is if nothing else is said.
    pub fn cache_dir(&self) -> PathBuf {
        self.path("../home/.cache/cells-token")
    }

    /// What is in it, sorted.
    pub fn cache_files(&self) -> Vec<PathBuf> {
        let Ok(files) = fs::read_dir(self.cache_dir()) else {
            return Vec::new();
        };
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        files
    }

    /// The one file with this extension: `json`, `lock` or `outcome`.
    #[track_caller]
    pub fn cache_file(&self, extension: &str) -> PathBuf {
        let mut files = self.cache_files();
        files.retain(|path| path.extension().is_some_and(|found| found == extension));
        assert_eq!(files.len(), 1, "files that end with {extension}: {files:?}");
        files.remove(0)
    }

    /// Changes the entry or the outcome as a text editor would: the file stays private.
    pub fn edit(&self, extension: &str, change: impl FnOnce(&mut Value)) {
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

/// Milliseconds since the Unix epoch, as dates in the cache are.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_millis().try_into().unwrap()
}

/// The permission bits of what `path` is itself.
#[cfg(unix)]
pub fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}
