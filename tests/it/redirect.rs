//! Redirects are never followed, and how their targets are shown.

use crate::support::{Reply, Server, TestEnv, each_row};

const NOT_SHOWN: &str = "(not shown: it quotes the client secret)";

fn redirect(location: &str) -> Reply {
    Reply::http(302, &format!("Location: {location}\r\n"), "")
}

#[test]
fn a_redirect_is_not_followed_and_its_target_is_shown_without_userinfo_and_query() {
    for status in [300, 301, 302, 303, 305, 307, 308] {
        let target = Server::untouched();
        let location = target
            .url()
            .replacen("http://", "http://visitor:hunter2-hunter2@", 1);
        let headers = format!("Location: {location}/elsewhere?code=query-of-target\r\n");
        let server = Server::replies([Reply::http(status, &headers, "")]);
        let mut env = TestEnv::for_server(&server);
        env.secret("hunter2-hunter2").secret("query-of-target");
        let output = env.run(&["get"]);
        output.exits(7).says(&format!("status {status}"));
        output
            .says(&format!("it redirects to {}/elsewhere,", target.url()))
            .never_says("visitor");
    }
}

#[test]
fn odd_redirect_targets_are_shown_safely() {
    let rows = [
        ("/relative?q=hunter2-hunter2", "/relative,"),
        ("//host.invalid?q=hunter2-hunter2", "http://host.invalid/,"),
        ("", "it redirects to http://127.0.0.1"),
        ("http://[::1", "something that is not a URL"),
        (
            "https:visitor:hunter2-hunter2@host.invalid/x",
            "https://host.invalid/x,",
        ),
        ("javascript:alert(1)", "javascript:alert(1),"),
        (
            "https://login.a-long-company-name.invalid/common/oauth2",
            "login.a-long-company-name.invalid/common/oauth2,",
        ),
        ("https://host.invalid/##vso[x]", "https://host.invalid/,"),
        ("https://host.invalid/\u{202e}gpj", "did not return a token"),
        (
            "https://host.invalid/s3%2Bcr%2Ft%26%20%3D%25%22'%5Cpw~Zq9",
            NOT_SHOWN,
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(location, text)| {
            let server = Server::replies([redirect(location)]);
            let mut env = TestEnv::for_server(&server);
            let output = env.secret("hunter2-hunter2").run(&["get"]);
            output.exits(7).says(text).never_says("visitor");
        },
    );
}
