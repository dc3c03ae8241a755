//! Parallel processes: one request and one result for all of them, and no process waits for a dead one.

use std::time::{Duration, Instant};
use std::{fs, thread};

use rustix::process::Signal;

use crate::support::processes::Exit;
use crate::support::{
    Authority, Gate, Processes, Reply, SECRET, Server, Step, TOKEN, TestEnv, closed_port, each_row,
    token_json,
};

/// Processes wait for the lock for half of the timeout.
const SHORT_TIMEOUT: &str = "6s";
const HALF_OF_IT: Duration = Duration::from_secs(3);

/// The note while a process waits for the end of a rate limit.
const WAITS_FOR_LIMIT: &str = "the service limits the request rate until";

/// A response with this token.
fn token(text: &str) -> Reply {
    Reply::json(200, token_json().replace(TOKEN, text))
}

#[track_caller]
fn assert_all(exits: &[Exit], code: i32, stdout: &str) {
    for (index, exit) in exits.iter().enumerate() {
        let as_told = exit.code == Some(code) && exit.stdout == stdout;
        assert!(as_told, "number {index}: {exit:?}");
    }
}

fn line(token: &str) -> String {
    format!("{token}\n")
}

/// One process whose request is held by the server, and `count` that wait for it.
fn waiting_processes(
    env: &TestEnv,
    server: &Server,
    count: usize,
    first: &[&str],
    others: &[&str],
) -> Processes {
    let mut processes = Processes::new(env);
    processes.start(env, 1, first);
    server.wait_for_requests(1);
    processes.start(env, count, others).wait_for_waiting(count);
    processes
}

#[test]
fn many_on_an_empty_cache_cost_one_request() {
    let gate = Gate::default();
    let server = Server::replies([Reply::token().held_by(&gate)]);
    let env = TestEnv::caching(&server);
    let mut processes = Processes::new(&env);
    processes.start(&env, 50, &[]).wait_for_waiting(49);
    gate.open();
    assert_all(&processes.finish(), 0, &line(TOKEN));
}

#[test]
fn many_share_one_refusal() {
    let gate = Gate::default();
    let server = Server::replies([Reply::oauth_error(401, "invalid_client").held_by(&gate)]);
    let env = TestEnv::caching(&server);
    let mut processes = Processes::new(&env);
    processes.start(&env, 50, &[]).wait_for_waiting(49);
    gate.open();
    assert_all(&processes.finish(), 4, "");
}

#[test]
fn every_failed_answer_is_shared_with_waiting_processes() {
    let limit = Reply::http(429, "Retry-After: 3600\r\n", "");
    let rows = [
        ("refused", 4, Reply::oauth_error(400, "invalid_client")),
        ("limited", 6, limit),
        ("unavailable", 6, Reply::text(503, "text/plain", "busy")),
        (
            "nonsense",
            7,
            Reply::text(200, "text/html", "<p>Log in</p>"),
        ),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, code, reply)| {
            let gate = Gate::default();
            let server = Server::replies([reply.clone().held_by(&gate)]);
            let env = TestEnv::caching(&server);
            let once = &["--retries", "0"];
            let processes = waiting_processes(&env, &server, 4, once, once);
            gate.open();
            assert_all(&processes.finish(), *code, "");
        },
    );
}

/// A 5xx is shared only after the last attempt.
#[test]
fn an_attempt_that_is_retried_is_not_shared() {
    let gate = Gate::default();
    let busy = || Reply::text(503, "text/plain", "busy");
    let server = Server::replies([busy().held_by(&gate), busy(), Reply::token()]);
    let env = TestEnv::caching(&server);
    let processes = waiting_processes(&env, &server, 9, &[], &[]);
    gate.open();
    assert_all(&processes.finish(), 0, &line(TOKEN));
}

