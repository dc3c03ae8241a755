//! `serve`: a caching token proxy, for fleets and for jobs that should not hold the secret.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime;
#[cfg(unix)]
use tokio::signal::unix::{SignalKind, signal};

use crate::cli;
use crate::config::Config;
use crate::credentials::{self, Selection};
use crate::env::Env;
use crate::error::{Error, Exit};
use crate::oauth::ClientCredentials;
use crate::problem::Problem;
use crate::report::{BackgroundWriter, Reporter, Verbosity};
use crate::server::{
    self, CallerKeys, Callers, FromFiles, MAX_UPSTREAM_REQUESTS, Metrics, Service, TokenProxy,
    Upstream,
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
    let tls = match (args.tls_cert.clone(), args.tls_key.clone()) {
        (Some(cert), Some(key)) => {
            let read = move || server::acceptor(&cert, &key);
            Some(Arc::new(FromFiles::new("the certificate", read)?))
        }
        _ => None,
    };
    let profile = args.profile.name.as_deref();
    let selection = Selection::new(&args.credentials, profile, env)?;
    let config = Config::new(&args.network, &args.cache, &selection, env)?;
    config.explain(report);
    let callers = callers(args, &selection, env, report, config.timeout)?;
    #[cfg(unix)]
    allow_open_files();
    let runtime = runtime::Builder::new_current_thread()
        .max_blocking_threads(MAX_THREADS)
        .enable_all()
        .build()
        .context("cannot start the server")?;
    let served = runtime.block_on(async {
        let shutdown = terminated().context("cannot watch for signals")?;
        #[cfg(unix)]
        if tls.is_some() || callers.is_some() {
            let keys = callers.as_ref().map(|(keys, _)| Arc::clone(keys));
            let tls = tls.clone();
            let reload = move || {
                tls.iter().for_each(|tls| tls.reload(report));
                keys.iter().for_each(|keys| keys.reload(report));
            };
            on_hangup(reload).context("cannot watch for signals")?;
        }
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
        let report = report.without_progress();
        let own = callers.as_ref().map(|(_, own)| own);
        let upstream = Upstream::new(config, Timestamp::now, report, own)?;
        let metrics = Arc::new(Metrics::default());
        let proxy = TokenProxy {
            upstream,
            callers,
            metrics: Arc::clone(&metrics),
            clock: Timestamp::now,
        };
        let service = Service {
            router: proxy.router(),
            only_loopback_hosts: address.ip().is_loopback(),
            report,
            log_with: Verbosity::Normal,
            metrics,
        };
        server::serve(listener, tls, Arc::new(service), shutdown).await;
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
    if args.tls_cert.is_some() || args.listen_http || address.ip().is_loopback() {
        return Ok(address);
    }
    Err(Problem::new(
        "--listen names an address that other machines can reach, and plain http would expose secrets and tokens",
        "give --tls-cert and --tls-key, or --listen-http if something else terminates TLS",
    ))
}

/// The caller keys, and the credentials whose tokens their holders get.
fn callers(
    args: &cli::Serve,
    selection: &Selection,
    env: &Env,
    report: Reporter,
    timeout: Duration,
) -> Result<Option<Callers>, Error> {
    let Some(file) = args.caller_key_file.clone() else {
        return Ok(None);
    };
    let keys = FromFiles::new("the caller keys", move || CallerKeys::read(&file))?;
    selection.explain(report);
    let id = credentials::client_id(selection, env)?;
    let option = args.credentials.client_secret.as_ref();
    let deadline = Deadline::after(timeout);
    let secret = credentials::client_secret(selection, option, env, deadline)?;
    Ok(Some((Arc::new(keys), ClientCredentials { id, secret })))
}

/// Raises the soft limit, which is usually enough for the connections alone.
#[cfg(unix)]
fn allow_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = OPEN_FILES.min(maximum.unwrap_or(OPEN_FILES));
    if current.is_some_and(|current| current < wanted) {
        let current = Some(wanted);
        // Best effort: at the limit connections wait.
        let _ = setrlimit(Resource::Nofile, Rlimit { current, maximum });
    }
}

/// Calls `reload` on every SIGHUP, on another thread: files can block. Without this, SIGHUP ends the process.
#[cfg(unix)]
fn on_hangup(reload: impl Fn() + Clone + Send + 'static) -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            tokio::task::spawn_blocking(reload.clone());
        }
    });
    Ok(())
}

/// Completes on SIGTERM or SIGINT, which are caught from here on.
#[cfg(unix)]
fn terminated() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Completes on Ctrl-C.
#[cfg(windows)]
fn terminated() -> io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}
