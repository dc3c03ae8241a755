//! An isolated environment for the program: its own directories, only the variables that a test sets, no terminal. Every
//! run is searched for leaks and checked by the rules of `output.rs`.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, atomic::AtomicBool};

use tempfile::TempDir;

use super::leaks::Watch;
use super::output::Output;
use super::program::program;
use super::running::Running;
use super::server::Server;
use super::terminal::Terminal;
use super::{ID, SECRET, TOKEN};

/// Variables of every environment. Logging is on, so that it would leak; tests of the cache empty CELLS_NO_CACHE.
const DEFAULTS: &[(&str, &str)] = &[
    ("RUST_LOG", "trace"),
    ("RUST_BACKTRACE", "1"),
    ("LANG", "C.UTF-8"),
    ("TERM", "xterm"),
    ("CELLS_NO_CACHE", "1"),
    // A run that should have failed earlier must not reach the vendor. An empty variable is unset.
    ("CELLS_BASE_URL", "http://127.0.0.1:9"),
];

/// What [`TestEnv::run_once`] adds.
const ONE_ATTEMPT: &[&str] = &["--retries", "0"];

pub struct TestEnv {
    /// Removed when dropped.
    _dir: TempDir,
    root: PathBuf,
    vars: BTreeMap<OsString, OsString>,
    pub(super) watch: Watch,
}

impl TestEnv {
    /// Creates an environment that checks for leaks of `SECRET` and `TOKEN`.
    pub fn new() -> Self {
        restore_sigint();
        let dir = TempDir::with_prefix("cells-token-").unwrap();
        let root = dir.path().canonicalize().unwrap();
        let mut vars = BTreeMap::new();
        for (name, folder) in [
            ("HOME", "home"),
            ("XDG_CONFIG_HOME", "home/.config"),
            ("XDG_CACHE_HOME", "home/.cache"),
            ("XDG_DATA_HOME", "home/.local/share"),
            ("XDG_STATE_HOME", "home/.local/state"),
            ("XDG_RUNTIME_DIR", "run"),
            ("TMPDIR", "tmp"),
            ("PWD", "work"),
        ] {
            let folder = root.join(folder);
            fs::create_dir_all(&folder).unwrap();
            vars.insert(name.into(), folder.into());
        }
        let program_first = program().parent().unwrap().to_owned();
        let path = std::env::var_os("PATH").unwrap();
        let path = std::iter::once(program_first).chain(std::env::split_paths(&path));
        vars.insert("PATH".into(), std::env::join_paths(path).unwrap());
        vars.extend(
            DEFAULTS
                .iter()
                .map(|(name, value)| (name.into(), value.into())),
        );
        let watch = Watch {
            root: root.clone(),
            ..Watch::default()
        };
        let mut env = Self {
            _dir: dir,
            root,
            vars,
            watch,
        };
        env.secret(SECRET);
        env.token(TOKEN);
        env
    }

    /// An environment with valid credentials for `server`.
    pub fn for_server(server: &Server) -> Self {
        let mut env = Self::with_credentials();
        env.var("CELLS_BASE_URL", server.url());
        env
    }

    /// Like [`TestEnv::for_server`], with the cache on.
    pub fn caching(server: &Server) -> Self {
        let mut env = Self::for_server(server);
        env.var("CELLS_NO_CACHE", "");
        env
    }

    /// An environment with `ID` and `SECRET` in `CELLS_CLIENT_ID` and `CELLS_CLIENT_SECRET`.
    pub fn with_credentials() -> Self {
        let mut env = Self::new();
        env.var("CELLS_CLIENT_ID", ID)
            .var("CELLS_CLIENT_SECRET", SECRET);
        env
    }

    /// Sets a variable. If its name contains "secret", its value must not leak.
    pub fn var(&mut self, name: &str, value: impl Into<OsString>) -> &mut Self {
        let value = value.into();
        let lower = name.to_lowercase();
        let is_elsewhere = lower.ends_with("_file") || lower.ends_with("_command");
        if lower.contains("secret") && !is_elsewhere {
            self.watch.add_secret(&value.to_string_lossy());
        }
        self.vars.insert(name.into(), value);
        self
    }

    /// Unsets a variable.
    pub fn unset(&mut self, name: &str) -> &mut Self {
        self.vars.remove(&OsString::from(name));
        self
    }

    /// Puts a directory first on PATH.
    #[cfg(feature = "server")]
    pub fn first_on_path(&mut self, folder: PathBuf) -> &mut Self {
        let rest = self.vars[&OsString::from("PATH")].clone();
        let path = std::iter::once(folder).chain(std::env::split_paths(&rest));
        self.var("PATH", std::env::join_paths(path).unwrap())
    }

