//! A token endpoint of our own: who may connect, how many at once, and how it ends. What is answered is the service's
//! business.

mod access_log;
mod answer;
mod caller_keys;
mod connection;
mod endpoint;
mod flights;
mod gate;
mod guard;
mod issuer;
mod jwt;
mod kept;
mod memory;
mod places;
pub mod tls;
mod token_request;
mod upstream;
mod verdict;

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, Response};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::{select, task, time};
use tokio_rustls::TlsAcceptor;

pub use access_log::AccessLog;
pub use caller_keys::CallerKeys;
use connection::attend;
pub use flights::{MOST_AT_ONCE as MOST_UPSTREAM, Settings};
pub use issuer::{Issuer, Script};
use places::Places;
pub use upstream::Upstream;

/// Connections that wait to be accepted: as many as may be there.
const BACKLOG: u32 = 1024;
/// After a connection that could not be accepted, for want of file descriptors say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// What is in flight at the end may take this long.
const DRAIN: Duration = Duration::from_secs(10);

/// What answers requests.
pub enum Service {
    /// `sandbox`
    Issuer(Issuer),
    /// `serve`
    Upstream(Upstream),
}

impl Service {
    /// Answers a request, whose body is within its limit.
    async fn answer(&self, request: Request<Bytes>) -> Response<Full<Bytes>> {
        match self {
            Self::Issuer(issuer) => issuer.answer(&request),
            Self::Upstream(upstream) => upstream.answer(&request).await,
        }
    }

    /// Is told of every request, once it is answered or nobody waits for that any more.
    fn note(&self, exchange: &Exchange<'_>) {
        match self {
            Self::Issuer(issuer) => issuer.note(exchange),
            Self::Upstream(upstream) => upstream.note(exchange),
        }
    }
}

/// A request and its answer.
pub struct Exchange<'a> {
    /// Who asked.
    pub peer: IpAddr,
    /// What for.
    pub method: &'a Method,
    /// Without the query, where somebody may have put a secret.
    pub path: &'a str,
    /// What it was given.
    pub answer: &'a Response<Full<Bytes>>,
    /// How long that took from the end of the head.
    pub elapsed: Duration,
}

/// Listens as `TcpListener::bind` does, but callers that come all at once find room.
///
/// # Errors
/// If the address is not ours, or taken.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // On Windows it would let others listen there too.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// A listener, and what speaks on its connections.
pub struct Server {
    /// Where connections come from.
    pub listener: TcpListener,
    /// TLS, unless they are plain.
    pub tls: Option<TlsAcceptor>,
    /// What answers.
    pub service: Arc<Service>,
}

impl Server {
    /// Serves whoever connects until `end`. Then nobody else may, and what is in flight has its time; a request
    /// that came with the last of the connections is in flight too.
    pub async fn run(self, end: impl Future<Output = ()>) {
        let places = Places::new();
        let (closing, is_closing) = watch::channel(false);
        let attend = |stream, peer, place| {
            let connection = attend(stream, peer, place, &self, is_closing.clone());
            tokio::spawn(connection);
        };
        let mut end = pin!(end);
        loop {
            let accepted = select! {
                biased;
                () = &mut end => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => select! {
                    biased;
                    place = places.take() => attend(stream, peer.ip(), place),
                    () = &mut end => break,
                },
                Err(_) => {
                    places.close_oldest_idle();
                    time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        // Those who wait have come before the end. Whoever has a place keeps it: its request may not have been read.
        for _ in 0..BACKLOG {
            let Some(place) = places.take_free() else {
                break;
            };
            let Some(Ok((stream, peer))) = at_once(self.listener.accept()).await else {
                break;
            };
            attend(stream, peer.ip(), place);
        }
        drop(self.listener);
        // Somebody listens as long as a connection is there.
        let _ = closing.send(true);
        let _ = time::timeout(DRAIN, places.all()).await;
    }
}

/// What `future` is without waiting for it, once the system has been asked what is there.
async fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    // Whoever has accepted many in a row would be told to let others go first.
    let future = task::unconstrained(future);
    select! {
        biased;
        done = future => Some(done),
        () = task::yield_now() => None,
    }
}
