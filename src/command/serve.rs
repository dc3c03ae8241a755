//! `serve`: a caching token proxy, for fleets and for jobs that should not hold the secret.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::{runtime, select};

use crate::cli;
use crate::config::Config;
use crate::credentials::{self, Selection};
use crate::env::Env;
use crate::error::{Error, Exit};
use crate::oauth::ClientCredentials;
use crate::problem::Problem;
use crate::report::{BackgroundWriter, Reporter};
use crate::server::{
    self, CallerKeys, Hosts, MAX_UPSTREAM_REQUESTS, Server, Service, Tls, TokenProxy,
};
use crate::time::{Deadline, Timestamp};

const DEFAULT_ADDRESS: &str = "127.0.0.1:8470";
/// Threads that block: for upstream requests, and a few for files.
const MAX_THREADS: usize = MAX_UPSTREAM_REQUESTS + 4;
/// Files that may have to be open at once: connections, upstream requests, the cache.
#[cfg(unix)]
const OPEN_FILES: u64 = 4096;

/// Serves until a signal ends it.
///
/// # Errors
/// If an option or variable is wrong, or the address cannot be listened on.
#[inline(never)]
pub fn run(args: &cli::Serve, env: &Env, report: Reporter) -> Result<(), Error> {
    let address = address(args)?;
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(cert), Some(key)) => Some(Tls::read(cert.clone(), key.clone())),
        _ => None,
    };
    let tls = tls.transpose()?.map(Arc::new);
    let profile = args.profile.name.as_deref();
    let selection = Selection::new(&args.credentials, profile, env)?;
    let config = Config::new(&args.network, &args.cache, &selection, env)?;
    config.explain(report);
    let callers = callers(args, &selection, env, report, config.timeout)?;
    let mut reloads: Vec<Reload> = Vec::new();
    if let Some(tls) = tls.clone() {
        reloads.push(("the certificate", Box::new(move || tls.reload())));
    }
    if let Some((keys, _)) = &callers {
        let keys = Arc::clone(keys);
        reloads.push(("the caller keys", Box::new(move || keys.reload())));
    }
    allow_open_files();
    let runtime = runtime::Builder::new_current_thread()
        .max_blocking_threads(MAX_THREADS)
        .enable_all()
        .build()
        .context("cannot start the server")?;
    let served = runtime.block_on(async {
        let shutdown = handle_signals(reloads, report).context("cannot watch for signals")?;
        let listener = server::listen(address).map_err(|error| {
            let problem = Problem::new(
                format!("cannot listen on {address}: {error}"),
                "give --listen another address or port, or stop the program that uses this one",
            );
            Error::Local(Exit::Unexpected, problem)
        })?;
        let _writer = BackgroundWriter::start().context("cannot start a thread")?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        report.info(&format!(
            "listening on {scheme}://{}, for {}",
            listener.local_addr().context("cannot read the address")?,
            config.endpoint
        ));
        let hosts = match address.ip().is_loopback() {
            true => Hosts::Loopback,
            false => Hosts::Any,
        };
        let report = report.without_progress();
        let proxy = TokenProxy::new(config, hosts, callers, Timestamp::now, report)?;
        let server = Server {
            listener,
            tls,
            service: Arc::new(Service::Proxy(proxy)),
        };
        server.run(shutdown).await;
        Ok(())
    });
    // Upstream requests that nobody waits for any more are left behind.
    runtime.shutdown_background();
    served
}

fn address(args: &cli::Serve) -> Result<SocketAddr, Problem> {
    let text = args.listen.as_deref().unwrap_or(DEFAULT_ADDRESS);
    let address: SocketAddr = text.parse().map_err(|_| {
        Problem::new(
            "the value of --listen is not an address and port",
            "use a value such as 127.0.0.1:8470, 0.0.0.0:8470 or [::1]:8470",
        )
    })?;
    match (&args.tls_cert, &args.tls_key) {
        (Some(_), Some(_)) => Ok(address),
        (Some(_), None) => Err(Problem::new(
            "--tls-cert is given without --tls-key",
            "give the certificate's private key with --tls-key",
        )),
        (None, Some(_)) => Err(Problem::new(
            "--tls-key is given without --tls-cert",
            "give the key's certificate with --tls-cert",
        )),
        (None, None) if address.ip().is_loopback() || args.listen_http => Ok(address),
        (None, None) => Err(Problem::new(
            "--listen names an address that other machines can reach, and plain http would expose secrets and tokens",
            "give --tls-cert and --tls-key, or --listen-http if something else terminates TLS",
        )),
    }
}

/// The caller keys, and the credentials whose tokens their holders get.
fn callers(
    args: &cli::Serve,
    selection: &Selection,
    env: &Env,
    report: Reporter,
    timeout: Duration,
) -> Result<Option<(Arc<CallerKeys>, ClientCredentials)>, Error> {
    let Some(file) = &args.caller_key_file else {
        return Ok(None);
    };
    let keys = CallerKeys::read(file.clone())?;
    selection.explain(report);
    let id = credentials::client_id(selection, env)?;
    let option = args.credentials.client_secret.as_ref();
    let deadline = Deadline::after(timeout);
    let secret = credentials::client_secret(selection, option, env, deadline)?;
    Ok(Some((Arc::new(keys), ClientCredentials { id, secret })))
}

/// Raises the soft limit, which usually has room for connections alone.
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

/// What SIGHUP reads again, by name.
type Reload = (
    &'static str,
    Box<dyn Fn() -> Result<(), Problem> + Send + Sync>,
);

/// Completes on SIGTERM or SIGINT, which are caught from here on. SIGHUP reloads, or ends the process too if there is
/// nothing to reload.
#[cfg(unix)]
fn handle_signals(reloads: Vec<Reload>, report: Reporter) -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let reloads = Arc::new(reloads);
    Ok(async move {
        loop {
            select! {
                _ = terminate.recv() => return,
                _ = interrupt.recv() => return,
                _ = hangup.recv() => if reloads.is_empty() {
                    return;
                }
            }
            let reloads = Arc::clone(&reloads);
            // On another thread: files can block.
            tokio::task::spawn_blocking(move || {
                for (what, reload) in &*reloads {
                    match reload() {
                        Ok(()) => report.info(&format!("reloaded {what}")),
                        Err(problem) => report.warning(&format!(
                            "{what} could not be reloaded and stays in use: {}",
                            problem.what
                        )),
                    }
                }
            });
        }
    })
}

/// Completes on Ctrl-C, which is caught from here on.
#[cfg(windows)]
fn handle_signals(_: Vec<Reload>, _: Reporter) -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
