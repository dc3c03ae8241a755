//! A process in the background. Its output is read as it is written, so that it never blocks, and it has a time limit.

use std::io::{Read, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::leaks::Watch;
use super::output::Output;

/// Longer than any run.
const RUN_LIMIT: Duration = Duration::from_secs(30);

/// A background run, killed when dropped.
pub struct Running {
    child: Child,
    args: String,
    watch: Watch,
    started: Instant,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
}

impl Running {
    pub fn start(mut command: Command, args: String, watch: Watch) -> Self {
        let started = Instant::now();
        let mut child = command.spawn().unwrap();
        let stdout = read_to_end(child.stdout.take());
        let stderr = read_to_end(child.stderr.take());
        Self {
            child,
            args,
            watch,
            started,
            stdout,
            stderr,
        }
    }

    /// Writes to its stdin and closes it. The program need not read it.
    pub fn type_in(&mut self, input: &[u8]) {
        let mut stdin = self.child.stdin.take().unwrap();
        let _ = stdin.write_all(input);
    }

    /// Sends SIGINT, as Ctrl-C does.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The arguments that other processes can see.
    #[cfg(target_os = "linux")]
    pub fn arguments(&self) -> Vec<u8> {
        std::fs::read(format!("/proc/{}/cmdline", self.child.id())).unwrap()
    }

    /// Kills it with SIGQUIT, whose default action dumps core; returns whether it did.
    #[cfg(target_os = "linux")]
    pub fn kill_with_core(mut self) -> bool {
        // Rust has a handler for SIGSEGV.
        self.signal(Signal::QUIT);
        let status = self.child.wait().unwrap();
        status.core_dumped()
    }

    /// Waits for it to exit, and checks for leaks.
    pub fn finish(mut self) -> Output {
        drop(self.child.stdin.take());
        let args = self.args.clone();
        let end_of = |stream: &Receiver<Vec<u8>>| {
            let left = RUN_LIMIT.saturating_sub(self.started.elapsed());
            let bytes = stream.recv_timeout(left);
            bytes.unwrap_or_else(|_| panic!("still running after {RUN_LIMIT:?}: {args}"))
        };
        let (stdout, stderr) = (end_of(&self.stdout), end_of(&self.stderr));
        let status = self.child.wait().unwrap();
        let output = Output {
            args: args.clone(),
            code: status.code(),
            signal: status.signal(),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
            elapsed: self.started.elapsed(),
        };
        self.watch
            .assert_no_secret(&format!("stdout of {args}"), &stdout);
        self.watch
            .assert_no_secret(&format!("stderr of {args}"), &stderr);
        self.watch
            .assert_no_token(&format!("stderr of {args}"), &output.stderr);
        self.watch.assert_no_secret_in_files();
        output
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_to_end(stream: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            let _ = stream.read_to_end(&mut bytes);
        }
        let _ = sender.send(bytes);
    });
    receiver
}