#[test]
fn a_mistyped_secret_among_others_fails_alone() {
    let gate = Gate::default();
    let server = Server::replies([
        Reply::token().held_by(&gate),
        Reply::oauth_error(401, "invalid_client"),
    ]);
    let mut env = TestEnv::caching(&server);
    let mut processes = waiting_processes(&env, &server, 5, &[], &[]);
    env.var("CELLS_CLIENT_SECRET", "mistyped-secret");
    processes.start(&env, 1, &[]);
    env.var("CELLS_CLIENT_SECRET", SECRET);
    processes.start(&env, 4, &[]).wait_for_waiting(10);
    gate.open();
    let mut exits = processes.finish();
    assert_all(&[exits.remove(6)], 4, "");
    assert_all(&exits, 0, &line(TOKEN));
    let sent = server.requests()[1].field("client_secret");
    assert_eq!(sent.as_deref(), Some("mistyped-secret"));
}

#[test]
fn a_mistyped_secret_that_comes_first_fails_alone() {
    let gate = Gate::default();
    let refusal = Reply::oauth_error(401, "invalid_client").held_by(&gate);
    let server = Server::replies([refusal, Reply::token()]);
    let mut env = TestEnv::caching(&server);
    env.var("CELLS_CLIENT_SECRET", "mistyped-secret");
    let mut processes = Processes::new(&env);
    processes.start(&env, 1, &[]);
    server.wait_for_requests(1);
    env.var("CELLS_CLIENT_SECRET", SECRET);
    processes.start(&env, 10, &[]).wait_for_waiting(10);
    gate.open();
    let mut exits = processes.finish();
    assert_all(&[exits.remove(0)], 4, "");
    assert_all(&exits, 0, &line(TOKEN));
}

#[test]
fn a_failure_is_not_shared_across_proxies_or_certificates() {
    let authority = Authority::new();
    let rows = ["--proxy", "--ca-cert"];
    each_row(
        &rows,
        |row| row,
        |option| {
            let gate = Gate::default();
            let refusal = Reply::oauth_error(401, "invalid_client").held_by(&gate);
            let by_proxy = *option == "--proxy";
            let script = match by_proxy {
                true => vec![refusal],
                false => vec![refusal, Reply::token()],
            };
            let server = Server::replies(script);
            // It answers in the server's place.
            let tunnel = Reply::steps([
                Step::ReadRequest,
                Step::Send(b"HTTP/1.1 200 Connected\r\n\r\n".to_vec()),
                Step::ReadRequest,
                Step::Send(format!("HTTP/1.1 200 OK\r\n\r\n{}", token_json()).into_bytes()),
            ]);
            let proxy = Server::replies(if by_proxy { vec![tunnel] } else { vec![] });
            let mut env = TestEnv::caching(&server);
            let ca_cert = env.file("ca.pem", authority.pem());
            let value = if by_proxy { proxy.url() } else { &ca_cert };
            let processes = waiting_processes(&env, &server, 1, &[], &[option, value]);
            gate.open();
            let exits = processes.finish();
            assert_all(&exits[..1], 4, "");
            assert_all(&exits[1..], 0, &line(TOKEN));
        },
    );
}

#[test]
fn a_failure_is_not_shared_with_later_processes() {
    let rows = [
        ("refused", Reply::oauth_error(401, "invalid_client")),
        ("unavailable", Reply::text(503, "text/plain", "busy")),
        ("nonsense", Reply::text(200, "text/html", "<p>Log in</p>")),
    ];
    each_row(
        &rows,
        |row| row.0,
        |(_, failure)| {
            let server = Server::replies([failure.clone(), Reply::token()]);
            let env = TestEnv::caching(&server);
            assert_ne!(env.run_once(&["get"]).code, Some(0));
            env.run_once(&["get"]).exits(0).prints(&line(TOKEN));
        },
    );
}

#[test]
fn a_connection_failure_is_not_shared() {
    let gate = Gate::default();
    let reset = Reply::steps([Step::ReadRequest, Step::Wait(gate.clone()), Step::Reset]);
    let server = Server::replies([reset, Reply::token()]);
    let env = TestEnv::caching(&server);
    let once = &["--retries", "0"];
    let processes = waiting_processes(&env, &server, 4, once, once);
    gate.open();
    let exits = processes.finish();
    assert_all(&exits[..1], 5, "");
    assert_all(&exits[1..], 0, &line(TOKEN));
}

