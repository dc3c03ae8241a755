//! Connecting to names with several addresses (Happy Eyeballs, RFC 8305), in private networks with hosts files of their own.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::time::Duration;

use crate::support::{Network, Output, Reply, Server, TOKEN, TestEnv, deaf_port_at};

/// What a busy machine may add.
const SLACK: Duration = Duration::from_millis(900);

const BOTH_FAMILIES: Network = Network {
    hosts: "::1 both.invalid\n127.0.0.1 both.invalid\n",
    resolv_conf: "",
};

/// `get -v` from port `port` of `host`, over plain http, in one attempt.
fn get(host: &str, port: u16, more: &[&str]) -> Output {
    let url = format!("http://{host}:{port}");
    let args = [
        "get",
        "-v",
        "--allow-http",
        "--retries",
        "0",
        "--base-url",
        &url,
    ];
    TestEnv::with_credentials().run(&[&args[..], more].concat())
}

fn prints_the_token(output: &Output) {
    output.exits(0).prints(&format!("{TOKEN}\n"));
}

#[test]
fn an_address_that_does_not_answer_costs_a_quarter_of_a_second() {
    BOTH_FAMILIES.run(
        "connect::an_address_that_does_not_answer_costs_a_quarter_of_a_second",
        || {
            let server = Server::replies([Reply::token(), Reply::token().tunnelled()]);
            let port = server.port();
            let (_sockets, _) = deaf_port_at(format!("[::1]:{port}").parse().unwrap());
            let output = get("both.invalid", port, &[]);
            prints_the_token(&output);
            output.says(&format!("no answer from [::1]:{port} yet"));
            output.says(&format!("connected to 127.0.0.1:{port}"));
            let least = Duration::from_millis(250);
            assert!(output.elapsed >= least, "::1 is tried first: {output}");
            assert!(output.elapsed < least + SLACK, "{output}");

            let proxy = format!("http://both.invalid:{port}");
            let output = get("host.invalid", 80, &["--proxy", &proxy]);
            prints_the_token(&output);
            assert!(output.elapsed < least + SLACK, "{output}");
        },
    );
}

#[test]
fn after_a_refusal_the_next_address_is_tried_at_once() {
    BOTH_FAMILIES.run(
        "connect::after_a_refusal_the_next_address_is_tried_at_once",
        || {
            let server = Server::replies([Reply::token()]);
            let output = get("both.invalid", server.port(), &[]);
            prints_the_token(&output);
            output
                .says("cannot connect to [::1]:")
                .never_says("no answer");
        },
    );
}

#[test]
fn when_no_address_answers_each_is_named_in_time() {
    BOTH_FAMILIES.run(
        "connect::when_no_address_answers_each_is_named_in_time",
        || {
            let (_v4, url) = deaf_port_at("127.0.0.1:0".parse().unwrap());
            let port = url.rsplit_once(':').unwrap().1.parse().unwrap();
            let (_v6, _) = deaf_port_at(format!("[::1]:{port}").parse().unwrap());
            let output = get("both.invalid", port, &["--timeout", "6s"]);
            output.exits(5).hints("--timeout");
            output.says("[::1]:").says("127.0.0.1:").says("timed out");
            // A third for the attempt, half of it for the connection.
            let share = Duration::from_secs(1);
            assert!(
                output.elapsed >= share && output.elapsed < share + SLACK,
                "{output}"
            );
        },
    );
}

#[test]
fn when_every_address_refuses_it_says_so_at_once() {
    BOTH_FAMILIES.run(
        "connect::when_every_address_refuses_it_says_so_at_once",
        || {
            // Nothing else binds a port in a network of its own.
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            drop(listener);
            let output = get("both.invalid", port, &[]);
            output.exits(5).says("[::1]:").says("127.0.0.1:");
            output
                .says("refused")
                .hints("check that the service is running");
        },
    );
}

#[test]
fn the_twentieth_address_is_reached() {
    let mut hosts = String::new();
    for last in 1..=20 {
        writeln!(hosts, "127.0.0.{last} many.invalid").unwrap();
    }
    let network = Network {
        hosts: hosts.leak(),
        resolv_conf: "",
    };
    network.run("connect::the_twentieth_address_is_reached", || {
        let server = Server::on("127.0.0.20", [Reply::token()]);
        prints_the_token(&get("many.invalid", server.port(), &[]));
        let port = server.port();
        drop(server);
        get("many.invalid", port, &[])
            .exits(5)
            .says("and 17 more addresses");
    });
}

/// The address is of documentation's (RFC 5737); this network has no route to it.
#[test]
fn an_unreachable_network_is_retried() {
    let network = Network {
        hosts: "192.0.2.1 far.invalid\n",
        resolv_conf: "",
    };
    network.run("connect::an_unreachable_network_is_retried", || {
        let env = TestEnv::with_credentials();
        let url = "http://far.invalid";
        let args = [
            "get",
            "-v",
            "--allow-http",
            "--retries",
            "1",
            "--base-url",
            url,
        ];
        let output = env.run(&args);
        output.exits(5).says("unreachable").says("attempt 2 failed");
    });
}

#[test]
fn plain_http_to_localhost_stays_on_this_machine() {
    let network = Network {
        hosts: "192.0.2.1 localhost\n",
        resolv_conf: "",
    };
    network.run(
        "connect::plain_http_to_localhost_stays_on_this_machine",
        || {
            let env = TestEnv::with_credentials();
            for args in [&[][..], &["--allow-http"]] {
                let output =
                    env.run(&[&["get", "--base-url", "http://localhost:9"], args].concat());
                output.exits(5).says("localhost has no loopback address");
            }
        },
    );
}
