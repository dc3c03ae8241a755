//! What is stored: private, versioned files without the client secret.

use std::fs;

use serde_json::{Value, json};

use super::{OTHER, cached, line, other};
#[cfg(unix)]
use crate::support::mode;
use crate::support::{ID, Reply, SECRET, Server, TOKEN, TestEnv, each_row, needed};

#[test]
fn an_entry_is_versioned_json() {
    let (server, env) = cached([]);
    let entry: Value = serde_json::from_slice(&fs::read(env.cache_file("json")).unwrap()).unwrap();
    assert_eq!(entry["version"], 2);
    assert_eq!(entry["client_id"], ID);
    assert_eq!(
        entry["token_url"],
        format!("{}/v4.0/cells/connect/token", server.url())
    );
    assert_eq!(entry["response"]["access_token"], TOKEN);
    let names: Vec<_> = env.cache_files();
    assert_eq!(names.len(), 2, "an entry and a lock: {names:?}");
}

/// Every run of a `TestEnv` searches its files for the secret, in any encoding.
#[test]
fn a_secret_quoted_by_the_server_is_not_stored() {
    let quoting = |status, body: Value| Reply::json(status, body.to_string());
    let lasting = json!({ "access_token": "opaque", "expires_in": 3600 });
    let with = |name: &str, value: Value| {
        let mut body = lasting.clone();
        body[name] = value;
        body
    };
    let rows = [
        (
            "refused",
            4,
            quoting(
                401,
                json!({ "error": "invalid_client", "error_description": format!("no such secret: {SECRET}") }),
            ),
        ),
        ("unavailable", 6, Reply::text(503, "text/plain", SECRET)),
        (
            "nonsense",
            7,
            Reply::text(200, "text/html", format!("<p>{SECRET}")),
        ),
        (
            "in a member",
            0,
            quoting(200, with("client_secret", SECRET.into())),
        ),
        (
            "deep in a member",
            0,
            quoting(200, with("echo", json!([{ "of": format!("x{SECRET}y") }]))),
        ),
        (
            "in a member's name",
            0,
            quoting(200, with(&format!("k{SECRET}"), json!({ SECRET: 1 }))),
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, code, reply)| {
            let server = Server::always(reply.clone());
            let env = TestEnv::caching(&server);
            env.run_once(&["get"]).exits(*code);
            env.run_once(&["get", "-o", "json"]).exits(*code);
        },
    );
}

#[test]
fn a_secret_of_digits_is_stored_neither_as_a_name_nor_as_a_number() {
    let secret = "1234567890123456";
    let body = r#"{"access_token":"abc","expires_in":600,"k1234567890123456":"v","num":1234567890123456,"n":12.50}"#;
    let server = Server::replies([Reply::json(200, body)]);
    let mut env = TestEnv::caching(&server);
    env.var("CELLS_CLIENT_SECRET", secret);
    for _ in ["fetched", "cached"] {
        let output = env.run(&["get", "-o", "json"]);
        let kept = r#"{"access_token":"abc","expires_in":"#;
        assert!(output.stdout.starts_with(kept), "{output}");
        let cleaned = r#","[redacted]":"v","num":"[redacted]","n":12.50,"#;
        assert!(output.stdout.contains(cleaned), "{output}");
    }
}

#[test]
fn a_proxy_password_is_not_stored() {
    let proxy = Server::replies([Reply::oauth_error(401, "invalid_client")]);
    let server = Server::untouched();
    let mut env = TestEnv::caching(&server);
    env.secret("pr0xy-passw0rd");
    let url = proxy.url().replace("//", "//user:pr0xy-passw0rd@");
    let output = env.run_once(&["get", "-v", "--proxy", &url]);
    assert_ne!(output.code, Some(0), "{output}");
}