#[test]
fn a_port_that_is_closed_is_not_remembered() {
    let server = Server::replies([Reply::token()]);
    let mut env = TestEnv::caching(&server);
    let (_socket, closed) = closed_port();
    env.var("CELLS_BASE_URL", closed);
    env.run_once(&["get"]).exits(5);
    let kept: Vec<_> = env.cache_files();
    assert!(
        kept.iter().all(|path| path.extension().unwrap() == "lock"),
        "{kept:?}"
    );
    env.var("CELLS_BASE_URL", server.url());
    env.run_once(&["get"]).exits(0);
}

#[test]
fn a_killed_or_interrupted_lock_holder_is_replaced_at_once() {
    let rows = [("killed", Signal::KILL), ("interrupted", Signal::INT)];
    each_row(
        &rows,
        |row| row.0,
        |(_, signal)| {
            let hang = Reply::steps([Step::ReadRequest, Step::Hang]);
            let server = Server::replies([hang, Reply::token()]);
            let env = TestEnv::caching(&server);
            let holder = env.start(&["get"]);
            server.wait_for_requests(1);
            let mut processes = Processes::new(&env);
            processes.start(&env, 10, &[]).wait_for_waiting(10);
            let since = Instant::now();
            holder.signal(*signal);
            assert_all(&processes.finish(), 0, &line(TOKEN));
            // Half of the timeout would be 45 s.
            assert!(
                since.elapsed() < Duration::from_secs(10),
                "{:?}",
                since.elapsed()
            );
        },
    );
}

#[test]
fn a_stopped_lock_holder_is_waited_for_half_of_the_timeout() {
    let gate = Gate::default();
    let server = Server::replies([token("late").held_by(&gate), token("early")]);
    let env = TestEnv::caching(&server);
    let holder = env.start(&["get"]);
    server.wait_for_requests(1);
    holder.signal(Signal::STOP);
    let since = Instant::now();
    let mut processes = Processes::new(&env);
    processes.start(&env, 1, &["--timeout", SHORT_TIMEOUT]);
    assert_all(&processes.finish(), 0, &line("early"));
    let waited = since.elapsed();
    assert!((HALF_OF_IT..2 * HALF_OF_IT).contains(&waited), "{waited:?}");
    // The stopped process gets and stores a token too.
    gate.open();
    holder.signal(Signal::CONT);
    holder.finish().exits(0).prints(&line("late"));
    env.run(&["get"]).exits(0);
}

/// A token requested before a `--refresh` began does not satisfy it: one process requests another for all.
#[test]
fn parallel_refreshes_cost_two_requests_at_most() {
    let gate = Gate::default();
    let server = Server::replies([token("first").held_by(&gate), token("second")]);
    let env = TestEnv::caching(&server);
    let refresh = &["--refresh"];
    let processes = waiting_processes(&env, &server, 10, refresh, refresh);
    gate.open();
    let exits = processes.finish();
    assert_all(&exits[..1], 0, &line("first"));
    assert_all(&exits[1..], 0, &line("second"));
}

#[test]
fn a_run_without_refresh_uses_the_token_of_a_refresh() {
    let gate = Gate::default();
    let server = Server::replies([token("new").held_by(&gate)]);
    let env = TestEnv::caching(&server);
    let processes = waiting_processes(&env, &server, 9, &["--refresh"], &[]);
    gate.open();
    assert_all(&processes.finish(), 0, &line("new"));
}

#[test]
fn after_a_rate_limit_one_process_requests_for_all() {
    // Longer than half of the timeout.
    let limit = Reply::http(429, "Retry-After: 4\r\n", "");
    let server = Server::replies([limit, Reply::token()]);
    let env = TestEnv::caching(&server);
    env.run_once(&["get"]).exits(6);
    let mut processes = Processes::new(&env);
    processes.start(&env, 10, &["--timeout", SHORT_TIMEOUT]);
    processes.wait_for(WAITS_FOR_LIMIT, 10);
    assert_all(&processes.finish(), 0, &line(TOKEN));
}

