//! Runs commands as whole processes in a clean environment and reads the operating system's account of them. Two
//! commands alternate, so that a comparison holds while the machine's speed drifts.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;
use wait4::Wait4 as _;

/// Runs per memory measurement: address space randomization changes the peak from run to run.
const PEAKS: usize = 21;

/// Runs commands in directories of their own, which are removed when it is dropped.
pub struct Runner {
    dir: TempDir,
}

/// A command to be measured.
#[derive(Clone)]
pub struct Contestant {
    /// Its name in tables.
    pub name: String,
    program: PathBuf,
    args: Vec<OsString>,
    vars: Vec<(&'static str, OsString)>,
    /// Whether each run sends a request to the server.
    pub asks: bool,
}

/// What one run cost, in seconds.
#[derive(Clone, Copy)]
pub struct Run {
    pub wall: f64,
    pub cpu: f64,
}

/// The lower quartile, the median, the upper quartile.
#[derive(Clone, Copy, Debug)]
pub struct Quartiles {
    pub lower: f64,
    pub median: f64,
    pub upper: f64,
}

impl Runner {
    pub fn new() -> Self {
        let dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        for directory in ["home", "copies"] {
            fs::create_dir(dir.path().join(directory)).unwrap();
        }
        Self { dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A command with an empty environment but for HOME, PATH and LANG: no SSL_CERT_FILE, CURL_CA_BUNDLE or proxy.
    fn command(&self, contestant: &Contestant, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .args(&contestant.args)
            .env_clear()
            .env("HOME", self.path("home"))
            .env("PATH", "/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .envs(contestant.vars.iter().cloned())
            .stdin(Stdio::null());
        command
    }

    /// A fresh copy of a program that replaces the previous one of the same `side`. Where a file lies in the page cache
    /// changes its speed, so each comparison starts with new copies.
    pub fn fresh_copy(&self, program: &Path, side: &str) -> PathBuf {
        let directory = self.path("copies").join(side);
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        let copy = directory.join(program.file_name().unwrap());
        fs::copy(program, &copy).unwrap();
        copy
    }

    fn with_fresh_copy(&self, contestant: &Contestant, side: &str) -> Contestant {
        let mut fresh = contestant.clone();
        if contestant.may_be_copied() {
            fresh.program = self.fresh_copy(&contestant.program, side);
        }
        fresh
    }

    /// Runs the command, which must succeed, and returns its output.
    pub fn output(&self, contestant: &Contestant) -> String {
        let output = self
            .command(contestant, &contestant.program)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        let name = &contestant.name;
        assert!(output.status.success(), "{name}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the command once. Its output goes to a pipe, as in `TOKEN=$(…)`; the pipe's buffer holds all of it.
    pub fn run(&self, contestant: &Contestant) -> Run {
        let mut command = self.command(contestant, &contestant.program);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let began = Instant::now();
        let mut child = command.spawn().unwrap();
        let end = child.wait4().unwrap();
        let wall = began.elapsed().as_secs_f64();
        assert!(end.status.success(), "{}: {}", contestant.name, end.status);
        Run {
            wall,
            cpu: (end.rusage.utime + end.rusage.stime).as_secs_f64(),
        }
    }

    /// Runs both alternately, `count` times each, after one warm-up run of each.
    pub fn pairs(&self, one: &Contestant, other: &Contestant, count: usize) -> [Vec<Run>; 2] {
        let one = self.with_fresh_copy(one, "one");
        let other = self.with_fresh_copy(other, "other");
        let mut runs = [Vec::new(), Vec::new()];
        self.run(&one);
        self.run(&other);
        for round in 0..count {
            // The order alternates: each run leaves caches warm for the next.
            let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
            for side in order {
                runs[side].push(self.run([&one, &other][side]));
            }
        }
        runs
    }

    /// Peak memory in megabytes: the median of `PEAKS` runs. GNU time starts them, because the peak of a child includes
    /// that of the process it was forked from, and time's is small.
    pub fn peak(&self, contestant: &Contestant) -> Option<f64> {
        let contestant = self.with_fresh_copy(contestant, "memory");
        evict_from_page_cache(&contestant.program);
        let time = contestant.below(&installed("time")?, &["-f", "%M"]);
        let peak = || {
            let output = self.command(&time, &time.program).output().unwrap();
            let report = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}: {report}", contestant.name);
            let kilobytes: f64 = report.lines().last()?.parse().ok()?;
            Some(kilobytes / 1024.0)
        };
        let peaks: Option<Vec<_>> = (0..PEAKS).map(|_| peak()).collect();
        Some(Quartiles::of(peaks?).median)
    }

    /// Instructions of one run under callgrind.
    pub fn instructions(&self, contestant: &Contestant) -> Option<f64> {
        let args = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];
        let valgrind = contestant.below(&installed("valgrind")?, &args);
        let output = self.command(&valgrind, &valgrind.program).output().unwrap();
        let report = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {report}", contestant.name);
        let (_, count) = report.split_once("Collected : ")?;
        count.lines().next()?.trim().parse().ok()
    }

    /// The number of system calls of one run, program loading included.
    pub fn system_calls(&self, contestant: &Contestant) -> Option<f64> {
        let trace = self.path("trace");
        let args = ["-f", "-qq", "-e", "signal=none", "-o"];
        let args = [&args[..], &[trace.to_str().unwrap()]].concat();
        let strace = contestant.below(&installed("strace")?, &args);
        self.output(&strace);
        let text = String::from_utf8_lossy(&fs::read(trace).unwrap()).into_owned();
        let calls = text.lines().filter(|line| !line.contains(" resumed>"));
        Some(calls.count() as f64)
    }
}

impl Contestant {
    pub fn new(name: &str, program: impl Into<PathBuf>) -> Self {
        Self {
            name: name.to_owned(),
            program: program.into(),
            args: Vec::new(),
            vars: Vec::new(),
            asks: false,
        }
    }

    pub fn args<T: Into<OsString>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub fn var(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.vars.push((name, value.into()));
        self
    }

    /// The same command with another binary.
    pub fn with_program(mut self, name: &str, program: &Path) -> Self {
        name.clone_into(&mut self.name);
        program.clone_into(&mut self.program);
        self
    }

    /// The same command, started by another program.
    fn below(&self, program: &Path, args: &[&str]) -> Self {
        let mut below = self.clone();
        below.program = program.to_owned();
        below.args = args.iter().map(OsString::from).collect();
        below.args.push(self.program.clone().into());
        below.args.extend(self.args.iter().cloned());
        below
    }

    /// Marks that each run sends a request to the server.
    pub fn asking(mut self) -> Self {
        self.asks = true;
        self
    }

    /// False for Python, which finds its packages by its own path, and for the shell, which runs copies already.
    fn may_be_copied(&self) -> bool {
        let name = self.program.file_name().unwrap();
        name != "sh" && name != "python"
    }
}

impl Quartiles {
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let at = |part: f64| {
            let place = part * (figures.len() - 1) as f64;
            let (below, above) = (
                figures[place.floor() as usize],
                figures[place.ceil() as usize],
            );
            below + (above - below) * place.fract()
        };
        Self {
            lower: at(0.25),
            median: at(0.5),
            upper: at(0.75),
        }
    }
}

/// Drops a program that was just written from the page cache, so that it is read from disk as after a reboot. Written files
/// are cached in larger folios than read ones and mapped whole, which would add 0.3 MB for a program of 3.5 MB.
fn evict_from_page_cache(program: &Path) {
    let file = File::open(program).unwrap();
    file.sync_all().unwrap();
    #[cfg(target_os = "linux")]
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
}

/// The path of a program, if it is on PATH.
pub fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|program| program.is_file())
}

/// The first line that a program prints, such as its version.
pub fn first_line(program: impl AsRef<OsStr>, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.lines().next()?.to_owned())
}
