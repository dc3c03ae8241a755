//! `sandbox`: its token endpoint, the environment of its command, and the cleanup.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::support::serving::{Answer, basic};
use crate::support::{TestEnv, each_row, program};

/// Time limit for every wait.
const LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(5);

#[test]
fn a_token_without_an_account() {
    let output = TestEnv::new().run(&["sandbox", "--", "cells-token", "get"]);
    let token = output.exits(0).stdout.trim_end();
    assert_eq!(output.stderr, "");
    assert!(
        (700..=1500).contains(&token.len()),
        "{} characters",
        token.len()
    );
    assert_eq!(part(token, 0)["alg"], "HS256");
    let claims = part(token, 1);
    assert_eq!(claims["iss"], "cells-token-sandbox");
    for name in ["sub", "client_id", "jti"] {
        assert!(
            claims[name].as_str().is_some_and(|text| !text.is_empty()),
            "{name} in {claims}"
        );
    }
    for name in ["aud", "scope"] {
        assert!(
            claims[name].as_array().is_some_and(|list| list.len() > 1),
            "{name} in {claims}"
        );
    }
    let seconds = |name: &str| claims[name].as_i64().unwrap();
    assert_eq!(seconds("nbf"), seconds("iat"));
    assert_eq!(seconds("exp") - seconds("iat"), 3600);
}

#[test]
fn expires_in_sets_the_lifetime() {
    for (text, seconds) in [("90", 90), ("1h30m", 5400), ("0", 0), ("500ms", 0)] {
        let output = TestEnv::new().run(&[
            "sandbox",
            "--expires-in",
            text,
            "--",
            "cells-token",
            "get",
            "-o",
            "json",
        ]);
        let answer = output.json();
        let claims = part(answer["access_token"].as_str().unwrap(), 1);
        assert_eq!(
            claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
            seconds,
            "{text}"
        );
        let remaining = answer["expires_in"].as_i64().unwrap();
        assert!(
            (seconds - 2..=seconds).contains(&remaining),
            "{text}: {remaining}"
        );
    }
}

#[test]
fn each_sandbox_has_new_credentials() {
    let print = "echo $CELLS_CLIENT_ID; echo $CELLS_CLIENT_SECRET";
    let [a, b] = [(), ()].map(|()| {
        TestEnv::new()
            .sh(&format!("cells-token sandbox -- sh -c '{print}'"))
            .stdout
    });
    for (a, b) in a.lines().zip(b.lines()) {
        assert!(a.len() >= 16 && a != b, "{a} and {b}");
    }
}

/// The environment of the command, started from one full of other credentials, URLs and proxies.
#[test]
fn the_command_inherits_no_credentials_urls_or_proxies() {
    let mut env = TestEnv::new();
    let gone = [
        "CELLS_CLIENT_SECRET_FILE",
        "CELLS_TOKEN_URL",
        "CellsCloudClientId",
        "CellsCloudClientSecret",
        "CellsCloudApiBaseUrl",
        "ProductClientId",
        "ProductClientSecret",
        "ASPOSE_CLIENT_ID",
        "ASPOSE_CLIENT_SECRET",
        "ASPOSE_CLOUD_CLIENT_ID",
        "ASPOSE_CLOUD_CLIENT_SECRET",
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "NO_PROXY",
        "no_proxy",
    ];
    let replaced = [
        "CELLS_CLIENT_ID",
        "CELLS_CLIENT_SECRET",
        "CELLS_BASE_URL",
        "CELLS_CACHE_DIR",
    ];
    let kept = [
        "CI",
        "CELLS_NO_INPUT",
        "CELLS_TIMEOUT",
        "SSL_CERT_FILE",
        "HOME",
        "TERM",
    ];
    for name in gone.iter().chain(&replaced) {
        env.var(name, "outside-outside");
    }
    env.var("CI", "1")
        .var("CELLS_NO_INPUT", "1")
        .var("SSL_CERT_FILE", "/dev/null")
        .var("CELLS_TIMEOUT", "7s");
    let inside = env.run(&["sandbox", "--", "env"]);
    let value = |name: &str| {
        let mut lines = inside.stdout.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
    };
    for name in gone {
        assert_eq!(value(name), None, "{name}");
    }
    for name in replaced {
        assert_ne!(value(name).unwrap(), "outside-outside", "{name}");
    }
    for name in kept {
        assert!(value(name).is_some(), "{name}");
    }
    env.run(&["sandbox", "--", "cells-token", "get"]).exits(0);
}

