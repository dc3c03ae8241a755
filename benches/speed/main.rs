//! What the claims about speed in the README are made of, in one command:
//!
//!     cargo bench --bench speed [-- PAIRS]
//!
//! It builds the program as it is shipped and an empty one in the same profile, starts a TLS 1.3 server on loopback,
//! runs cells-token and what people use in its place by turns, prints the figures and draws `benches/results.svg`.
//! Nothing here decides whether a change may pass: `.ci/run` keeps what is the same on every machine.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "whoever measures wants to see where it stopped, and the walls between the program's rooms are not here"
)]

mod chart;
mod contestants;
mod growth;
mod machine;
mod measure;
mod peers;
mod server;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use measure::{Contestant, Quartiles, Run, World, first_line, installed};
use server::Server;

/// How many pairs a comparison is made of, unless the command line says.
const PAIRS: usize = 60;

/// The program that does nothing.
const EMPTY: &str = "empty Rust main";

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
const RESULTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/results.svg");

/// Where distributions of Debian's kind keep the system's root certificates.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", ca_file] => server::serve(Path::new(ca_file)),
        [] => compare(PAIRS),
        [pairs] => compare(pairs.parse().unwrap()),
        _ => panic!("usage: cargo bench --bench speed [-- PAIRS]"),
    }
}

/// What every comparison needs.
struct Bench {
    world: World,
    server: Server,
    pairs: usize,
    /// A file with the one CA certificate of the server.
    one_root: PathBuf,
    program: PathBuf,
    /// What everybody is to get.
    token: String,
    /// The wall times of each contestant in all comparisons, in ms.
    bars: BTreeMap<String, Vec<f64>>,
}

fn compare(pairs: usize) {
    let world = World::new();
    let program = world.path("cells-token");
    let sizes = build(&program, &world.path("empty"));
    let one_root = world.path("ca.pem");
    let server = Server::start(&one_root);
    let mut bench = Bench {
        world,
        server,
        pairs,
        one_root,
        program,
        token: String::new(),
        bars: BTreeMap::new(),
    };
    let machine = describe_machine();
    println!("{machine}\n");
    for (what, bytes) in sizes {
        println!("{what:<44} {bytes:>9} bytes");
    }
    // Fills the cache.
    bench.token = bench.world.output(&bench.cold()).trim().to_owned();

    bench.deterministic();
    bench.times();
    bench.memory();
    growth::report(&bench);
    chart::draw(&bench.bars, &machine, Path::new(RESULTS));
    println!("\nwrote {RESULTS}");
}