#[cfg(unix)]
#[test]
fn directories_and_files_are_private_whatever_the_umask() {
    for umask in ["000", "022", "077"] {
        let server = Server::replies([Reply::token(), Reply::oauth_error(401, "invalid_client")]);
        let env = TestEnv::caching(&server);
        fs::remove_dir(env.path("../home/.cache")).unwrap();
        let script = format!("umask {umask}; cells-token get; cells-token get --refresh");
        env.sh_as_anyone(&script).prints(&line(TOKEN)).exits(4);
        let mut places: Vec<_> = env.cache_files();
        assert_eq!(places.len(), 3, "umask {umask}: {places:?}");
        places.extend([env.cache_dir(), env.path("../home/.cache")]);
        for place in places {
            let expected = if place.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode(&place), expected, "umask {umask}: {}", place.display());
        }
    }
}

/// The system call that creates a file or directory sets its mode, and no other changes it.
#[cfg(target_os = "linux")]
#[test]
fn files_are_created_private() {
    let server = Server::replies([Reply::token()]);
    let env = TestEnv::caching(&server);
    if env.sh("command -v strace >/dev/null").code != Some(0) {
        return needed("files_are_created_private", "strace");
    }
    let traced = "open,openat,openat2,creat,mkdir,mkdirat,/ch(mod|own)";
    let script = format!("strace -f -qq -o calls -e 'trace={traced}' cells-token get");
    env.sh(&script).exits(0).prints(&line(TOKEN));
    let calls = fs::read_to_string(env.path("calls")).unwrap();
    let made = |call: &&str| call.contains("O_CREAT") || call.contains("mkdir");
    let made: Vec<_> = calls.lines().filter(made).collect();
    for (what, mode, count) in [("O_CREAT", ", 0600)", 2), ("mkdir", ", 0700)", 1)] {
        let made: Vec<_> = made.iter().filter(|call| call.contains(what)).collect();
        let private = made.iter().filter(|call| call.contains(mode)).count();
        assert_eq!(private, made.len(), "{made:#?}");
        assert!(private >= count, "{calls}");
    }
    assert!(
        !calls.contains("chmod") && !calls.contains("chown"),
        "{calls}"
    );
}

#[test]
fn no_temporary_file_remains() {
    let server = Server::replies([Reply::token(), Reply::oauth_error(401, "invalid_client")]);
    let env = TestEnv::caching(&server);
    env.run(&["get"]).exits(0);
    env.run(&["get", "--refresh"]).exits(4);
    for extension in ["json", "lock", "failures"] {
        env.cache_file(extension);
    }
    assert_eq!(env.cache_files().len(), 3, "{:?}", env.cache_files());
}

#[test]
fn each_entry_has_a_new_salt() {
    let (_server, env) = cached([Reply::token()]);
    let salt = || {
        let entry: Value =
            serde_json::from_slice(&fs::read(env.cache_file("json")).unwrap()).unwrap();
        entry["salt"].clone()
    };
    let first = salt();
    env.run(&["get", "--refresh"]).exits(0);
    assert_ne!(salt(), first);
}

/// A killed process leaves one behind, with a token in it.
#[test]
fn a_temporary_file_is_removed_by_the_next_write_or_forget() {
    let rows = [
        (
            "the next write",
            ["get", "--refresh"].as_slice(),
            ".json.new~",
        ),
        ("forget", &["forget"], ".json.new~"),
        (
            "forget of a write without the lock",
            &["forget"],
            ".json.new~AbCdEf",
        ),
        (
            "forget of a failure",
            &["forget", "--all"],
            ".failures.new~",
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, args, suffix)| {
            let (_server, env) = cached(if args[0] == "get" {
                vec![other()]
            } else {
                vec![]
            });
            let entry = env.cache_file("json");
            let digest = entry.file_stem().unwrap().to_str().unwrap();
            let left = env.cache_dir().join(format!("{digest}{suffix}"));
            fs::copy(&entry, &left).unwrap();
            env.run(args).exits(0);
            assert!(!left.exists(), "{:?}", env.cache_files());
            if args[0] == "get" {
                env.run(&["get"]).prints(&line(OTHER));
            }
        },
    );
}
