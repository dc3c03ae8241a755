//! Where the cache is, and when it is off.

use std::fs;

#[cfg(unix)]
use super::{NOBODY, is_root, set_mode};
use super::{OTHER, cached, line, other};
use crate::support::{Reply, Server, TOKEN, TestEnv};
#[cfg(unix)]
use crate::support::{each_row, mode, skipped};

#[test]
fn no_cache_neither_reads_nor_writes() {
    let (_server, mut env) = cached([other(), other(), other()]);
    let before = fs::read(env.cache_file("json")).unwrap();
    env.run(&["get", "--no-cache"]).prints(&line(OTHER));
    env.run(&["get", "--no-cache", "--refresh"])
        .prints(&line(OTHER));
    env.var("CELLS_NO_CACHE", "1");
    env.run(&["get"]).prints(&line(OTHER));
    assert_eq!(fs::read(env.cache_file("json")).unwrap(), before);
    for no in ["0", "false", "no", ""] {
        env.var("CELLS_NO_CACHE", no);
        env.run(&["get"]).prints(&line(TOKEN));
    }
    let server = Server::replies([Reply::token()]);
    let env = TestEnv::for_server(&server);
    env.run(&["get"]).exits(0);
    assert!(!env.cache_dir().exists());
}

#[test]
fn the_cache_directory_is_set_by_option_or_variable() {
    let (_server, mut env) = cached([other()]);
    env.var("CELLS_CACHE_DIR", env.path("by/variable"));
    env.run(&["get"]).prints(&line(OTHER));
    env.run(&["get"]).prints(&line(OTHER));
    assert_eq!(fs::read_dir(env.path("by/variable")).unwrap().count(), 2);
    let usual = env.cache_dir();
    env.run(&["get", "--cache-dir", usual.to_str().unwrap()])
        .prints(&line(TOKEN));
    env.var("CELLS_CACHE_DIR", "");
    env.run(&["get"]).prints(&line(TOKEN));
}

#[test]
fn a_relative_cache_directory_is_below_the_working_directory() {
    let server = Server::replies([Reply::token()]);
    let env = TestEnv::caching(&server);
    env.run(&["get", "--cache-dir", "here"]).exits(0);
    assert!(env.path("here").is_dir());
    env.run(&["get", "--cache-dir", "here"]).exits(0);
}