    /// Adds a value that must not leak.
    pub fn secret(&mut self, secret: &str) -> &mut Self {
        self.watch.add_secret(secret);
        self
    }

    /// Adds a token that must not be in stderr.
    pub fn token(&mut self, token: &str) -> &mut Self {
        self.watch.add_token(token);
        self
    }

    /// Fails if `bytes`, described by `place`, contain a secret.
    pub fn assert_no_secret(&self, place: &str, bytes: &[u8]) {
        self.watch.assert_no_secret(place, bytes);
    }

    /// Creates a file that may hold a secret, and returns its absolute path.
    pub fn file(&mut self, name: &str, contents: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, contents).unwrap();
        self.watch.exempt.insert(path.clone());
        path.into_os_string().into_string().unwrap()
    }

    /// Excludes a file from the search for leaks.
    pub fn may_hold_secret(&mut self, path: &Path) {
        self.watch.exempt.insert(path.to_owned());
    }

    /// The configuration directory, unless a variable names another.
    pub fn config_dir(&self) -> PathBuf {
        self.root.join("home/.config/cells-token")
    }

    /// Like `file`, readable by its owner only.
    pub fn private_file(&mut self, name: &str, contents: impl AsRef<[u8]>) -> String {
        let path = self.file(name, contents);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// A path below the working directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join("work").join(name)
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.run_with_stdin(args, b"")
    }

    /// Runs the program with a single attempt.
    pub fn run_once(&self, args: &[&str]) -> Output {
        self.run(&[args, ONE_ATTEMPT].concat())
    }

    pub fn run_with_stdin(&self, args: &[&str], input: &[u8]) -> Output {
        let mut running = self.start(args);
        running.type_in(input);
        let output = running.finish();
        // Without a command it prints its usage, to which the rules don't apply.
        if args.is_empty() {
            output.assert_safe_stderr()
        } else {
            output.assert_message_format()
        }
        output
    }

    /// Starts the program in the background with an open stdin.
    pub fn start(&self, args: &[&str]) -> Running {
        self.start_into(args, Stdio::piped())
    }

    /// Like `start`, with another stdout.
    pub fn start_into(&self, args: &[&str], stdout: Stdio) -> Running {
        let mut command = self.command(program());
        command.args(args).stdout(stdout);
        let mut watch = self.watch.clone();
        for (i, arg) in args.iter().enumerate() {
            match arg.strip_prefix("--client-secret") {
                Some("") => args
                    .get(i + 1)
                    .iter()
                    .for_each(|secret| watch.add_secret(secret)),
                Some(rest) if rest.starts_with('=') => watch.add_secret(&rest[1..]),
                _ => {}
            }
        }
        Running::start(command, format!("cells-token {args:?}"), watch)
    }

    /// Runs a script in `sh`, with `cells-token` on PATH.
    pub fn sh(&self, script: &str) -> Output {
        let output = self.start_sh(script).finish();
        output.assert_safe_stderr();
        output
    }

    /// Starts a script in the background.
    pub fn start_sh(&self, script: &str) -> Running {
        let mut command = self.command("sh");
        command.args(["-c", script]).stdout(Stdio::piped());
        Running::start(command, format!("sh -c {script:?}"), self.watch.clone())
    }

    /// Runs a script in the given shell on a new terminal.
    pub fn terminal(&self, shell: &str, script: &str) -> Terminal {
        let mut command = Command::new(shell);
        command.args(["-c", script]);
        self.furnish(&mut command);
        Terminal::start(command, self.watch.clone())
    }

    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        // Detached from the terminal on which the tests run, which would show prompts. util-linux's setsid executes in
        // place, so the process id is the program's.
        let mut command = if cfg!(target_os = "linux") {
            let mut command = Command::new("setsid");
            command.arg(program);
            command
        } else {
            Command::new(program)
        };
        self.furnish(&mut command);
        command.stdin(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(super) fn furnish(&self, command: &mut Command) {
        command
            .env_clear()
            .envs(&self.vars)
            .current_dir(self.root.join("work"));
    }
}

/// A script's background job ignores SIGINT, and its children inherit that. Handlers are not inherited, so with one
/// installed here, programs start with the default.
fn restore_sigint() {
    use signal_hook::{consts::SIGINT, flag::register_conditional_default};
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        register_conditional_default(SIGINT, Arc::new(AtomicBool::new(true))).unwrap();
    });
}
