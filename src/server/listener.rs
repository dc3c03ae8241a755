//! Serves HTTP/1.1 over TCP or TLS, with a limit on everything that a client sends.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::{select, time};
use tokio_io_timeout::TimeoutStream;

use super::access_log::Exchange;
use super::{Response, Service, Tls, response};

/// Connections at once. Further ones wait in the system's queue, which has room for as many.
const MAX_CONNECTIONS: u32 = 1024;
/// Request line and header fields together, in bytes.
const MAX_HEAD: usize = 8 * 1024;
/// In bytes. A token request takes a few hundred.
const MAX_BODY: usize = 8 * 1024;
/// Time for a request's head (and so for an idle connection), for its body, and for a TLS handshake.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// Time without progress for a client that does not read its response.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause after a failed accept: file descriptors may have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
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

/// A listener and the service behind it.
pub struct Server {
    /// Where connections come from.
    pub listener: TcpListener,
    /// TLS, or plain HTTP if `None`.
    pub tls: Option<Arc<Tls>>,
    /// Answers the requests.
    pub service: Arc<Service>,
}

impl Server {
    /// Serves until `shutdown` completes; then requests in flight have [`SHUTDOWN_TIMEOUT`] to finish.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self {
            listener,
            tls,
            service,
        } = self;
        let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS as usize));
        let (closing, is_closing) = watch::channel(false);
        let spawn = |stream: TcpStream, peer: SocketAddr, permit| {
            let connection = Connection {
                peer: peer.ip(),
                service: Arc::clone(&service),
                is_closing: is_closing.clone(),
                _permit: permit,
            };
            tokio::spawn(connection.serve(stream, tls.clone()));
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
}

/// A connection, plain or TLS.
trait Stream: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Stream for T {}

struct Connection {
    peer: IpAddr,
    service: Arc<Service>,
    is_closing: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    async fn serve(self, stream: TcpStream, tls: Option<Arc<Tls>>) {
        // A response is one small packet and must not wait for another.
        let _ = stream.set_nodelay(true);
        let stream: Pin<Box<dyn Stream>> = match tls {
            None => Box::pin(limit_writes(stream)),
            Some(tls) => {
                // Boxed, so that plain connections do not hold memory for it.
                let handshake = Box::pin(tls.acceptor().accept(stream));
                match time::timeout(READ_TIMEOUT, handshake).await {
                    Ok(Ok(stream)) => Box::pin(limit_writes(stream)),
                    _ => return,
                }
            }
        };
        self.speak_http(stream).await;
    }

    async fn speak_http(mut self, stream: Pin<Box<dyn Stream>>) {
        let (peer, service) = (self.peer, &self.service);
        let answer = service_fn(|request| {
            // Created before the response is awaited: the caller may leave at any time.
            let exchange = Exchange::begin(&request, peer, service);
            async move { Ok::<_, Infallible>(exchange.end(respond(request, service).await)) }
        });
        let http = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(READ_TIMEOUT)
            .max_header_size(MAX_HEAD)
            // Bounds what is read ahead from a client that pipelines.
            .max_buf_size(MAX_HEAD + MAX_BODY)
            .serve_connection(TokioIo::new(stream), answer);
        let mut http = pin!(http);
        // Polled first, so that a request that has arrived is in flight before the shutdown is looked at.
        select! {
            biased;
            _ = http.as_mut() => return,
            _ = self.is_closing.wait_for(|is_closing| *is_closing) => {}
        }
        http.as_mut().graceful_shutdown();
        let _ = http.await;
    }
}

fn limit_writes<S: AsyncRead + AsyncWrite>(stream: S) -> TimeoutStream<S> {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    stream
}

async fn respond(request: Request<Incoming>, service: &Service) -> Response {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY).collect();
    match time::timeout(READ_TIMEOUT, body).await {
        Ok(Ok(body)) => {
            let request = Request::from_parts(head, body.to_bytes());
            service.answer(&request).await
        }
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            response::closing(StatusCode::PAYLOAD_TOO_LARGE)
        }
        Ok(Err(_)) => response::closing(StatusCode::BAD_REQUEST),
        Err(_) => response::closing(StatusCode::REQUEST_TIMEOUT),
    }
}
