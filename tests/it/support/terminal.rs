//! A pseudo-terminal, and the process that runs on it as the session leader.

use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use pty_process::blocking::{Command as PtyCommand, Pty, open};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use rustix::termios::{LocalModes, tcgetattr};

use super::leaks::Watch;

/// Time limit for every wait.
const LIMIT: Duration = Duration::from_secs(20);
/// Polling interval.
const POLL: Duration = Duration::from_millis(5);

/// Killed with all its children when dropped before it ends.
pub struct Terminal {
    pty: Arc<Pty>,
    child: Child,
    screen: Arc<Screen>,
    /// Where the search for the next text begins.
    seen: usize,
    watch: Watch,
}

#[derive(Default)]
struct Screen {
    shown: Mutex<Shown>,
    changed: Condvar,
}

#[derive(Default)]
struct Shown {
    bytes: Vec<u8>,
    /// Whether no process has the terminal open any more.
    ended: bool,
}

/// How a terminal's process ended.
pub struct Ended {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    /// Everything shown, with plain newlines.
    pub screen: String,
    /// Whether the terminal echoes again.
    pub echoes: bool,
}

impl Terminal {
    pub const CTRL_C: u8 = 0x03;
    pub const CTRL_D: u8 = 0x04;
    pub const CTRL_Z: u8 = 0x1a;

    pub fn start(command: Command, watch: Watch) -> Self {
        let (pty, pts) = open().unwrap();
        let child = PtyCommand::from(command).spawn(pts).unwrap();
        let pty = Arc::new(pty);
        let screen = Arc::new(Screen::default());
        let reader = (Arc::clone(&pty), Arc::clone(&screen));
        thread::spawn(move || reader.1.fill_from(&reader.0));
        Self {
            pty,
            child,
            screen,
            seen: 0,
            watch,
        }
    }

    /// Waits for a text, ignoring case, after the text of the previous call.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> &mut Self {
        let find = |shown: &Shown| {
            let tail = &shown.bytes[self.seen..];
            tail.windows(text.len())
                .position(|part| part.eq_ignore_ascii_case(text.as_bytes()))
        };
        let shown = self.screen.shown.lock().unwrap();
        let waiting = self
            .screen
            .changed
            .wait_timeout_while(shown, LIMIT, |shown| find(shown).is_none() && !shown.ended);
        let (shown, _) = waiting.unwrap();
        let Some(at) = find(&shown) else {
            panic!(
                "{text:?} never appeared on:\n{}",
                String::from_utf8_lossy(&shown.bytes)
            )
        };
        self.seen += at + text.len();
        drop(shown);
        self
    }

    /// Waits until echo is on or off.
    #[track_caller]
    pub fn wait_for_echo(&mut self, on: bool) -> &mut Self {
        let since = Instant::now();
        while self.echoes() != on {
            assert!(
                since.elapsed() < LIMIT,
                "echo never became {on}:\n{}",
                self.screen()
            );
            thread::sleep(POLL);
        }
        self
    }

    pub fn echoes(&self) -> bool {
        tcgetattr(&*self.pty)
            .unwrap()
            .local_modes
            .contains(LocalModes::ECHO)
    }

    /// Types a line and presses Enter.
    pub fn type_line(&mut self, line: &str) -> &mut Self {
        (&*self.pty)
            .write_all(format!("{line}\r").as_bytes())
            .unwrap();
        self
    }

    pub fn press(&mut self, key: u8) -> &mut Self {
        (&*self.pty).write_all(&[key]).unwrap();
        self
    }

    /// Sends a signal to the session leader only.
    pub fn signal(&mut self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub fn screen(&self) -> String {
        let shown = self.screen.shown.lock().unwrap();
        String::from_utf8_lossy(&shown.bytes).replace("\r\n", "\n")
    }

    /// Waits for the end, checks the screen and files for leaks, and returns the result.
    #[track_caller]
    pub fn finish(mut self) -> Ended {
        let since = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(since.elapsed() < LIMIT, "still running:\n{}", self.screen());
            thread::sleep(POLL);
        };
        let shown = self.screen.shown.lock().unwrap();
        let shown = self
            .screen
            .changed
            .wait_timeout_while(shown, LIMIT, |shown| !shown.ended)
            .unwrap()
            .0;
        self.watch
            .assert_no_secret("what the terminal shows", &shown.bytes);
        drop(shown);
        self.watch.assert_no_secret_in_files();
        let screen = self.screen();
        assert!(!screen.contains("panicked"), "{screen}");
        Ended {
            code: status.code(),
            signal: status.signal(),
            screen,
            echoes: self.echoes(),
        }
    }
}

impl Screen {
    fn fill_from(&self, mut pty: &Pty) {
        let mut buffer = [0; 1024];
        loop {
            // An error means that no process has the terminal open. Linux may report that before the last output (it
            // looks for output first, then for the hangup); reading again gets it.
            let read = pty.read(&mut buffer).or_else(|_| pty.read(&mut buffer));
            let count = read.unwrap_or(0);
            let mut shown = self.shown.lock().unwrap();
            shown.bytes.extend(&buffer[..count]);
            shown.ended = count == 0;
            self.changed.notify_all();
            if shown.ended {
                return;
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // The leader's id is its group's: the shell and what runs in it.
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _ = self.child.wait();
        }
    }
}
