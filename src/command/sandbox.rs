//! `sandbox`: runs a command against a local token endpoint with made-up credentials, without an account or network. All
//! files are temporary.

use std::fs;
use std::future;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::http::StatusCode;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::runtime::{self, Runtime};

use crate::child;
use crate::cli;
use crate::config;
use crate::env::{self, Variable};
use crate::error::Error;
use crate::oauth::ClientCredentials;
use crate::problem::Problem;
use crate::report::{Reporter, Verbosity};
use crate::server::{self, Issuer, Service};
use crate::time::Timestamp;

const DEFAULT_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// The variables of cells-token that the command inherits: none that names credentials, an endpoint or a proxy. All
/// others, including future ones, are removed.
const INHERITED: [Variable; 10] = [
    env::CI,
    env::CELLS_NO_INPUT,
    env::CELLS_ALLOW_HTTP,
    env::CELLS_CA_CERT,
    env::CELLS_TIMEOUT,
    env::CELLS_RETRIES,
    env::CELLS_MIN_TTL,
    env::CELLS_NO_CACHE,
    env::SSL_CERT_FILE,
    env::SSL_CERT_DIR,
];

#[cfg(windows)]
const SHELL: (&str, &str) = ("COMSPEC", "cmd.exe");
#[cfg(not(windows))]
const SHELL: (&str, &str) = ("SHELL", "/bin/sh");

/// Runs the command of `args`, and returns its status.
///
/// # Errors
/// Why the sandbox could not be prepared, or why the command did not start.
#[inline(never)]
pub fn run(args: &cli::Sandbox, report: Reporter) -> Result<ExitCode, Error> {
    let sandbox = Sandbox::new(args, report).map_err(Error::before_command)?;
    let serve = server::serve(sandbox.listener, None, sandbox.service, future::pending());
    let status = sandbox.runtime.block_on(async {
        tokio::spawn(serve);
        child::run(sandbox.command).await
    });
    // Ends the endpoint, even if the command left processes running.
    drop(sandbox.runtime);
    if let Err(error) = sandbox.directory.close() {
        report.warning(&format!("cannot delete the sandbox's directory: {error}"));
    }
    Ok(child::code(status?).into())
}

/// What the command needs to run.
struct Sandbox {
    service: Arc<Service>,
    listener: TcpListener,
    directory: TempDir,
    command: Command,
    runtime: Runtime,
}

impl Sandbox {
    fn new(args: &cli::Sandbox, report: Reporter) -> Result<Self, Error> {
        let duration = |text| config::duration(text, "--expires-in");
        let lifetime = args.expires_in.as_deref().map(duration).transpose()?;
        let script = args.respond.as_deref().map(script).transpose()?;
        let lifetime = lifetime.unwrap_or(DEFAULT_LIFETIME);
        let issuer = Issuer::new(lifetime, script.unwrap_or_default(), Timestamp::now);
        let directory = directory().context("cannot create a private directory for the sandbox")?;
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the sandbox's server")?;
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .context("cannot listen on 127.0.0.1")?;
        let address = listener.local_addr().context("cannot read the address")?;
        let url = format!("http://{address}");
        let command = command(args, issuer.credentials(), &url, directory.path())?;
        if args.command.is_empty() {
            report.info(&format!(
                "this shell uses the token endpoint {url}; try cells-token get, and type exit to leave"
            ));
        }
        let service = Service {
            router: issuer.router(),
            only_loopback_hosts: false,
            report,
            log_with: Verbosity::Verbose,
            metrics: Arc::default(),
        };
        Ok(Self {
            service: Arc::new(service),
            listener,
            directory,
            command,
            runtime,
        })
    }
}

/// Parses the statuses of `--respond`, such as `503,429,200`.
fn script(text: &str) -> Result<Vec<StatusCode>, Problem> {
    let status = |text: &str| match text.trim().parse() {
        Ok(number @ 200..600) => StatusCode::from_u16(number).ok(),
        _ => None,
    };
    let statuses: Option<_> = text.split(',').map(status).collect();
    statuses.ok_or_else(|| {
        Problem::new(
            "--respond has an invalid HTTP status",
            "use statuses from 200 to 599 separated by commas, such as 503,429,200",
        )
    })
}

/// The command to run, with its environment.
fn command(
    args: &cli::Sandbox,
    credentials: &ClientCredentials,
    url: &str,
    directory: &Path,
) -> anyhow::Result<Command> {
    let (variable, default) = SHELL;
    let shell = || env::of_the_system(variable).unwrap_or_else(|| default.into());
    let mut words = args.command.iter();
    let mut command = Command::new(words.next().cloned().unwrap_or_else(shell));
    command.args(words);
    let foreign = env::VARIABLES
        .iter()
        .filter(|variable| !INHERITED.contains(variable));
    // cells-token and curl ignore HTTP_PROXY, but other programs would use it for requests to the sandbox.
    for name in foreign.map(|variable| variable.name).chain(["HTTP_PROXY"]) {
        command.env_remove(name);
    }
    let path = env::of_the_system("PATH");
    let rest = path.iter().flat_map(std::env::split_paths);
    let path = std::env::join_paths([directory.join("bin")].into_iter().chain(rest))
        .context("cannot add the sandbox's directory to PATH")?;
    command
        .env(env::CELLS_BASE_URL.name, url)
        .env(env::CELLS_CLIENT_ID.name, &credentials.id.0)
        .env(env::CELLS_CLIENT_SECRET.name, credentials.secret.expose())
        .env(env::CELLS_CACHE_DIR.name, directory.join("cache"))
        .env(env::CELLS_CONFIG_DIR.name, directory.join("config"))
        // The user's keyring may hold a profile of the same name.
        .env(env::CELLS_STORE.name, "file")
        .env("PATH", path);
    Ok(command)
}

/// Creates a private temporary directory, with a link to this program in it.
fn directory() -> anyhow::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("cells-token-sandbox-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    let directory = builder.tempdir()?;
    let bin = directory.path().join("bin");
    fs::create_dir(&bin)?;
    let program_name = format!("cells-token{}", std::env::consts::EXE_SUFFIX);
    let (program, link) = (std::env::current_exe()?, bin.join(program_name));
    #[cfg(unix)]
    std::os::unix::fs::symlink(program, link)?;
    // On Windows, a symbolic link needs a privilege, and a hard link to a running program cannot be deleted.
    #[cfg(not(unix))]
    fs::copy(program, link)?;
    Ok(directory)
}