/// Reads the table in the source, so that a new variable is covered.
#[test]
fn every_variable_for_credentials_and_urls_is_replaced_or_removed() {
    let source = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/env.rs")).unwrap();
    let (_, table) = source.split_once("\nvariables! {").unwrap();
    let (table, _) = table.split_once("\n}").unwrap();
    let names: Vec<&str> = table.split('"').skip(1).step_by(4).collect();
    assert!(
        names.len() >= 19 && names.contains(&"CELLS_CLIENT_ID"),
        "{names:?}"
    );
    // Too short to be taken for a secret.
    const OUTSIDE: &str = "out";
    let mut env = TestEnv::new();
    for name in &names {
        env.var(name, OUTSIDE);
    }
    let inside = env.run(&["sandbox", "--", "env"]);
    for line in inside.exits(0).stdout.lines() {
        if let Some((name, OUTSIDE)) = line.split_once('=') {
            let name = name.to_lowercase();
            let tells = ["client", "secret", "url", "proxy", "cache_dir"];
            assert!(!tells.iter().any(|word| name.contains(word)), "{name}");
        }
    }
}

#[cfg(unix)]
#[test]
fn the_first_cells_token_on_path_is_this_one() {
    let output =
        TestEnv::new().sh("cells-token sandbox -- sh -c 'readlink $(command -v cells-token)'");
    let program = fs::canonicalize(program()).unwrap();
    output.exits(0).prints(&format!("{}\n", program.display()));
}

#[cfg(unix)]
#[test]
fn its_directory_is_private_and_deleted_afterwards() {
    let env = TestEnv::new();
    let script = "umask 0; cells-token sandbox -- sh -c '
        cells-token get > /dev/null; touch $TMPDIR/cells-token-sandbox-*/cache-or-not
        stat -c %a $TMPDIR/cells-token-sandbox-*; dirname $CELLS_CACHE_DIR'";
    let output = env.sh(script);
    let (mode, folder) = output.exits(0).stdout.trim_end().split_once('\n').unwrap();
    assert_eq!(mode, "700");
    assert!(!PathBuf::from(folder).exists(), "{folder}");
    assert_eq!(leftovers(&env), Vec::<PathBuf>::new());
}

#[cfg(unix)]
#[test]
fn the_commands_status_is_passed_on() {
    let rows = [
        ("success", "exit 0", 0),
        ("failure", "exit 1", 1),
        ("one of our own", "exit 125", 125),
        ("the greatest", "exit 255", 255),
        ("SIGTERM", "kill -TERM $$", 128 + 15),
        ("SIGKILL", "kill -KILL $$", 128 + 9),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, script, code)| {
            let env = TestEnv::new();
            let output = env.sh(&format!("cells-token sandbox -- sh -c '{script}'"));
            output.exits(*code).prints("");
            assert_eq!(output.stderr, "");
            assert_eq!(leftovers(&env), Vec::<PathBuf>::new());
        },
    );
}

#[cfg(unix)]
#[test]
fn its_own_failures_are_125_and_a_command_that_cannot_start_126_or_127() {
    let no_tmp = "TMPDIR=$PWD/missing cells-token sandbox -- true";
    let rows = [
        (
            "a bad duration",
            "cells-token sandbox --expires-in soon -- true",
            125,
            "--expires-in",
        ),
        (
            "no status",
            "cells-token sandbox --respond 503, -- true",
            125,
            "--respond",
        ),
        (
            "a status below 200",
            "cells-token sandbox --respond 199 -- true",
            125,
            "--respond",
        ),
        (
            "a status above 599",
            "cells-token sandbox --respond 600 -- true",
            125,
            "--respond",
        ),
        (
            "a word for a status",
            "cells-token sandbox --respond teapot -- true",
            125,
            "--respond",
        ),
        (
            "an unknown option",
            "cells-token sandbox --nonsense",
            125,
            "unknown option",
        ),
        (
            "a command without --",
            "cells-token sandbox true",
            125,
            "put -- before",
        ),
        (
            "nowhere to make its folder",
            no_tmp,
            125,
            "private directory",
        ),
        (
            "a file that is no program",
            "cells-token sandbox -- /etc/passwd",
            126,
            "/etc/passwd",
        ),
        ("a folder", "cells-token sandbox -- /etc", 126, "/etc"),
        (
            "no such file",
            "cells-token sandbox -- ./nothing",
            127,
            "./nothing",
        ),
        (
            "nothing on PATH",
            "cells-token sandbox -- nothing-like-it",
            127,
            "nothing-like-it",
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, script, code, text)| {
            let env = TestEnv::new();
            let output = env.sh(script);
            output
                .exits(*code)
                .prints("")
                .says("cells-token: error: ")
                .says(text)
                .says("hint: ");
            assert_eq!(leftovers(&env), Vec::<PathBuf>::new());
        },
    );
}