#[test]
fn waiting_for_a_rate_limit_blocks_no_other_process() {
    let limit = Reply::http(429, "Retry-After: 60\r\n", "");
    let server = Server::replies([limit, token("anothers"), token("refreshed")]);
    let mut env = TestEnv::caching(&server);
    env.run_once(&["get"]).exits(6);
    let mut processes = Processes::new(&env);
    processes.start(&env, 5, &[]).wait_for(WAITS_FOR_LIMIT, 5);
    env.var("CELLS_CLIENT_SECRET", "another-secret");
    let output = env.run(&["get", "-v"]);
    output.prints(&line("anothers")).never_says("waiting");
    env.var("CELLS_CLIENT_SECRET", SECRET);
    let output = env.run(&["get", "-v", "--refresh"]);
    output.prints(&line("refreshed")).never_says("waiting");
    // The waiting processes use that token, and do not wait for the minute to pass.
    assert_all(&processes.finish(), 0, &line("refreshed"));
}

#[test]
fn a_prompt_blocks_no_other_process() {
    let server = Server::replies([Reply::token()]);
    let mut env = TestEnv::caching(&server);
    env.var("CELLS_CLIENT_SECRET", "");
    let mut terminal = env.terminal("sh", "cells-token get >token; echo status $?");
    terminal.wait_for("secret").wait_for_echo(false);
    env.var("CELLS_CLIENT_SECRET", SECRET);
    env.run(&["get", "-v"]).exits(0).never_says("waiting");
    // The token obtained meanwhile is used after the prompt.
    terminal.type_line(SECRET).wait_for("status 0");
    terminal.finish();
    assert_eq!(fs::read_to_string(env.path("token")).unwrap(), line(TOKEN));
}

/// 5 rounds of 40 processes, 12 of which are killed: before they fetch, while they do, wait, write, or are done.
#[test]
fn killed_processes_leave_a_usable_cache() {
    const ROUNDS: usize = 5;
    const PROCESSES: usize = 40;
    const VICTIMS: usize = 12;
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    // In 60 ms, while about half of a round is started.
    let answer = Reply::steps([
        Step::ReadRequest,
        Step::Drip(b"HTTP/1.1 200 ".to_vec(), Duration::from_millis(5)),
        Step::Send(format!("\r\n\r\n{}", token_json()).into_bytes()),
    ]);
    let server = Server::always(answer);
    let env = TestEnv::caching(&server);
    for round in 0..ROUNDS {
        let _ = fs::remove_dir_all(env.cache_dir());
        let victims = random.choose_multiple(0..PROCESSES, VICTIMS);
        // Whom, and after how many others were started.
        let kills: Vec<_> = victims
            .iter()
            .map(|victim| (*victim, victim + random.usize(0..PROCESSES / 4)))
            .collect();
        let mut processes = Processes::new(&env);
        for started in 0..PROCESSES {
            processes.start(&env, 1, &[]);
            let due = kills.iter().filter(|(_, when)| *when == started);
            for (victim, _) in due {
                thread::sleep(Duration::from_micros(random.u64(0..2000)));
                processes.kill(*victim);
            }
        }
        for (victim, _) in kills.iter().filter(|(_, when)| *when >= PROCESSES) {
            processes.kill(*victim);
        }
        for (index, exit) in processes.finish().into_iter().enumerate() {
            let killed = exit.code.is_none() && victims.contains(&index);
            let well = exit.code == Some(0) && exit.stdout == line(TOKEN);
            assert!(killed || well, "round {round}, number {index}: {exit:?}");
        }
        let asked = server.requests().len();
        env.run(&["get"]).exits(0).prints(&line(TOKEN));
        assert_eq!(
            server.requests().len(),
            asked,
            "round {round}: the cache reads well"
        );
    }
}
