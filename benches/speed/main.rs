//! The measurements in the README's table and picture:
//!
//!     cargo bench --bench speed [-- [PROGRAM] [PAIRS]]
//!
//! PROGRAM is the binary that is shipped, such as `target/x86_64-unknown-linux-musl/release/cells-token`; without it, the
//! release build for the host is measured. With it, both are, and compared with each other. Starts a TLS 1.3 server on
//! loopback, runs cells-token and each alternative in turn, prints the figures and draws `benches/results.svg`.
//! These figures are no test: `.ci/run` checks what is the same on every machine.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark fails by panicking, and the rules for the program's modules do not apply to it"
)]

mod chart;
mod contestants;
mod machine;
mod measure;
mod peers;
mod server;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use measure::{Contestant, Quartiles, Run, Runner, first_line, installed};
use server::Server;

/// Pairs of runs in each comparison, unless the command line says otherwise.
const PAIRS: usize = 60;

/// The floor: the least that starting a process costs.
const EMPTY: &str = "empty static C program";

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
const RESULTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/results.svg");

/// The system's root certificates on Debian and its derivatives.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", ca_file] => server::serve(Path::new(ca_file)),
        [] => compare(None, PAIRS),
        [argument] => match argument.parse() {
            Ok(pairs) => compare(None, pairs),
            Err(_) => compare(Some(Path::new(argument)), PAIRS),
        },
        [program, pairs] => compare(Some(Path::new(program)), pairs.parse().unwrap()),
        _ => panic!("usage: cargo bench --bench speed [-- [PROGRAM] [PAIRS]]"),
    }
}

/// What every comparison needs.
struct Bench {
    runner: Runner,
    server: Server,
    pairs: usize,
    /// A file with the one CA certificate of the server.
    one_root: PathBuf,
    /// The binary that is measured.
    program: PathBuf,
    /// The release build for the host, where `program` is another.
    host_build: Option<PathBuf>,
    /// The token that the server issues.
    token: String,
    /// Wall times of each contestant in all comparisons, in ms.
    bars: BTreeMap<String, Vec<f64>>,
}

fn compare(shipped: Option<&Path>, pairs: usize) {
    let runner = Runner::new();
    let built = build();
    // The working directory of a benchmark is that of the package.
    let (program, host_build) = match shipped {
        Some(shipped) => (fs::canonicalize(shipped).unwrap(), Some(built)),
        None => (built, None),
    };
    build_empty(&runner.path("empty"));
    let one_root = runner.path("ca.pem");
    let server = Server::start(&one_root);
    let mut bench = Bench {
        runner,
        server,
        pairs,
        one_root,
        program,
        host_build,
        token: String::new(),
        bars: BTreeMap::new(),
    };
    let machine = describe(&bench.program, bench.host_build.is_some());
    println!("{machine}\n");
    println!(
        "{}: {} bytes\n",
        bench.program.display(),
        fs::metadata(&bench.program).unwrap().len(),
    );
    // Fills the cache.
    bench.token = bench.runner.output(&bench.cold()).trim().to_owned();

    bench.costs();
    bench.times();
    chart::draw(&bench.bars, &machine, Path::new(RESULTS));
    println!("\nwrote {RESULTS}");
}

