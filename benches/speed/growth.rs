//! How the cost of a cached `get` depends on the number of identities, the number of runs, and the length of the token.

use std::fs;

use crate::Bench;
use crate::measure::Contestant;

const IDENTITIES: u32 = 10_000;
const LONG_TOKEN: usize = 16 * 1024;
const RUNS: u32 = 5_000;

pub fn report(bench: &Bench) {
    println!("\ngrowth of a cached get");
    let cached = bench.cached();
    print_cost(bench, "one identity", &cached);
    let directory = bench.world.path("home/.cache/cells-token");

    for number in 0..RUNS {
        bench.world.run(&cached);
        let files = fs::read_dir(&directory).unwrap().count();
        assert_eq!(files, 2, "an entry and a lock file, after {number} runs");
    }
    println!("{RUNS} runs: still 2 files, {} bytes", bytes_in(&directory));

    let entry = bench.entry();
    for number in 0..IDENTITIES {
        fs::copy(&entry, directory.join(format!("{number:032x}.json"))).unwrap();
    }
    print_cost(bench, &format!("{} identities", IDENTITIES + 1), &cached);
    if let Some(calls) = bench.world.system_calls(&cached) {
        let listing = calls
            .iter()
            .filter(|call| call.contains("getdents"))
            .count();
        println!("calls that list a directory: {listing}");
    }

    let long = cached.var(
        "CELLS_BASE_URL",
        format!("{}/{LONG_TOKEN}", bench.server.url),
    );
    let cold = long.clone().var("SSL_CERT_FILE", &bench.one_root);
    let token = bench.world.output(&cold);
    assert!(token.len() > LONG_TOKEN - 8, "{}", token.len());
    print_cost(bench, "a token of 16 KiB", &long);
}

fn print_cost(bench: &Bench, what: &str, contestant: &Contestant) {
    let shown = |figure: Option<f64>| figure.map_or("?".to_owned(), |figure| figure.to_string());
    let calls = bench.world.system_calls(contestant);
    let peak = bench.world.peak(contestant);
    println!(
        "{what:<24} {:>9} instructions, {:>3} system calls, {} MB",
        shown(bench.world.instructions(contestant)),
        shown(calls.map(|calls| calls.len() as f64)),
        shown(peak.map(|peak| (peak * 10.0).round() / 10.0)),
    );
}

fn bytes_in(directory: &std::path::Path) -> u64 {
    let files = fs::read_dir(directory).unwrap();
    files
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum()
}