#[cfg(unix)]
#[test]
fn without_a_command_it_runs_the_users_shell() {
    let mut env = TestEnv::new();
    let input = b"cells-token get >/dev/null && echo in-the-shell-$0";
    for (shell, output) in [
        ("/bin/bash", "in-the-shell-/bin/bash\n"),
        ("", "in-the-shell-/bin/sh\n"),
    ] {
        env.var("SHELL", shell);
        let loud = env.run_with_stdin(&["sandbox"], input);
        loud.exits(0)
            .prints(output)
            .says("http://127.0.0.1:")
            .says("exit");
        assert_eq!(loud.stderr.lines().count(), 1, "{loud}");
        let quiet = env.run_with_stdin(&["sandbox", "-q"], input);
        assert_eq!(quiet.exits(0).prints(output).stderr, "");
    }
}

#[cfg(unix)]
#[test]
fn the_command_handles_ctrl_c() {
    let env = TestEnv::new();
    let command = r#"trap "exit 5" INT; echo ready; while :; do sleep 0.1; done"#;
    let mut terminal = env.terminal(
        "sh",
        &format!("exec cells-token sandbox -- sh -c '{command}'"),
    );
    terminal
        .wait_for("ready")
        .press(crate::support::Terminal::CTRL_C);
    assert_eq!(terminal.finish().code, Some(5));
    assert_eq!(leftovers(&env), Vec::<PathBuf>::new());
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_if_the_command_ends() {
    let env = TestEnv::new();
    let script = "exec cells-token sandbox -- sh -c 'echo ready; exec sleep 20'";
    let mut terminal = env.terminal("sh", script);
    terminal
        .wait_for("ready")
        .press(crate::support::Terminal::CTRL_C);
    assert_eq!(terminal.finish().code, Some(130));
    assert_eq!(leftovers(&env), Vec::<PathBuf>::new());
}

/// The shell and its children own the terminal, not the sandbox.
#[cfg(unix)]
#[test]
fn an_interactive_shell_owns_the_terminal() {
    use crate::support::Terminal;
    const CTRL_Z: u8 = 0x1a;
    for shell in ["/bin/bash", "/bin/sh"] {
        let mut env = TestEnv::new();
        env.var("SHELL", shell);
        let mut terminal = env.terminal("sh", "exec cells-token sandbox");
        terminal.wait_for("type exit to leave");
        terminal
            .type_line("cells-token get >token && echo got''-it")
            .wait_for("got-it");
        for key in [Terminal::CTRL_C, CTRL_Z] {
            terminal
                .type_line(r#"sh -c "echo sleep''ing; exec sleep 20""#)
                .wait_for("sleeping");
            terminal
                .press(key)
                .type_line("echo still''-here")
                .wait_for("still-here");
        }
        terminal.type_line("kill %1; exit 3; exit 3");
        assert_eq!(terminal.finish().code, Some(3), "{shell}");
        assert_eq!(leftovers(&env), Vec::<PathBuf>::new());
    }
}

#[cfg(unix)]
#[test]
fn termination_signals_are_passed_on() {
    for (signal, code) in [("TERM", "9"), ("HUP", "8")] {
        let env = TestEnv::new();
        let command = r#"trap "exit 9" TERM; trap "exit 8" HUP; echo ready >ready; while :; do sleep 0.1; done"#;
        let script = format!(
            "cells-token sandbox -- sh -c '{command}' & until test -s ready; do sleep 0.01; done
             kill -{signal} $!; wait $!; echo $?"
        );
        env.sh(&script).exits(0).prints(&format!("{code}\n"));
        assert_eq!(leftovers(&env), Vec::<PathBuf>::new());
    }
}

#[test]
fn respond_answers_in_turn_and_repeats_the_last() {
    let (sandbox, _running) = Sandbox::start(&["--respond", "503, 429,200,418"]);
    let statuses: Vec<_> = (0..6)
        .map(|_| sandbox.post(&sandbox.good_form()).status)
        .collect();
    assert_eq!(statuses, [503, 429, 200, 418, 418, 418]);
}

#[test]
fn a_429_has_retry_after_1() {
    let (sandbox, _running) = Sandbox::start(&["--respond", "503,429,500"]);
    for (status, retry_after) in [(503, Some("1")), (429, Some("1")), (500, None)] {
        let answer = sandbox.post("");
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (status, retry_after)
        );
    }
}

#[test]
fn requested_answers_lead_to_the_usual_exit_codes() {
    for (status, code) in [
        ("400", 7),
        ("401", 4),
        ("403", 7),
        ("404", 7),
        ("429", 6),
        ("500", 6),
        ("302", 7),
        ("204", 7),
    ] {
        let mut env = TestEnv::new();
        env.var("CELLS_RETRIES", "0");
        let output = env.sh(&format!(
            "cells-token sandbox --respond {status} -- cells-token get"
        ));
        output
            .exits(code)
            .prints("")
            .says(&format!("status {status}"));
    }
}

#[test]
fn wrong_credentials_are_refused() {
    let env = TestEnv::new();
    for wrong in ["CELLS_CLIENT_SECRET=wrong-secret", "CELLS_CLIENT_ID=wrong"] {
        env.sh(&format!(
            "cells-token sandbox -- env {wrong} cells-token get"
        ))
        .exits(4)
        .says("invalid_client");
    }
}

#[test]
fn the_endpoint_follows_rfc_6749() {
    let (sandbox, _running) = Sandbox::start(&[]);
    let (id, secret) = (sandbox.id.as_str(), sandbox.secret.as_str());
    let grant = "grant_type=client_credentials";
    let form = format!("{grant}&client_id={id}&client_secret={secret}");
    let wrong_form = format!("{grant}&client_id={id}&client_secret=wrong");
    let wrong_grant = form.replace("client_credentials", "password");
    let no_grant = format!("client_id={id}&client_secret={secret}");
    let twice = format!("{form}&client_id={id}");
    let (good_basic, wrong_basic) = (basic(id, secret), basic(id, "wrong"));
    let rows = [
        ("a form", "", form.as_str(), 200, ""),
        ("Basic", &good_basic, grant, 200, ""),
        (
            "Basic and the same id",
            &good_basic,
            &format!("{grant}&client_id={id}"),
            200,
            "",
        ),
        ("a wrong secret", "", &wrong_form, 401, "invalid_client"),
        (
            "a wrong secret in Basic",
            &wrong_basic,
            grant,
            401,
            "invalid_client",
        ),
        ("no credentials", "", grant, 401, "invalid_client"),
        (
            "another grant",
            "",
            &wrong_grant,
            400,
            "unsupported_grant_type",
        ),
        ("no grant", "", &no_grant, 400, "invalid_request"),
        ("an id twice", "", &twice, 400, "invalid_request"),
        (
            "two ways to authenticate",
            &good_basic,
            &form,
            400,
            "invalid_request",
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, headers, body, status, error)| {
            let answer = sandbox.ask("POST", "/v4.0/cells/connect/token", headers, body);
            assert_eq!(answer.status, *status, "{answer:?}");
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            let asks_for_basic = *status == 401 && headers.starts_with("Authorization");
            assert_eq!(
                answer.header("www-authenticate").is_some(),
                asks_for_basic,
                "{answer:?}"
            );
            let object = answer.json();
            if *status == 200 {
                assert_eq!(
                    part(object["access_token"].as_str().unwrap(), 1)["client_id"],
                    id
                );
                assert_eq!(
                    (&object["token_type"], &object["expires_in"]),
                    (&"Bearer".into(), &3600.into())
                );
            } else {
                assert_eq!(object["error"], *error);
            }
        },
    );
}

#[test]
fn only_the_known_paths_are_served() {
    let (sandbox, _running) = Sandbox::start(&[]);
    let paths = [
        "/v4.0/cells/connect/token",
        "/v3.0/cells/connect/token",
        "/connect/token",
        "/oauth2/token",
    ];
    for path in paths {
        assert_eq!(
            sandbox.ask("POST", path, "", &sandbox.good_form()).status,
            200,
            "{path}"
        );
        let answer = sandbox.ask("GET", path, "", "");
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some("POST")),
            "{path}"
        );
    }
    for path in [
        "/",
        "/token",
        "/v4.0/cells/connect/token/",
        "/v4.0/cells/connect",
    ] {
        assert_eq!(
            sandbox.ask("POST", path, "", &sandbox.good_form()).status,
            404,
            "{path}"
        );
    }
}

