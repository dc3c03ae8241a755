//! Serves HTTP/1.1 over TCP or TLS, with a limit on everything that a client sends.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::{select, time};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

use super::{FromFiles, Service};

/// Connections at once. Further ones wait in the system's queue, which holds as many.
const MAX_CONNECTIONS: u32 = 1024;
/// Request line and header fields together, in bytes.
const MAX_HEAD: usize = 8 * 1024;
/// In bytes. A token request takes a few hundred.
pub const MAX_BODY: usize = 8 * 1024;
/// Time for a TLS handshake, for a head and so for an idle connection, and for a body; and time without progress for a
/// client that does not read its response.
pub const CLIENT_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause after a failed accept: file descriptors may have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Time for a connection's first request after the shutdown signal: one that has arrived may not have been read yet.
const LAST_REQUEST: Duration = Duration::from_millis(100);
/// Time for requests in flight after the shutdown signal.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// Listens like `TcpListener::bind`, with a queue for as many connections as are served at once.
///
/// # Errors
/// If the address is in use or not an address of this machine.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // On Windows it would let another process listen on the same port.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(MAX_CONNECTIONS)
}

/// Serves until `shutdown` completes; then requests in flight have [`SHUTDOWN_TIMEOUT`] to finish.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<FromFiles<TlsAcceptor>>>,
    service: Arc<Service>,
    shutdown: impl Future<Output = ()>,
) {
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS as usize));
    let (closing, is_closing) = watch::channel(false);
    let spawn = |stream, peer: SocketAddr, permit: OwnedSemaphorePermit| {
        let tls = tls.as_ref().map(|acceptor| acceptor.get());
        let (service, is_closing) = (Arc::clone(&service), is_closing.clone());
        tokio::spawn(async move {
            if let Some(stream) = connect(stream, tls).await {
                speak_http(stream, peer.ip(), &service, is_closing).await;
            }
            drop(permit);
        });
    };
    let accept_all = async {
        // The semaphore is never closed.
        while let Ok(permit) = Arc::clone(&connections).acquire_owned().await {
            match listener.accept().await {
                Ok((stream, peer)) => spawn(stream, peer, permit),
                Err(_) => time::sleep(ACCEPT_PAUSE).await,
            }
        }
    };
    select! {
        biased;
        () = shutdown => {}
        () = accept_all => {}
    }
    // Connections in the system's queue were made before the shutdown and may carry a request.
    if let Ok(listener) = listener.into_std() {
        while let Ok(permit) = Arc::clone(&connections).try_acquire_owned()
            && let Ok((stream, peer)) = listener.accept()
        {
            let stream = stream.set_nonblocking(true).map(|()| stream);
            if let Ok(stream) = stream.and_then(TcpStream::from_std) {
                spawn(stream, peer, permit);
            }
        }
    }
    closing.send_replace(true);
    let _ = time::timeout(SHUTDOWN_TIMEOUT, connections.acquire_many(MAX_CONNECTIONS)).await;
}

/// A connection, plain or TLS.
trait Stream: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Stream for T {}

/// Performs the TLS handshake, if there is one.
async fn connect(stream: TcpStream, tls: Option<Arc<TlsAcceptor>>) -> Option<Pin<Box<dyn Stream>>> {
    // A response is one small packet and must not wait for another.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        return Some(Box::pin(stream));
    };
    // Boxed, so that plain connections do not hold memory for it.
    let handshake = Box::pin(tls.accept(stream));
    match time::timeout(CLIENT_TIMEOUT, handshake).await {
        Ok(Ok(stream)) => Some(Box::pin(stream)),
        _ => None,
    }
}

async fn speak_http(
    stream: Pin<Box<dyn Stream>>,
    peer: IpAddr,
    service: &Service,
    mut is_closing: watch::Receiver<bool>,
) {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(CLIENT_TIMEOUT));
    let stream = TokioIo::new(Box::pin(stream));
    let http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(CLIENT_TIMEOUT)
        .max_header_size(MAX_HEAD)
        // Bounds what is read ahead from a client that pipelines.
        .max_buf_size(MAX_HEAD + MAX_BODY)
        .serve_connection(stream, service_fn(|request| service.answer(peer, request)));
    let mut http = pin!(http);
    let shutdown = async {
        let _ = is_closing.wait_for(|is_closing| *is_closing).await;
        time::sleep(LAST_REQUEST).await;
    };
    // Polled first, so that a request that has arrived is in flight before the connection is told to end.
    select! {
        biased;
        _ = http.as_mut() => return,
        () = shutdown => {}
    }
    http.as_mut().graceful_shutdown();
    let _ = http.await;
}
