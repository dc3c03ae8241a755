//! A cache file that cannot be trusted is a cache miss, and replaced.
#![cfg(unix)]

use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, symlink};
use std::path::Path;
use std::{fs, iter};

use super::{NOBODY, OTHER, cached, is_root, line, other, set_mode};
use crate::support::{Reply, Server, TOKEN, TestEnv, each_row, mode};

/// Replaces a cache file; takes its path and content.
type Damage = fn(&Path, &[u8]);

fn damages() -> Vec<(&'static str, Damage)> {
    let mut damages: Vec<(&'static str, Damage)> = vec![
        ("empty", |path, _| fs::write(path, "").unwrap()),
        ("half-written", |path, bytes| {
            fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("zeros", |path, bytes| {
            fs::write(path, vec![0; bytes.len()]).unwrap();
        }),
        ("not UTF-8", |path, _| {
            fs::write(path, b"\xff\xfe{}").unwrap()
        }),
        ("too long", |path, bytes| {
            fs::write(path, bytes.repeat(300_000 / bytes.len().max(1))).unwrap();
        }),
        ("other JSON", |path, _| fs::write(path, "[1]").unwrap()),
        ("unknown version", |path, bytes| {
            let text = String::from_utf8_lossy(bytes).replace(r#""version":2"#, r#""version":1"#);
            fs::write(path, text).unwrap();
        }),
        ("readable by others", |path, _| set_mode(path, 0o644)),
        ("writable by a group", |path, _| set_mode(path, 0o620)),
        ("a link to a good file", |path, _| {
            let aside = path.with_extension("aside");
            fs::rename(path, &aside).unwrap();
            symlink(aside, path).unwrap();
        }),
        ("a dangling link", |path, _| {
            fs::remove_file(path).unwrap();
            symlink("missing", path).unwrap();
        }),
        ("a link to itself", |path, _| {
            fs::remove_file(path).unwrap();
            symlink(path, path).unwrap();
        }),
        ("a FIFO", |path, _| {
            fs::remove_file(path).unwrap();
            let made = std::process::Command::new("mkfifo").arg(path).status();
            assert!(made.unwrap().success());
            set_mode(path, 0o600);
        }),
        ("a socket", |path, _| {
            fs::remove_file(path).unwrap();
            // The path of a socket has a limit.
            let short = tempfile::tempdir().unwrap();
            drop(std::os::unix::net::UnixListener::bind(short.path().join("s")).unwrap());
            fs::rename(short.path().join("s"), path).unwrap();
        }),
    ];
    if is_root() {
        damages.push(("another user's", |path, _| {
            std::os::unix::fs::chown(path, Some(NOBODY), None).unwrap();
        }));
    }
    damages
}

#[test]
fn an_untrusted_entry_is_replaced() {
    each_row(
        &damages(),
        |row| row.0,
        |(_, damage)| {
            let (_server, env) = cached([other()]);
            let path = env.cache_file("json");
            damage(&path, &fs::read(&path).unwrap());
            let output = env.run(&["get", "-v"]);
            output.exits(0).prints(&line(OTHER)).says("is ignored");
            output.never_says("warning");
            assert!(fs::symlink_metadata(&path).unwrap().is_file());
            assert_eq!(mode(&path), 0o600);
            env.run(&["get"]).exits(0).prints(&line(OTHER));
        },
    );
}

/// Whatever is no file is replaced. A file never is: another process may hold its lock.
#[test]
fn an_unusual_lock_file_does_not_matter() {
    each_row(
        &damages(),
        |row| row.0,
        |(_, damage)| {
            let (_server, env) = cached([other(), other()]);
            let path = env.cache_file("lock");
            damage(&path, b"not a lock");
            let found = fs::symlink_metadata(&path).unwrap();
            let expected = if found.is_file() { mode(&path) } else { 0o600 };
            let output = env.run(&["get", "--refresh"]);
            assert_eq!(output.exits(0).prints(&line(OTHER)).stderr, "");
            assert!(fs::symlink_metadata(&path).unwrap().is_file());
            assert_eq!(mode(&path), expected);
            env.run(&["get", "--refresh"]).exits(0);
        },
    );
}

#[test]
fn an_untrusted_failure_file_is_replaced() {
    each_row(
        &damages(),
        |row| row.0,
        |(name, damage)| {
            let limit = || Reply::http(429, "Retry-After: 600\r\n", "");
            let server = Server::replies([limit(), limit()]);
            let env = TestEnv::caching(&server);
            env.run(&["get"]).exits(6);
            let path = env.cache_file("failures");
            damage(&path, &fs::read(&path).unwrap());
            // It asks again, and remembers the limit again.
            let output = env.run(&["get", "-v"]);
            assert!(
                *name == "empty" || output.stderr.contains("is ignored"),
                "{output}"
            );
            output.exits(6);
            assert!(fs::symlink_metadata(&path).unwrap().is_file());
            assert_eq!(mode(&path), 0o600);
            env.run(&["get"]).exits(6);
        },
    );
}

#[test]
fn a_token_that_is_no_b64token_is_ignored() {
    for token in ["a\nb", "a b", "\u{1b}[31m", "", "$(id)"] {
        let (_server, env) = cached([other()]);
        env.edit("json", |entry| {
            entry["response"]["access_token"] = token.into()
        });
        env.run(&["get"]).exits(0).prints(&line(OTHER));
    }
}

/// The seal makes sure that no changed token is printed, whatever bit was flipped.
#[test]
fn random_changes_never_change_what_is_printed() {
    const CHANGES: usize = 100;
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let refusal = Reply::oauth_error(401, "invalid_client");
    let server = Server::lastly_always([refusal, Reply::token()]);
    let env = TestEnv::caching(&server);
    env.run(&["get"]).exits(4);
    env.run(&["get"]).exits(0);
    let files = ["json", "lock", "failures"].map(|suffix| env.cache_file(suffix));
    let good = files.each_ref().map(|path| fs::read(path).unwrap());
    let entry = &files[0];
    for number in 0..CHANGES {
        let which = random.usize(0..3);
        if which > 0 {
            // Else the other files are not read.
            fs::remove_file(entry).unwrap();
        }
        let change = change(&files[which], &good[which], &mut random);
        let output = env.quick_run(&["get"]);
        let context = format!(
            "number {number}, {change} {}: {output}",
            files[which].display()
        );
        assert_eq!(output.code, Some(0), "{context}");
        assert_eq!(
            (&*output.stdout, &*output.stderr),
            (&*line(TOKEN), ""),
            "{context}"
        );
        assert_eq!(mode(entry), 0o600, "{context}");
    }
    let requests = server.requests().len();
    env.run(&["get"]).exits(0);
    assert_eq!(server.requests().len(), requests, "the last entry is good");
}

/// Replaces a file by a random variation of its content, and describes it.
fn change(path: &Path, good: &[u8], random: &mut fastrand::Rng) -> String {
    let _ = fs::remove_file(path);
    let mut bytes = good.to_vec();
    let at = random.usize(0..=bytes.len());
    let way = random.usize(0..11);
    match way {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(..at)),
        2 => bytes[at..].fill(0),
        3 => bytes.insert(at, random.u8(..)),
        4 => bytes = iter::repeat_with(|| random.u8(..)).take(at).collect(),
        5 => bytes.extend_from_within(at..),
        6 => symlink("missing", path).unwrap(),
        // No file at all.
        7 => {}
        _ if !bytes.is_empty() => {
            for _ in 0..=random.usize(0..3) {
                let at = random.usize(0..bytes.len());
                bytes[at] ^= 1 << random.u8(0..8);
            }
        }
        _ => {}
    }
    if !matches!(way, 6 | 7) {
        let mode = if way == 8 { 0o644 } else { 0o600 };
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(mode).open(path);
        file.unwrap().write_all(&bytes).unwrap();
    }
    format!("way {way} at byte {at}")
}