#[test]
fn verbose_lists_requests_without_secrets() {
    let env = TestEnv::new();
    let output =
        env.sh("cells-token sandbox -v -- sh -c 'cells-token get; echo $CELLS_CLIENT_SECRET'");
    let lines: Vec<&str> = output.exits(0).stdout.lines().collect();
    output.says("POST /v4.0/cells/connect/token 200 local ");
    for word in lines {
        output.never_says(word);
    }
}

#[test]
fn requests_beyond_the_limits_are_refused() {
    let (sandbox, _running) = Sandbox::start(&[]);
    let grown = |length| format!("X-Grown: {}\r\n", "x".repeat(length));
    let path = "/v4.0/cells/connect/token";
    assert_eq!(
        sandbox
            .ask("POST", path, &grown(7 * 1024), &sandbox.good_form())
            .status,
        200
    );
    assert_eq!(
        sandbox
            .ask("POST", path, &grown(9 * 1024), &sandbox.good_form())
            .status,
        431
    );
    let padded = |length: usize| format!("{}&x={}", sandbox.good_form(), "x".repeat(length));
    assert_eq!(sandbox.post(&padded(7 * 1024)).status, 200);
    assert_eq!(sandbox.post(&padded(9 * 1024)).status, 413);
    assert_eq!(sandbox.post(&padded(1024 * 1024)).status, 413);
}

