//! The client secret from a file or standard input: encodings, line breaks, and files that cannot be read or never end.

use std::time::Duration;

use crate::support::{ID, Reply, SECRET, Server, TestEnv, each_row};

/// What a secret file or standard input may hold, and the secret it is.
const GOOD_FILES: &[(&str, &str, &str)] = &[
    ("no line break", SECRET, SECRET),
    ("LF", "secret-of-file\n", "secret-of-file"),
    ("CRLF", "secret-of-file\r\n", "secret-of-file"),
    ("blanks around", " secret of file \n", " secret of file "),
    ("another script", "пароль-из-файла\n", "пароль-из-файла"),
    (
        "a UTF-8 byte order mark",
        "\u{feff}secret-of-file\r\n",
        "secret-of-file",
    ),
];

/// What they must not hold.
const BAD_FILES: &[(&str, &[u8])] = &[
    ("nothing", b""),
    ("a line break alone", b"\n"),
    ("two LF at the end", b"secret-of-file\n\n"),
    ("an inner line break", b"secret-of\nfile-file"),
    ("an inner CRLF", b"secret-of\r\nfile-file\r\n"),
    ("NUL within", b"secret-of\0file-file"),
    ("NUL at the end", b"secret-of-file\0"),
    ("bytes that are not text", b"secret-of-file\xFF"),
    ("UTF-16 without a byte order mark", b"s\0e\0c\0r\0e\0t\0"),
    ("half a UTF-16 character", b"\xFF\xFEs\0e"),
    ("a byte order mark alone", b"\xFF\xFE"),
];

#[test]
fn a_secret_file_is_read_by_option_and_variable() {
    each_row(
        GOOD_FILES,
        |row| row.0,
        |(_, contents, secret)| {
            let server = Server::replies([Reply::token(), Reply::token()]);
            let mut env = TestEnv::new();
            env.secret(secret)
                .var("CELLS_CLIENT_ID", ID)
                .var("CELLS_BASE_URL", server.url());
            let file = env.file("the-file", contents);
            env.run(&["get", "--client-secret-file", &file]).exits(0);
            env.var("CELLS_CLIENT_SECRET_FILE", &file)
                .run(&["get"])
                .exits(0);
            for request in server.requests() {
                assert_eq!(request.field("client_secret").unwrap(), *secret);
            }
        },
    );
}

#[test]
fn a_relative_secret_file_is_below_the_working_folder() {
    let server = Server::replies([Reply::token()]);
    let mut env = TestEnv::new();
    env.file("the-file", SECRET);
    env.run(&[
        "get",
        "--base-url",
        server.url(),
        "--client-id",
        ID,
        "--client-secret-file",
        "the-file",
    ])
    .exits(0);
    assert_sent(&server, ID, SECRET);
}

#[test]
fn standard_input_is_a_secret_file() {
    each_row(
        GOOD_FILES,
        |row| row.0,
        |(_, contents, secret)| {
            let server = Server::replies([Reply::token(), Reply::token()]);
            let mut env = TestEnv::new();
            env.secret(secret)
                .var("CELLS_CLIENT_ID", ID)
                .var("CELLS_BASE_URL", server.url());
            env.run_with_stdin(&["get", "--client-secret-file", "-"], contents.as_bytes())
                .exits(0);
            env.var("CELLS_CLIENT_SECRET_FILE", "-");
            env.run_with_stdin(&["get"], contents.as_bytes()).exits(0);
            for request in server.requests() {
                assert_eq!(request.field("client_secret").unwrap(), *secret);
            }
        },
    );
}

#[test]
fn standard_input_is_left_alone_unless_asked_for() {
    let server = Server::replies([Reply::token()]);
    let mut env = TestEnv::for_server(&server);
    let output = env.secret("not-for-cells-token").sh("echo not-for-cells-token | { cells-token get >token && read line && [ \"$line\" = not-for-cells-token ]; }");
    output.exits(0);
}

#[test]
fn a_bad_secret_file_is_exit_2_and_named() {
    each_row(
        BAD_FILES,
        |row| row.0,
        |(_, contents)| {
            let server = Server::untouched();
            let mut env = TestEnv::new();
            env.secret("secret-of-file")
                .secret("secret-of")
                .secret("file-file");
            env.var("CELLS_CLIENT_ID", ID)
                .var("CELLS_BASE_URL", server.url());
            let file = env.file("the-file", contents);
            env.run(&["get", "--client-secret-file", &file])
                .exits(2)
                .says("the-file");
            env.run_with_stdin(&["get", "--client-secret-file", "-"], contents)
                .exits(2)
                .mentions("standard input");
            env.var("CELLS_CLIENT_SECRET_FILE", &file)
                .run(&["get"])
                .exits(2)
                .says("the-file");
        },
    );
}

