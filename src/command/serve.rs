//! `serve`: the Get Token API on this side of the wire, for a fleet, and for jobs that should not hold the secret.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::runtime;

use crate::cli;
use crate::config::Config;
use crate::credentials::{self, Selection};
use crate::env::Env;
use crate::error::Error;
use crate::oauth::ClientCredentials;
use crate::problem::Problem;
use crate::report::{Reporter, Verbosity};
use crate::server::{self, AccessLog, CallerKeys, Server, Service, Settings, Upstream};
use crate::time::{Deadline, Timestamp};

/// `--listen` where nothing else is said.
const DEFAULT_ADDRESS: &str = "127.0.0.1:8470";
/// Threads that wait: for the service, and a few for the disk.
const MOST_THREADS: usize = server::MOST_UPSTREAM + 4;
/// Files that may have to be open at once: connections, requests to the service, the cache.
#[cfg(unix)]
const OPEN_FILES: u64 = 4096;

/// Serves until a signal says that it is enough.
///
/// # Errors
/// If an option or variable cannot be right, or nobody can connect there.
#[inline(never)]
pub fn run(args: &cli::Serve, env: &Env, report: Reporter) -> Result<(), Error> {
    let address = address(args).map_err(Error::Usage)?;
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(cert), Some(key)) => Some(server::tls::acceptor(cert, key).map_err(Error::Usage)?),
        _ => None,
    };
    let settings = settings(args, env, address, report)?;
    allow_open_files();
    let runtime = runtime::Builder::new_current_thread()
        .max_blocking_threads(MOST_THREADS)
        .enable_all()
        .build()
        .context("cannot start the server")?;
    let served = runtime.block_on(async {
        let end = end().context("cannot watch for signals")?;
        let listener = server::listen(address).map_err(|error| {
            Error::CannotListen(Problem::new(
                format!("cannot listen on {address}: {error}"),
                "give --listen another address or port; another program may listen there already",
            ))
        })?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        report.info(&format!(
            "listening on {scheme}://{}, for {}",
            listener.local_addr().context("cannot tell the address")?,
            settings.config.endpoint
        ));
        let log = match report.verbosity() {
            Verbosity::Quiet => None,
            _ => Some(AccessLog::start(report).context("cannot start a thread")?),
        };
        let server = Server {
            listener,
            tls,
            service: Arc::new(Service::Upstream(Upstream::new(settings, log)?)),
        };
        server.run(end).await;
        Ok(())
    });
    // A request to the service that nobody waits for any more is left behind.
    runtime.shutdown_background();
    served
}

fn address(args: &cli::Serve) -> Result<SocketAddr, Problem> {
    let text = args.listen.as_deref().unwrap_or(DEFAULT_ADDRESS);
    let address: SocketAddr = text.parse().map_err(|_| {
        Problem::new(
            "--listen was given something that is not an address and a port",
            "give it something like 127.0.0.1:8470, 0.0.0.0:8470 or [::1]:8470",
        )
    })?;
    match (&args.tls_cert, &args.tls_key) {
        (Some(_), Some(_)) => Ok(address),
        (Some(_), None) => Err(Problem::new(
            "--tls-cert is given without --tls-key",
            "give the private key of the certificate by --tls-key",
        )),
        (None, Some(_)) => Err(Problem::new(
            "--tls-key is given without --tls-cert",
            "give the certificate of the key by --tls-cert",
        )),
        (None, None) if address.ip().is_loopback() || args.listen_http => Ok(address),
        (None, None) => Err(Problem::new(
            "--listen names an address that other machines can reach, where plain http shows secrets and tokens to everyone on the way",
            "give --tls-cert and --tls-key, or --listen-http where something else ends TLS",
        )),
    }
}

fn settings(
    args: &cli::Serve,
    env: &Env,
    address: SocketAddr,
    report: Reporter,
) -> Result<Settings, Error> {
    let cli::Serve {
        credentials: flags,
        profile,
        network,
        cache,
        ..
    } = args;
    let selection = Selection::new(flags, profile.name.as_deref(), env).map_err(Error::Usage)?;
    let config = Config::new(network, cache, &selection, env).map_err(Error::Usage)?;
    config.explain(report);
    let callers = match &args.caller_key_file {
        None => None,
        Some(file) => {
            let keys = CallerKeys::read(file).map_err(Error::Usage)?;
            selection.explain(report);
            let id = credentials::client_id(&selection, env)?;
            let (option, deadline) = (
                flags.client_secret.as_ref(),
                Deadline::after(config.timeout),
            );
            let secret = credentials::client_secret(&selection, option, env, deadline)?;
            Some((keys, ClientCredentials { id, secret }))
        }
    };
    Ok(Settings {
        config,
        is_on_loopback: address.ip().is_loopback(),
        callers,
        clock: Timestamp::now,
        report: report.without_progress(),
    })
}

/// A shell's usual limit is that of connections alone.
#[cfg(unix)]
fn allow_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = OPEN_FILES.min(maximum.unwrap_or(OPEN_FILES));
    if current.is_some_and(|current| current < wanted) {
        let raised = Rlimit {
            current: Some(wanted),
            maximum,
        };
        // Best effort: at the limit connections wait.
        let _ = setrlimit(Resource::Nofile, raised);
    }
}

#[cfg(not(unix))]
fn allow_open_files() {}

/// SIGTERM or SIGINT, caught from here on.
#[cfg(unix)]
fn end() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Ctrl-C, caught from here on.
#[cfg(windows)]
fn end() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