#[test]
fn an_empty_cache_directory_is_a_usage_error() {
    let server = Server::untouched();
    let env = TestEnv::caching(&server);
    env.run(&["get", "--cache-dir", ""])
        .exits(2)
        .says("--cache-dir");
    assert_eq!(fs::read_dir(env.path("")).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn existing_directories_keep_their_permissions() {
    let server = Server::replies([Reply::token()]);
    let env = TestEnv::caching(&server);
    fs::create_dir_all(env.cache_dir()).unwrap();
    let places = [env.cache_dir(), env.path("../home/.cache")];
    for place in &places {
        set_mode(place, 0o755);
    }
    env.run(&["get"]).exits(0);
    env.run(&["get"]).exits(0);
    for place in &places {
        assert_eq!(mode(place), 0o755, "{}", place.display());
    }
}

#[cfg(unix)]
#[test]
fn a_directory_of_another_user_turns_the_cache_off_with_a_warning() {
    let rows = [
        ("another owner's", "belongs to another user"),
        ("a file", "is not a folder"),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(name, why)| {
            if *name == "another owner's" && !is_root() {
                return skipped(name, "root to give a directory away");
            }
            let server = Server::replies([Reply::token(), Reply::token()]);
            let env = TestEnv::caching(&server);
            let dir = env.cache_dir();
            fs::create_dir_all(dir.parent().unwrap()).unwrap();
            if *name == "a file" {
                fs::write(&dir, "").unwrap();
            } else {
                fs::create_dir(&dir).unwrap();
                std::os::unix::fs::chown(&dir, Some(NOBODY), None).unwrap();
            }
            let output = env.run(&["get"]);
            output.exits(0).prints(&line(TOKEN));
            output
                .says("cells-token: warning: the cache is off")
                .says(why);
            assert_eq!(env.run(&["get", "-q"]).stderr, "");
            assert!(env.cache_files().is_empty(), "{:?}", env.cache_files());
        },
    );
}

#[cfg(target_os = "linux")]
#[test]
fn without_a_home_directory_the_cache_is_off() {
    if !is_root() {
        return skipped(
            "a run without a home directory",
            "root to become another user",
        );
    }
    let server = Server::replies([Reply::token(), Reply::token()]);
    let env = TestEnv::caching(&server);
    for options in ["", "-v"] {
        let script = format!("unset HOME XDG_CACHE_HOME; cells-token get {options}");
        let output = env.sh_as(54_321, &script);
        output.exits(0).prints(&line(TOKEN)).never_says("warning");
        assert_eq!(
            output.stderr.contains("the cache is off"),
            options == "-v",
            "{output}"
        );
    }
}

/// As `sudo` may leave it: root with the HOME of a user, or a cache directory of a user.
#[cfg(target_os = "linux")]
#[test]
fn the_default_location_must_belong_to_the_user_who_runs_it() {
    if !is_root() {
        return skipped("a home of another user", "root to give a directory away");
    }
    let give = "chown nobody $HOME";
    let rows = [
        ("own", "true", true),
        ("another user's", give, false),
        (
            "another user's, for XDG",
            "unset XDG_CACHE_HOME; chown nobody $HOME",
            false,
        ),
        ("missing", "rm -r $HOME; unset XDG_CACHE_HOME", false),
        (
            "a file",
            "rm -r $HOME; touch $HOME; unset XDG_CACHE_HOME",
            false,
        ),
        (
            "relative",
            "HOME=home; unset XDG_CACHE_HOME; mkdir home",
            false,
        ),
        (
            "another user's cache directory",
            "chown nobody $XDG_CACHE_HOME",
            false,
        ),
        (
            "below a file",
            "rm -r $XDG_CACHE_HOME; touch $XDG_CACHE_HOME",
            false,
        ),
        (
            "a missing cache directory",
            "XDG_CACHE_HOME=$HOME/a/b",
            true,
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, prepare, is_cached)| {
            let server = Server::replies([Reply::token()]);
            let env = TestEnv::caching(&server);
            let list = "ls -AR . .. $HOME 2>/dev/null | grep -c '[.]json$'";
            let output = env.sh(&format!("{prepare}; cells-token get -v; {list}"));
            let count = if *is_cached { 2 } else { 0 };
            output.prints(&format!("{TOKEN}\n{count}\n"));
            output.never_says("warning");
            assert_eq!(
                !output.stderr.contains("the cache is off"),
                *is_cached,
                "{output}"
            );
        },
    );
    let server = Server::replies([Reply::token()]);
    let env = TestEnv::caching(&server);
    let output = env.sh(&format!("{give}; cells-token get; cells-token status"));
    output.exits(0);
    assert!(
        output.stdout.contains("belongs to another user"),
        "{output}"
    );
    assert_eq!(output.stderr, "");
}

#[test]
fn an_unexpanded_cache_directory_is_a_usage_error() {
    let rows = [
        ("--cache-dir", "~"),
        ("--cache-dir", "~/tokens"),
        ("CELLS_CACHE_DIR", "~user/tokens"),
        ("CELLS_CACHE_DIR", "$HOME/tokens"),
        ("CELLS_CACHE_DIR", "${XDG_CACHE_HOME}"),
    ];
    for (source, dir) in rows {
        let server = Server::untouched();
        let mut env = TestEnv::caching(&server);
        let args = match source {
            "--cache-dir" => vec!["get", source, dir],
            variable => {
                env.var(variable, dir);
                vec!["get"]
            }
        };
        env.run(&args).exits(2).says(source).hints(source);
        assert_eq!(fs::read_dir(env.path("")).unwrap().count(), 0);
    }
}
