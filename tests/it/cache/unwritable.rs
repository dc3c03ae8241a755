//! The token is printed although it cannot be cached.
#![cfg(unix)]

use std::fs;

use super::{OTHER, cached, line, other};
use crate::support::{Reply, Server, TOKEN, TestEnv, each_row, skipped};

/// A warning if the directory was named, else a note under `-v`.
#[test]
fn the_token_is_printed_if_the_cache_cannot_be_written() {
    let rows = [
        ("read-only", "chmod 500 $CACHE"),
        ("without rights", "chmod 0 $CACHE"),
        (
            "below a read-only one",
            "rm -r $CACHE; chmod 500 $HOME/.cache",
        ),
        ("a link to nowhere", "rm -r $CACHE; ln -s no/where $CACHE"),
        ("no file may grow", "ulimit -f 0"),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, prepare)| {
            let get = |options: &str| {
                let server = Server::replies([Reply::token()]);
                let mut env = TestEnv::caching(&server);
                let dir = env.cache_dir();
                fs::create_dir_all(&dir).unwrap();
                env.var("CACHE", &dir);
                let output = env.sh_as_anyone(&format!("{prepare}; cells-token get {options}"));
                output.exits(0).prints(&line(TOKEN));
                let files = env.cache_files();
                let kept = files
                    .iter()
                    .find(|file| fs::metadata(file).is_ok_and(|file| file.len() > 0));
                assert_eq!(kept, None);
                output
            };
            assert_eq!(get("").stderr, "");
            get("-v")
                .never_says("warning")
                .says("cache: ")
                .says("cannot be");
            get("--cache-dir $CACHE").says("cells-token: warning: cache: ");
            assert_eq!(get("-q --cache-dir $CACHE").stderr, "");
        },
    );
}

/// On a disk of 16 KiB in a mount namespace of its own.
#[cfg(target_os = "linux")]
#[test]
fn on_a_full_disk_the_token_is_printed_and_the_old_one_removed() {
    let server = Server::replies([Reply::token(), other(), other()]);
    let env = TestEnv::caching(&server);
    let script = "mkdir disk && mount -t tmpfs -o size=16k none disk 2>/dev/null || exit 99
        export CELLS_CACHE_DIR=disk
        cells-token get && chmod 700 disk
        dd if=/dev/zero of=disk/full bs=4k count=4 status=none 2>/dev/null
        cells-token get --refresh && ls -A disk && cells-token get";
    fs::write(env.path("script"), script).unwrap();
    let output = env.sh("unshare -m sh script");
    if output.code == Some(99) || output.stdout.is_empty() {
        for _ in 0..3 {
            env.run(&["get", "--no-cache"]);
        }
        return skipped("on_a_full_disk", "mount namespaces");
    }
    output
        .exits(0)
        .says("warning: cache: ")
        .says("cannot be written");
    let printed: Vec<_> = output
        .stdout
        .lines()
        .filter(|line| !line.ends_with(".lock"))
        .collect();
    assert_eq!(printed, [TOKEN, OTHER, "full", OTHER]);
}

/// `ulimit -f 0` sends SIGXFSZ, which by default ends the process.
#[test]
fn a_file_size_limit_costs_no_token_and_holds_for_the_command_of_run() {
    let server = Server::replies([Reply::token(), Reply::token(), Reply::token()]);
    let mut env = TestEnv::caching(&server);
    env.sh("ulimit -f 0; cells-token get")
        .exits(0)
        .prints(&line(TOKEN));
    env.sh("ulimit -f 0; cells-token get >token")
        .exits(1)
        .says("standard output");
    env.var("CELLS_NO_CACHE", "1");
    let script = "ulimit -f 0; cells-token run -- sh -c 'echo x >token'; echo $? >&2";
    // 128 + SIGXFSZ: the shell says so too.
    assert!(env.sh(script).stderr.ends_with("153\n"));
}

/// It may be somebody's data, and an empty lock file would not help either.
#[test]
fn a_directory_in_the_place_of_a_cache_file_is_left_alone() {
    each_row(
        &["json", "lock", "failures"],
        |row| row,
        |suffix| {
            let limit = Reply::http(429, "Retry-After: 1\r\n", "");
            let (_server, env) = cached([limit, other(), other()]);
            env.run_once(&["get", "--refresh"]).exits(6);
            let path = env.cache_file(suffix);
            fs::remove_file(&path).unwrap();
            fs::create_dir(&path).unwrap();
            fs::write(path.join("file"), "").unwrap();
            let output = env.run(&["get", "--refresh"]);
            assert_eq!(output.exits(0).prints(&line(OTHER)).stderr, "");
            env.run(&["forget"]).exits(0);
            env.run(&["get", "-v"]).prints(&line(OTHER));
            assert!(path.join("file").exists());
        },
    );
}

/// As on vfat or SMB: the token would be readable by every user.
#[cfg(target_os = "linux")]
#[test]
fn nothing_is_cached_where_every_file_is_public() {
    let server = Server::replies([Reply::token(), Reply::token()]);
    let env = TestEnv::caching(&server);
    // ntfs-3g and vfat show mode 0777 for every file.
    let script = "truncate -s 2M image && mkfs.vfat image >/dev/null 2>&1 && mkdir -p fat \
            && mount -o loop,umask=000 image fat 2>/dev/null || exit 99
        export CELLS_CACHE_DIR=fat
        cells-token get && cells-token get -q && cells-token status && find fat -size +0 -type f";
    fs::write(env.path("script"), script).unwrap();
    let output = env.sh("unshare -m sh script");
    if output.code == Some(99) || output.stdout.is_empty() {
        for _ in 0..2 {
            env.run(&["get", "--no-cache"]);
        }
        return skipped("nothing_is_cached_where_every_file_is_public", "vfat");
    }
    output.exits(0).says("readable by other users");
    assert!(
        output
            .stdout
            .contains("other users can read every file there"),
        "{output}"
    );
    assert!(!output.stdout.contains("fat/"), "{output}");
}
