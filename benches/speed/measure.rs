//! Runs commands as whole processes, each in the same blank world, and takes the operating system's own account of
//! them; in pairs, so that a comparison holds while the machine's speed drifts.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;
use wait4::Wait4 as _;

/// Where code and data come to lie is drawn anew for each process, and the peak of its memory with that.
const PEAKS: usize = 21;

/// The folders in which everything runs. Removed when dropped.
pub struct World {
    dir: TempDir,
}

/// A command to be measured.
#[derive(Clone)]
pub struct Contestant {
    /// What it is called in tables.
    pub name: String,
    program: PathBuf,
    args: Vec<OsString>,
    vars: Vec<(&'static str, OsString)>,
    /// Whether each run of it is a request to the server.
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

impl World {
    pub fn new() -> Self {
        let dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        for folder in ["home", "copies"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        Self { dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A command with nothing in its environment but a home and the system's programs: no SSL_CERT_FILE,
    /// CURL_CA_BUNDLE or proxy of whoever measures.
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

    /// A fresh copy of a program, in the place of an earlier one for the same `side`: where a file lies in memory makes
    /// a difference, and every comparison draws that lot again.
    pub fn fresh_copy(&self, program: &Path, side: &str) -> PathBuf {
        let folder = self.path("copies").join(side);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let copy = folder.join(program.file_name().unwrap());
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

    /// What it prints; it has to succeed.
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

    /// Runs it once. Its output goes into a pipe, as in `TOKEN=$(…)`, which has room for all of it.
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

    /// Runs both `count` times in turn, after one run of each that does not count.
    pub fn pairs(&self, one: &Contestant, other: &Contestant, count: usize) -> [Vec<Run>; 2] {
        let one = self.with_fresh_copy(one, "one");
        let other = self.with_fresh_copy(other, "other");
        let mut runs = [Vec::new(), Vec::new()];
        self.run(&one);
        self.run(&other);
        for round in 0..count {
            // Who comes second finds the machine as the first left it, so they change places.
            let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
            for side in order {
                runs[side].push(self.run([&one, &other][side]));
            }
        }
        runs
    }

    /// The most memory that a run had, in megabytes: the median of `PEAKS` runs. GNU time starts them, because a process
    /// begins with the memory of who started it, and that is little there: an empty program shows how little.
    pub fn peak(&self, contestant: &Contestant) -> Option<f64> {
        let contestant = self.with_fresh_copy(contestant, "memory");
        read_anew(&contestant.program);
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

    /// The system calls of one run, its loading included, a line each.
    pub fn system_calls(&self, contestant: &Contestant) -> Option<Vec<String>> {
        let trace = self.path("trace");
        let args = [
            "-f",
            "-qq",
            "-e",
            "signal=none",
            "-o",
            trace.to_str().unwrap(),
        ];
        let strace = contestant.below(&installed("strace")?, &args);
        self.output(&strace);
        let text = String::from_utf8_lossy(&fs::read(trace).unwrap()).into_owned();
        let calls = text.lines().filter(|line| !line.contains(" resumed>"));
        Some(calls.map(str::to_owned).collect())
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

    /// The same, started by another program.
    fn below(&self, program: &Path, args: &[&str]) -> Self {
        let mut below = self.clone();
        below.program = program.to_owned();
        below.args = args.iter().map(OsString::from).collect();
        below.args.push(self.program.clone().into());
        below.args.extend(self.args.iter().cloned());
        below
    }

    /// Each run of it is a request to the server.
    pub fn asking(mut self) -> Self {
        self.asks = true;
        self
    }

    /// A shell finds what it runs by itself, and Python its packages by where it lies.
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

/// Lets the system forget a program that was just written, so that it comes from the disk as after a start of the
/// machine. What was written lies in memory in larger pieces than what was read, and each is mapped whole by whoever
/// touches it: that would be 0.3 MB more for a program of 3.5 MB.
fn read_anew(program: &Path) {
    let file = File::open(program).unwrap();
    file.sync_all().unwrap();
    #[cfg(target_os = "linux")]
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
}

/// Where a program is, if it is on the PATH of whoever measures.
pub fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// The first line that a program prints, such as its version.
pub fn first_line(program: impl AsRef<OsStr>, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.lines().next()?.to_owned())
}