#[test]
fn a_secret_file_that_cannot_be_read_is_exit_2_and_named() {
    let mut env = TestEnv::new();
    env.var("CELLS_CLIENT_ID", ID);
    let folder = env.path("a-folder");
    std::fs::create_dir(&folder).unwrap();
    for path in ["no-such-file", "no-such-folder/file", "a-folder"] {
        env.run(&["get", "--client-secret-file", path])
            .exits(2)
            .says(path);
    }
    env.run(&["get", "--client-secret-file", ""])
        .exits(2)
        .says("--client-secret-file");
    env.var("CELLS_CLIENT_SECRET_FILE", "no-such-file")
        .run(&["get"])
        .exits(2)
        .says("no-such-file");
}

#[cfg(unix)]
#[test]
fn a_secret_file_without_permission_is_exit_2() {
    use std::os::unix::fs::PermissionsExt;
    let mut env = TestEnv::new();
    let file = env.file("the-file", SECRET);
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o000)).unwrap();
    // root reads it all the same.
    if std::fs::read(&file).is_err() {
        env.run(&["get", "--client-id", ID, "--client-secret-file", &file])
            .exits(2)
            .says("the-file");
    }
}

#[cfg(unix)]
#[test]
fn a_secret_comes_through_a_pipe_with_a_name() {
    let server = Server::replies([Reply::token()]);
    let mut env = TestEnv::for_server(&server);
    env.var("MINE", SECRET).var("CELLS_CLIENT_SECRET", "");
    env.sh("mkfifo pipe && { printf '%s\\n' \"$MINE\" >pipe & cells-token get --client-secret-file pipe; }").exits(0);
    assert_sent(&server, ID, SECRET);
}

/// What Windows PowerShell's `>` writes.
#[test]
fn utf_16_with_a_byte_order_mark_is_decoded() {
    let utf16 = |unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let text = format!("\u{feff}{SECRET}\r\n");
        text.encode_utf16().flat_map(unit).collect()
    };
    for contents in [utf16(u16::to_le_bytes), utf16(u16::to_be_bytes)] {
        let server = Server::replies([Reply::token(), Reply::token()]);
        let mut env = TestEnv::new();
        env.var("CELLS_CLIENT_ID", ID)
            .var("CELLS_BASE_URL", server.url());
        let file = env.file("the-file", &contents);
        env.run(&["get", "--client-secret-file", &file]).exits(0);
        env.run_with_stdin(&["get", "--client-secret-file", "-"], &contents)
            .exits(0);
        for request in server.requests() {
            assert_eq!(request.field("client_secret").unwrap(), SECRET);
        }
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_never_ends_is_given_up_at_the_timeout_or_the_size_limit() {
    for (script, said) in [
        // Nobody opens it for writing.
        (
            "mkfifo pipe; cells-token get --timeout 500ms --client-secret-file pipe",
            "did not end",
        ),
        // The writer never closes it.
        (
            "mkfifo pipe; sleep 20 >pipe & cells-token get --timeout 500ms --client-secret-file pipe; s=$?; kill $!; exit $s",
            "did not end",
        ),
        (
            "cells-token get --client-secret-file /dev/zero",
            "longer than 64 KiB",
        ),
        (
            "cells-token get --client-secret-file - </dev/zero",
            "longer than 64 KiB",
        ),
    ] {
        let mut env = TestEnv::new();
        let output = env.var("CELLS_CLIENT_ID", ID).sh(script);
        output.exits(2).says(said);
        assert!(output.elapsed < Duration::from_secs(10), "{output}");
    }
}

#[track_caller]
fn assert_sent(server: &Server, id: &str, secret: &str) {
    let request = server.request();
    assert_eq!(request.field("client_id").as_deref(), Some(id));
    assert_eq!(request.field("client_secret").as_deref(), Some(secret));
}

/// It would show the secret as it is typed.
#[cfg(unix)]
#[test]
fn standard_input_that_is_a_terminal_is_exit_2() {
    let server = Server::untouched();
    let mut env = TestEnv::for_server(&server);
    env.var("CELLS_CLIENT_SECRET", "");
    let script = "cells-token get --client-secret-file -; echo status $?";
    let mut terminal = env.terminal("sh", script);
    terminal
        .wait_for("standard input is a terminal")
        .wait_for("status 2");
    terminal.finish();
}