/// The footer of the table and the picture. Which compiler built a program that was passed is not known.
fn describe(program: &Path, was_passed: bool) -> String {
    let words = |text: String| {
        text.split_whitespace()
            .take(2)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let kind = first_line("file", &["-b", program.to_str().unwrap()]);
    let linking = match kind.is_some_and(|kind| kind.contains("static")) {
        true => "static",
        false => "dynamic",
    };
    let tools = match was_passed {
        true => &["curl", "jq"][..],
        false => &["rustc", "curl", "jq"],
    };
    let versions = tools
        .iter()
        .filter_map(|tool| first_line(tool, &["--version"]).map(words));
    let program = format!("cells-token {}, {linking}", env!("CARGO_PKG_VERSION"));
    machine::describe(
        std::iter::once(program)
            .chain(versions)
            .chain(peers::versions()),
    )
}

/// Builds the program in the release profile for the host. Returns its path.
fn build() -> PathBuf {
    let args = [
        "build",
        "--release",
        "--locked",
        "--manifest-path",
        MANIFEST,
    ];
    let status = Command::new(env!("CARGO")).args(args).status();
    assert!(status.unwrap().success(), "cargo build");
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("release/cells-token")
}

/// Compiles the floor.
fn build_empty(program: &Path) {
    let source = program.with_extension("c");
    fs::write(&source, "int main(void) { return 0; }\n").unwrap();
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-s", "-static", "-o"])
        .arg(program)
        .arg(source);
    assert!(cc.status().unwrap().success(), "{cc:?}");
}

impl Bench {
    /// The only entry in the cache.
    fn entry(&self) -> PathBuf {
        let directory = self.runner.path("home/.cache/cells-token");
        let mut files = fs::read_dir(directory)
            .unwrap()
            .map(|file| file.unwrap().path());
        files
            .find(|file| file.extension().is_some_and(|it| it == "json"))
            .unwrap()
    }

    /// Instructions, system calls and memory, which barely depend on the machine's load.
    fn costs(&self) {
        let contestants = [
            Some(Contestant::new(EMPTY, self.runner.path("empty"))),
            Some(self.cached()),
            Some(self.cold()),
            self.curl("curl", &self.one_root),
        ];
        for contestant in contestants.iter().flatten() {
            // One decimal, for the memory.
            let shown = |figure: Option<f64>| {
                figure.map_or("?".to_owned(), |figure| {
                    ((figure * 10.0).round() / 10.0).to_string()
                })
            };
            println!(
                "{:<36} {:>9} instructions, {:>3} system calls, {} MB at most",
                contestant.name,
                shown(self.runner.instructions(contestant)),
                shown(self.runner.system_calls(contestant)),
                shown(self.runner.peak(contestant)),
            );
        }
    }

    fn times(&mut self) {
        println!(
            "\n{} pairs each; medians [quartiles], times in ms",
            self.pairs
        );
        let cached = self.cached();
        let entry = self.entry();
        let empty = Contestant::new(EMPTY, self.runner.path("empty"));
        let system = |name: &str, program: &str| Some(Contestant::new(name, installed(program)?));
        self.compare(&cached, Some(empty));
        let cat = system("cat of the cached file", "cat").map(|cat| cat.args([&entry]));
        self.compare(&cached, cat);
        if let Some(host_build) = &self.host_build {
            let name = "cells-token, cached, glibc build";
            let host_build = self.cached().with_program(name, host_build);
            self.compare(&cached, Some(host_build));
        }
        let jq = system("jq -r on the cached file", "jq")
            .map(|jq| jq.args(["-r", ".response.access_token"]).args([&entry]));
        self.compare(&cached, jq);

        let cold = self.cold();
        self.compare(&cold, self.curl_to_jq());
        self.compare(&cold, self.curl("curl", &self.one_root));
        if let Ok(system) = fs::read_to_string(SYSTEM_ROOTS) {
            let roots = self.runner.path("roots.pem");
            fs::write(
                &roots,
                fs::read_to_string(&self.one_root).unwrap() + &system,
            )
            .unwrap();
            let cold = self.cold_with_roots("cells-token, cold, system's roots", &roots);
            let curl = self.curl("curl, system's roots", &roots);
            self.compare(&cold, curl);
        }
        for (own, peer) in peers::all(self) {
            self.compare(&own, Some(peer));
        }
    }

    fn compare(&mut self, own: &Contestant, other: Option<Contestant>) {
        let Some(other) = other else {
            println!("\n(a program to compare with is not installed)");
            return;
        };
        for contestant in [own, &other] {
            let printed = self.runner.output(contestant);
            let is_empty = contestant.name == EMPTY;
            assert!(
                is_empty || printed.contains(&self.token),
                "{}: {printed}",
                contestant.name
            );
        }
        let before = self.server.requests();
        let runs = self.runner.pairs(own, &other, self.pairs);
        // A contestant that fails silently or answers from a cache would look fast.
        let asking = usize::from(own.asks) + usize::from(other.asks);
        let requests = self.server.requests() - before;
        assert_eq!(
            requests,
            asking * (self.pairs + 1),
            "{} and {}",
            own.name,
            other.name
        );
        println!();
        for (contestant, runs) in [own, &other].into_iter().zip(&runs) {
            let [walls, cpus] = [
                milliseconds(runs, |run| run.wall),
                milliseconds(runs, |run| run.cpu),
            ];
            let [wall, cpu] = [&walls, &cpus].map(|times| Quartiles::of(times.clone()));
            println!("{:<36} wall {wall:<26} CPU {cpu}", contestant.name);
            self.bars
                .entry(contestant.name.clone())
                .or_default()
                .extend(walls);
        }
        let pair_by_pair = |figure: fn(&Run) -> f64| {
            let pairs = runs[0].iter().zip(&runs[1]);
            Quartiles::of(pairs.map(|(own, other)| figure(own) / figure(other)))
        };
        let (wall, cpu) = (pair_by_pair(|run| run.wall), pair_by_pair(|run| run.cpu));
        println!("{:<36} wall {wall:<26.3} CPU {cpu:.3}", "ratio");
    }
}

fn milliseconds(runs: &[Run], figure: fn(&Run) -> f64) -> Vec<f64> {
    runs.iter().map(|run| 1000.0 * figure(run)).collect()
}
