//! Concurrent processes. They write `-v` to one pipe, which shows when one waits for another.

use std::io::{BufRead as _, BufReader, PipeWriter, Read as _, pipe};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::env::TestEnv;
use super::leaks::Watch;
use super::program::program;

/// The longest that all processes together may take.
const LIMIT: Duration = Duration::from_secs(60);
/// How often a process is checked for its exit.
const POLL: Duration = Duration::from_millis(5);
/// The `-v` message of a process that waits for the lock.
const WAITS: &str = "another process is fetching; waiting for its token";

/// Concurrent processes, killed when dropped.
pub struct Processes {
    children: Vec<Child>,
    stderr: Option<PipeWriter>,
    lines: Arc<Lines>,
    reader: Option<JoinHandle<()>>,
    watch: Watch,
}

#[derive(Default)]
struct Lines {
    all: Mutex<Vec<String>>,
    changed: Condvar,
}

/// The result of one process.
#[derive(Debug, PartialEq, Eq)]
pub struct Exit {
    pub code: Option<i32>,
    pub stdout: String,
}

impl Processes {
    pub fn new(env: &TestEnv) -> Self {
        let (pipe, stderr) = pipe().unwrap();
        let lines = Arc::new(Lines::default());
        let reader = {
            let lines = Arc::clone(&lines);
            thread::spawn(move || {
                for line in BufReader::new(pipe).lines() {
                    lines.all.lock().unwrap().push(line.unwrap());
                    lines.changed.notify_all();
                }
            })
        };
        Self {
            children: Vec::new(),
            stderr: Some(stderr),
            lines,
            reader: Some(reader),
            watch: env.watch.clone(),
        }
    }

    /// Starts `count` more processes that run `get -v` with these options in the present environment.
    pub fn start(&mut self, env: &TestEnv, count: usize, options: &[&str]) -> &mut Self {
        self.watch = env.watch.clone();
        for _ in 0..count {
            // At low priority, so that they do not disturb the timing of other tests.
            let mut command = Command::new("nice");
            env.furnish(command.arg(program()).args(["get", "-v"]).args(options));
            let stderr = self.stderr.as_ref().unwrap().try_clone().unwrap();
            command.stdin(Stdio::null()).stdout(Stdio::piped());
            self.children.push(command.stderr(stderr).spawn().unwrap());
        }
        self
    }

    /// Waits until this many processes in all have begun to wait for the lock.
    #[track_caller]
    pub fn wait_for_waiting(&self, count: usize) {
        self.wait_for(WAITS, count);
    }

    /// Waits until this many lines contain `text`.
    #[track_caller]
    pub fn wait_for(&self, text: &str, count: usize) {
        let count_in = |lines: &[String]| lines.iter().filter(|line| line.contains(text)).count();
        let lines = self.lines.all.lock().unwrap();
        let (lines, _) = self
            .lines
            .changed
            .wait_timeout_while(lines, LIMIT, |lines| count_in(lines) < count)
            .unwrap();
        assert_eq!(count_in(&lines), count, "lines with {text:?}");
    }

    /// Kills process number `index`, if it is still running.
    pub fn kill(&mut self, index: usize) {
        let _ = self.children[index].kill();
    }

    /// What all processes have written to stderr.
    pub fn stderr(&self) -> String {
        self.lines.all.lock().unwrap().join("\n")
    }

    /// Waits for all to exit and checks for leaks; returns the results in starting order.
    #[track_caller]
    pub fn finish(mut self) -> Vec<Exit> {
        drop(self.stderr.take());
        let since = Instant::now();
        let mut exits = Vec::new();
        for child in &mut self.children {
            let status = loop {
                if let Some(status) = child.try_wait().unwrap() {
                    break status;
                }
                assert!(since.elapsed() < LIMIT, "a process is still running");
                thread::sleep(POLL);
            };
            let mut stdout = String::new();
            let stream = child.stdout.take();
            stream.unwrap().read_to_string(&mut stdout).unwrap();
            self.watch.assert_no_secret("stdout", stdout.as_bytes());
            exits.push(Exit {
                code: status.code(),
                stdout,
            });
        }
        self.reader.take().unwrap().join().unwrap();
        let stderr = self.stderr();
        assert!(!stderr.contains("panicked"), "{stderr}");
        self.watch.assert_no_secret("stderr", stderr.as_bytes());
        self.watch.assert_no_token("stderr", &stderr);
        self.watch.assert_no_secret_in_files();
        // Shown if the test fails.
        eprintln!("{stderr}");
        exits
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
