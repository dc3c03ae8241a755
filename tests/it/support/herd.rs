//! Many processes at once: their notes go to one pipe, in which it is seen that they wait for another process.

use std::io::{BufRead as _, BufReader, PipeWriter, Read as _, pipe};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::env::TestEnv;
use super::leaks::Watch;
use super::program::program;

/// How long a whole herd may take.
const LIMIT: Duration = Duration::from_secs(60);
/// How often what cannot be waited for is looked at.
const POLL: Duration = Duration::from_millis(5);
/// What `-v` says once a process found the lock taken and no token yet: from then on it polls.
const WAITS: &str = "another process is fetching; waiting for its token";

/// Killed when dropped unfinished.
pub struct Herd {
    members: Vec<Child>,
    voice: Option<PipeWriter>,
    said: Arc<Said>,
    listening: Option<JoinHandle<()>>,
    watch: Watch,
}

#[derive(Default)]
struct Said {
    lines: Mutex<Vec<String>>,
    changed: Condvar,
}

/// How one of the herd ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Member {
    pub code: Option<i32>,
    pub stdout: String,
}

impl Herd {
    pub fn new(env: &TestEnv) -> Self {
        let (reader, voice) = pipe().unwrap();
        let said = Arc::new(Said::default());
        let listening = {
            let said = Arc::clone(&said);
            thread::spawn(move || {
                for line in BufReader::new(reader).lines() {
                    said.lines.lock().unwrap().push(line.unwrap());
                    said.changed.notify_all();
                }
            })
        };
        Self {
            members: Vec::new(),
            voice: Some(voice),
            said,
            listening: Some(listening),
            watch: env.watch.clone(),
        }
    }

    /// `count` more, that run `get -v` with these options in the world as it is now.
    pub fn start(&mut self, env: &TestEnv, count: usize, options: &[&str]) -> &mut Self {
        self.watch = env.watch.clone();
        for _ in 0..count {
            // At low priority: what other tests measure meanwhile should not depend on a herd.
            let mut command = Command::new("nice");
            env.furnish(command.arg(program()).args(["get", "-v"]).args(options));
            let voice = self.voice.as_ref().unwrap().try_clone().unwrap();
            command.stdin(Stdio::null()).stdout(Stdio::piped());
            self.members.push(command.stderr(voice).spawn().unwrap());
        }
        self
    }

    /// Waits until so many in all have been seen waiting for another process.
    #[track_caller]
    pub fn wait_for_waiting(&self, count: usize) {
        self.wait_for(WAITS, count);
    }

    /// Waits until a text has been said in so many lines.
    #[track_caller]
    pub fn wait_for(&self, text: &str, count: usize) {
        let said = |lines: &[String]| lines.iter().filter(|line| line.contains(text)).count();
        let lines = self.said.lines.lock().unwrap();
        let (lines, _) = self
            .said
            .changed
            .wait_timeout_while(lines, LIMIT, |lines| said(lines) < count)
            .unwrap();
        assert_eq!(said(&lines), count, "how many said {text:?}");
    }

    /// Kills member number `index`. One that has ended stays as it is.
    pub fn kill(&mut self, index: usize) {
        let _ = self.members[index].kill();
    }

    pub fn said(&self) -> String {
        self.said.lines.lock().unwrap().join("\n")
    }

    /// Waits for the end of all, looks for leaks, and reports in the order of starting.
    #[track_caller]
    pub fn finish(mut self) -> Vec<Member> {
        drop(self.voice.take());
        let since = Instant::now();
        let mut ended = Vec::new();
        for member in &mut self.members {
            let status = loop {
                if let Some(status) = member.try_wait().unwrap() {
                    break status;
                }
                assert!(since.elapsed() < LIMIT, "one is still running");
                thread::sleep(POLL);
            };
            let mut stdout = String::new();
            let stream = member.stdout.take();
            stream.unwrap().read_to_string(&mut stdout).unwrap();
            self.watch.assert_no_secret("stdout", stdout.as_bytes());
            ended.push(Member {
                code: status.code(),
                stdout,
            });
        }
        self.listening.take().unwrap().join().unwrap();
        let said = self.said();
        assert!(!said.contains("panicked"), "{said}");
        self.watch.assert_no_secret("stderr", said.as_bytes());
        self.watch.assert_no_token("stderr", &said);
        self.watch.assert_no_secret_in_files();
        // Shown if the test fails.
        eprintln!("{said}");
        ended
    }
}

impl Drop for Herd {
    fn drop(&mut self) {
        for member in &mut self.members {
            let _ = member.kill();
            let _ = member.wait();
        }
    }
}