fn describe_machine() -> String {
    let words = |text: String| {
        text.split_whitespace()
            .take(2)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let tools = ["rustc", "curl", "jq"].map(|tool| first_line(tool, &["--version"]).map(words));
    machine::describe(tools.into_iter().flatten().chain(peers::versions()))
}

/// Builds the program with and without features, and the empty one; keeps copies, because the builds replace each
/// other. Returns what is how large.
fn build(program: &Path, empty: &Path) -> Vec<(&'static str, u64)> {
    let cargo = |args: &[&str]| {
        let status = Command::new(env!("CARGO"))
            .args([
                "build",
                "--release",
                "--locked",
                "--manifest-path",
                MANIFEST,
            ])
            .args(args)
            .status();
        assert!(status.unwrap().success(), "cargo build {args:?}");
    };
    let release = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("release");
    let size = |file: &Path| fs::metadata(file).unwrap().len();
    cargo(&["--no-default-features"]);
    let bare = size(&release.join("cells-token"));
    cargo(&["--all-features"]);
    fs::copy(release.join("cells-token"), program).unwrap();
    cargo(&["--package", "empty"]);
    fs::copy(release.join("empty"), empty).unwrap();
    vec![
        ("size without features (goal 2.9 MB)", bare),
        ("size with all features (goal 4.2 MB)", size(program)),
    ]
}

impl Bench {
    /// The cache's one file.
    fn entry(&self) -> PathBuf {
        let folder = self.world.path("home/.cache/cells-token");
        let mut files = fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path());
        files
            .find(|file| file.extension().is_some_and(|it| it == "json"))
            .unwrap()
    }

    /// What is the same on every run.
    fn deterministic(&mut self) {
        let empty = Contestant::new(EMPTY, self.world.path("empty"));
        let (cached, cold) = (self.cached(), self.cold());
        let instructions = |contestant| self.world.instructions(contestant);
        if let (Some(empty), Some(cached), Some(cold)) = (
            instructions(&empty),
            instructions(&cached),
            instructions(&cold),
        ) {
            println!("instructions, empty main {empty:>29}");
            println!(
                "instructions, cached {cached:>33} = {:.2} × empty (goal 2.8)",
                cached / empty
            );
            println!("instructions, cold {cold:>35} (goal 4,400,000)");
        }
        let calls = |contestant| Some(self.world.system_calls(contestant)?.len());
        if let (Some(cached), Some(cold)) = (calls(&cached), calls(&cold)) {
            println!("system calls, cached {cached:>33} (goal 85)");
            println!("system calls, cold {cold:>35} (goal 200)");
        }
        self.server.count_flights(true);
        let before = self.server.counts();
        self.world.output(&cold);
        let after = self.server.counts();
        self.server.count_flights(false);
        println!(
            "cold: {} connection, {} request, {} round trips with TCP's own (goal 1, 1, 3)",
            after.connections - before.connections,
            after.requests - before.requests,
            after.turns - before.turns + 1,
        );
    }

    fn times(&mut self) {
        println!(
            "\n{} pairs each; medians [quartiles], times in ms",
            self.pairs
        );
        let cached = self.cached();
        let entry = self.entry();
        let empty = Contestant::new(EMPTY, self.world.path("empty"));
        let system = |name: &str, program: &str| Some(Contestant::new(name, installed(program)?));
        self.compare(&cached, Some(empty), "goal: wall 1.35");
        let cat = system("cat of the cached file", "cat").map(|cat| cat.args([&entry]));
        self.compare(&cached, cat, "goal: wall 1.4");
        let jq = system("jq -r on the cached file", "jq")
            .map(|jq| jq.args(["-r", ".response.access_token"]).args([&entry]));
        self.compare(&cached, jq, "goal: wall 0.083");

        let cold = self.cold();
        self.compare(&cold, self.curl_to_jq(), "goal: wall 0.2, CPU 0.10");
        self.compare(&cold, self.curl("curl", &self.one_root), "goal: CPU 0.27");
        if let Ok(system) = fs::read_to_string(SYSTEM_ROOTS) {
            let roots = self.world.path("roots.pem");
            fs::write(
                &roots,
                fs::read_to_string(&self.one_root).unwrap() + &system,
            )
            .unwrap();
            let cold = self.cold_with_roots("cells-token, cold, system's roots", &roots);
            let curl = self.curl("curl, system's roots", &roots);
            self.compare(&cold, curl, "goal: CPU 0.13");
        }
        for (own, peer) in peers::all(self) {
            self.compare(&own, Some(peer), "");
        }
    }

    fn compare(&mut self, own: &Contestant, other: Option<Contestant>, goal: &str) {
        let Some(other) = other else {
            println!("\n(a program to compare with is not installed: {goal})");
            return;
        };
        for contestant in [own, &other] {
            let printed = self.world.output(contestant);
            let is_empty = contestant.name == EMPTY;
            assert!(
                is_empty || printed.contains(&self.token),
                "{}: {printed}",
                contestant.name
            );
        }
        let before = self.server.counts().requests;
        let runs = self.world.pairs(own, &other, self.pairs);
        // Who failed quietly, or answered from a cache unasked, would be quick.
        let asking = usize::from(own.asks) + usize::from(other.asks);
        let requests = self.server.counts().requests - before;
        assert_eq!(
            requests,
            asking * (self.pairs + 1),
            "{} and {}",
            own.name,
            other.name
        );
        println!();
        let mut medians = Vec::new();
        for (contestant, runs) in [own, &other].into_iter().zip(&runs) {
            let [walls, cpus] = [
                milliseconds(runs, |run| run.wall),
                milliseconds(runs, |run| run.cpu),
            ];
            let [wall, cpu] = [&walls, &cpus].map(|times| Quartiles::of(times.clone()));
            println!("{:<36} wall {wall:<26} CPU {cpu}", contestant.name);
            medians.push([wall.median, cpu.median]);
            self.bars
                .entry(contestant.name.clone())
                .or_default()
                .extend(walls);
        }
        let [wall, cpu] = [0, 1].map(|figure| medians[0][figure] / medians[1][figure]);
        println!(
            "{:<36} wall {wall:<26.3} CPU {cpu:<22.3} {goal}",
            "ratio of the medians"
        );
        let pair_by_pair = |figure: fn(&Run) -> f64| {
            let pairs = runs[0].iter().zip(&runs[1]);
            Quartiles::of(pairs.map(|(own, other)| figure(own) / figure(other)))
        };
        let (wall, cpu) = (pair_by_pair(|run| run.wall), pair_by_pair(|run| run.cpu));
        println!(
            "{:<36} wall {wall:<26.3} CPU {cpu:.3}",
            "ratio pair by pair"
        );
    }

    fn memory(&self) {
        println!();
        let empty = Contestant::new(EMPTY, self.world.path("empty"));
        let contestants = [
            (Some(empty), ""),
            (Some(self.cached()), "goal 4"),
            (Some(self.cold()), "goal 5"),
            (self.curl("curl", &self.one_root), ""),
        ];
        for (contestant, goal) in contestants {
            let Some(contestant) = contestant else {
                continue;
            };
            if let Some(peak) = self.world.peak(&contestant) {
                println!(
                    "peak memory, {:<22} {peak:>15.1} MB {goal}",
                    contestant.name
                );
            }
        }
    }
}

fn milliseconds(runs: &[Run], figure: fn(&Run) -> f64) -> Vec<f64> {
    runs.iter().map(|run| 1000.0 * figure(run)).collect()
}
