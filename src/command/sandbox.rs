//! `sandbox`: a command beside a token endpoint of its own, with made-up credentials: no account, no network. It
//! leaves nothing behind.

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

/// What cells-token reads and the command keeps: how to go about it, but neither who asks, nor whom, nor which way.
/// Every other variable that it reads, those of tomorrow too, is taken away.
const KEPT: [Variable; 10] = [
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

/// Not ours (curl does not read it either), but other programs would take the sandbox's requests to it.
const HTTP_PROXY: &str = "HTTP_PROXY";

const PATH: &str = "PATH";
/// Where commands are looked for without it.
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
        folder,
        runtime,
    } = prepare(args, report).map_err(Error::before_command)?;
    let status = runtime.block_on(async {
        let (listener, address) = listen().await?;
        let command = command(args, issuer.credentials(), address, &folder)?;
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
    // Whatever the command left running, its endpoint is gone.
    drop(runtime);
    if let Err(error) = folder.0.close() {
        report.warning(&format!("cannot delete the sandbox's directory: {error}"));
    }
    Ok(child::code(status?).into())
}

/// All that the command needs beside it.
struct Prepared {
    issuer: Issuer,
    folder: Folder,
    runtime: runtime::Runtime,
}

fn prepare(args: &cli::Sandbox, report: Reporter) -> Result<Prepared, Error> {
    const EXPIRES_IN: &str = "--expires-in";
    let lifetime = match args.expires_in.as_deref() {
        Some(text) => config::duration(text, EXPIRES_IN).map_err(Error::Usage)?,
        None => DEFAULT_LIFETIME,
    };
    let script = script(args.respond.as_deref()).map_err(Error::Usage)?;
    Ok(Prepared {
        issuer: Issuer::new(lifetime, script, Timestamp::now, report)?,
        folder: Folder::new()?,
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

/// `503,429,200`
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

/// What to run, in the environment that the contract promises.
fn command(
    args: &cli::Sandbox,
    credentials: &ClientCredentials,
    address: SocketAddr,
    folder: &Folder,
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
        .filter(|variable| !KEPT.contains(variable));
    for name in foreign.map(|variable| variable.name).chain([HTTP_PROXY]) {
        command.env_remove(name);
    }
    let path = folder
        .first_on_path()
        .map_err(|error| Error::from(error).before_command())?;
    command
        .env(env::CELLS_BASE_URL.name, url(address))
        .env(env::CELLS_CLIENT_ID.name, &credentials.id.0)
        .env(env::CELLS_CLIENT_SECRET.name, credentials.secret.expose())
        .env(env::CELLS_CACHE_DIR.name, folder.cache())
        .env(env::CELLS_CONFIG_DIR.name, folder.config())
        // The keyring is the user's own, and may hold a profile of the same name.
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

/// The sandbox's own, private from birth.
struct Folder(TempDir);

impl Folder {
    /// Makes it, with this very program in it.
    fn new() -> anyhow::Result<Self> {
        let make = || {
            let mut builder = tempfile::Builder::new();
            builder.prefix("cells-token-sandbox-");
            #[cfg(unix)]
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
            let folder = Self(builder.tempdir()?);
            fs::create_dir(folder.bin())?;
            link(&std::env::current_exe()?, &folder.bin().join(PROGRAM))?;
            anyhow::Ok(folder)
        };
        make().context("cannot create a private directory for the sandbox")
    }

    fn bin(&self) -> PathBuf {
        self.0.path().join("bin")
    }

    /// Made by whoever keeps something there.
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

/// Links to it are no way there: symbolic ones take a privilege, and a hard link cannot be deleted while the program
/// runs that it is another name of.
#[cfg(not(unix))]
fn link(program: &Path, at: &Path) -> anyhow::Result<()> {
    fs::copy(program, at)?;
    Ok(())
}