/// A sandbox in the background.
struct Sandbox {
    address: String,
    id: String,
    secret: String,
    _env: TestEnv,
}

impl Sandbox {
    /// Its command runs until the second value is dropped.
    fn start(options: &[&str]) -> (Self, impl Sized) {
        let env = TestEnv::new();
        let script = "printf '%s\n' $CELLS_BASE_URL $CELLS_CLIENT_ID $CELLS_CLIENT_SECRET >new; mv new told; cat";
        let running = env.start(&[&["sandbox"], options, &["--", "sh", "-c", script]].concat());
        let since = Instant::now();
        let told = loop {
            if let Ok(told) = fs::read_to_string(env.path("told")) {
                break told;
            }
            assert!(since.elapsed() < LIMIT, "the command never started");
            thread::sleep(POLL);
        };
        let mut told = told.lines().map(str::to_owned);
        let address = told
            .next()
            .unwrap()
            .strip_prefix("http://")
            .unwrap()
            .to_owned();
        (
            Self {
                address,
                id: told.next().unwrap(),
                secret: told.next().unwrap(),
                _env: env,
            },
            running,
        )
    }

    fn good_form(&self) -> String {
        format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            self.id, self.secret
        )
    }

    fn post(&self, body: &str) -> Answer {
        self.ask("POST", "/v4.0/cells/connect/token", "", body)
    }

    /// `headers` are complete lines.
    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let form = "Content-Type: application/x-www-form-urlencoded";
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{form}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n",
            self.address
        );
        // A server that refuses may close before everything is sent.
        let _ = stream.write_all(format!("{head}{body}").as_bytes());
        Answer::read(&mut stream).expect("a response")
    }
}

/// A part of a JWT, decoded.
fn part(token: &str, at: usize) -> Value {
    let part = token.split('.').nth(at).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Directories of sandboxes that still exist.
fn leftovers(env: &TestEnv) -> Vec<PathBuf> {
    let entries = fs::read_dir(env.path("../tmp")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}
