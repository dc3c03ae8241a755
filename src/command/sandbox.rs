//! `sandbox`: runs a command against a local token endpoint with made-up credentials, without an account or network. All
//! files are temporary.

use std::ffi::OsString;
use std::fs;
use std::future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hyper::StatusCode;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::runtime;

use crate::child;
use crate::cli;
use crate::config;
use crate::env::{self, Variable};
use crate::error::Error;
use crate::oauth::ClientCredentials;
use crate::problem::Problem;
use crate::report::Reporter;
use crate::server::{Issuer, Server, Service};
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

/// Ignored by cells-token and curl, but other programs would use it for requests to the sandbox.
const HTTP_PROXY: &str = "HTTP_PROXY";

const PATH: &str = "PATH";
/// The search path if `PATH` is not set.
const DEFAULT_PATH: Option<&str> = if cfg!(unix) {
    Some("/bin:/usr/bin")
} else {
    None
};

#[cfg(windows)]
const SHELL: (&str, &str) = ("COMSPEC", "cmd.exe");
#[cfg(not(windows))]
const SHELL: (&str, &str) = ("SHELL", "/bin/sh");

#[cfg(windows)]
const PROGRAM: &str = "cells-token.exe";
#[cfg(not(windows))]
const PROGRAM: &str = "cells-token";

/// Runs the command of `args`, and returns its status.
///
/// # Errors
/// `BeforeCommand`, or why the command did not start.
#[inline(never)]
pub fn run(args: &cli::Sandbox, report: Reporter) -> Result<ExitCode, Error> {
    let Prepared {
        issuer,
        directory,
        runtime,
    } = prepare(args, report).map_err(Error::before_command)?;
    let status = runtime.block_on(async {
        let (listener, address) = listen().await?;
        let command = command(args, issuer.credentials(), address, &directory)?;
        let server = Server {
            listener,
            tls: None,
            service: Arc::new(Service::Issuer(Box::new(issuer))),
        };
        tokio::spawn(server.run(future::pending()));
        if args.command.is_empty() {
            report.info(&format!(
                "this shell uses the token endpoint {}; try cells-token get, and type exit to leave",
                url(address)
            ));
        }
        child::run(command).await
    });
    // Ends the endpoint, even if the command left processes running.
    drop(runtime);
    if let Err(error) = directory.0.close() {
        report.warning(&format!("cannot delete the sandbox's directory: {error}"));
    }
    Ok(child::code(status?).into())
}

/// What the command needs to run.
struct Prepared {
    issuer: Issuer,
    directory: Directory,
    runtime: runtime::Runtime,
}

fn prepare(args: &cli::Sandbox, report: Reporter) -> Result<Prepared, Error> {
    const EXPIRES_IN: &str = "--expires-in";
    let lifetime = match args.expires_in.as_deref() {
        Some(text) => config::duration(text, EXPIRES_IN)?,
        None => DEFAULT_LIFETIME,
    };
    let script = script(args.respond.as_deref())?;
    Ok(Prepared {
        issuer: Issuer::new(lifetime, script, Timestamp::now, report)?,
        directory: Directory::new()?,
        runtime: runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the sandbox's server")?,
    })
}

async fn listen() -> Result<(TcpListener, SocketAddr), Error> {
    let listen = async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        anyhow::Ok((listener, address))
    };
    let listening = listen.await.context("cannot listen on 127.0.0.1");
    listening.map_err(|error| Error::from(error).before_command())
}

/// Parses the statuses of `--respond`, such as `503,429,200`.
fn script(text: Option<&str>) -> Result<Vec<StatusCode>, Problem> {
    let status = |text: &str| match text.trim().parse() {
        Ok(number @ 200..600) => StatusCode::from_u16(number).ok(),
        _ => None,
    };
    let statuses: Option<Vec<_>> = match text {
        Some(text) => text.split(',').map(status).collect(),
        None => Some(Vec::new()),
    };
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
    address: SocketAddr,
    directory: &Directory,
) -> Result<Command, Error> {
    let mut command = match args.command.split_first() {
        Some((program, arguments)) => {
            let mut command = Command::new(program);
            command.args(arguments);
            command
        }
        None => Command::new(shell()),
    };
    let foreign = env::VARIABLES
        .iter()
        .filter(|variable| !INHERITED.contains(variable));
    for name in foreign.map(|variable| variable.name).chain([HTTP_PROXY]) {
        command.env_remove(name);
    }
    let path = directory
        .first_on_path()
        .map_err(|error| Error::from(error).before_command())?;
    command
        .env(env::CELLS_BASE_URL.name, url(address))
        .env(env::CELLS_CLIENT_ID.name, &credentials.id.0)
        .env(env::CELLS_CLIENT_SECRET.name, credentials.secret.expose())
        .env(env::CELLS_CACHE_DIR.name, directory.cache())
        .env(env::CELLS_CONFIG_DIR.name, directory.config())
        // The user's keyring may hold a profile of the same name.
        .env(env::CELLS_STORE.name, "file")
        .env(PATH, path);
    Ok(command)
}

fn shell() -> OsString {
    let (variable, default) = SHELL;
    env::of_the_system(variable).unwrap_or_else(|| default.into())
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// The private temporary directory of the sandbox.
struct Directory(TempDir);

impl Directory {
    /// Creates the directory, with a link to this program in it.
    fn new() -> anyhow::Result<Self> {
        let create = || {
            let mut builder = tempfile::Builder::new();
            builder.prefix("cells-token-sandbox-");
            #[cfg(unix)]
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
            let directory = Self(builder.tempdir()?);
            fs::create_dir(directory.bin())?;
            link(&std::env::current_exe()?, &directory.bin().join(PROGRAM))?;
            anyhow::Ok(directory)
        };
        create().context("cannot create a private directory for the sandbox")
    }

    fn bin(&self) -> PathBuf {
        self.0.path().join("bin")
    }

    /// Created by the first token that is cached.
    fn cache(&self) -> PathBuf {
        self.0.path().join("cache")
    }

    /// Created by `login`.
    fn config(&self) -> PathBuf {
        self.0.path().join("config")
    }

    fn first_on_path(&self) -> anyhow::Result<OsString> {
        let path = env::of_the_system(PATH).or_else(|| DEFAULT_PATH.map(Into::into));
        let rest = path.iter().flat_map(std::env::split_paths);
        std::env::join_paths([self.bin()].into_iter().chain(rest))
            .context("cannot add the sandbox's directory to PATH")
    }
}

#[cfg(unix)]
fn link(program: &Path, at: &Path) -> anyhow::Result<()> {
    Ok(std::os::unix::fs::symlink(program, at)?)
}

/// On Windows, a symbolic link needs a privilege, and a hard link to a running program cannot be deleted.
#[cfg(not(unix))]
fn link(program: &Path, at: &Path) -> anyhow::Result<()> {
    fs::copy(program, at)?;
    Ok(())
}
