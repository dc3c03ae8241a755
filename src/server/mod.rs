//! HTTP/1.1 connections of a token endpoint of our own: their limits, their deadlines, one request after another
//! to the service, and their end. What is answered is the service's business.

mod access_log;
mod answer;
mod caller_keys;
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

use std::convert::Infallible;
use std::future::{self, Future};
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::{select, time};
use tokio_rustls::TlsAcceptor;

pub use access_log::AccessLog;
pub use caller_keys::CallerKeys;
pub use flights::{MOST_AT_ONCE as MOST_UPSTREAM, Settings};
pub use issuer::{Issuer, Script};
use places::{Place, Places};
pub use upstream::Upstream;

/// The request line and the header fields together, in bytes.
const LONGEST_HEAD: usize = 8 * 1024;
/// In bytes; a token request takes a few hundred.
const LONGEST_BODY: usize = 8 * 1024;
/// A head, and then a body, must have arrived within this; so a connection that says nothing ends after it too.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
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

    /// Is told of every request that was answered.
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
        while let Some(Ok((stream, peer))) = at_once(self.listener.accept()).await {
            match at_once(places.take()).await {
                Some(place) => attend(stream, peer.ip(), place),
                None => break,
            }
        }
        drop(self.listener);
        // Somebody listens as long as a connection is there.
        let _ = closing.send(true);
        let _ = time::timeout(DRAIN, places.all()).await;
    }
}

/// What `future` is without waiting for it.
async fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    select! {
        biased;
        done = future => Some(done),
        () = future::ready(()) => None,
    }
}

fn http() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(READ_TIMEOUT)
        .max_header_size(LONGEST_HEAD)
        // What is read ahead, from whoever sends without waiting.
        .max_buf_size(LONGEST_HEAD + LONGEST_BODY);
    http
}

/// One connection, to its end.
fn attend(
    stream: TcpStream,
    peer: IpAddr,
    place: Arc<Place>,
    server: &Server,
    is_closing: watch::Receiver<bool>,
) -> impl Future<Output = ()> + Send + use<> {
    let (tls, service) = (server.tls.clone(), Arc::clone(&server.service));
    async move {
        // An answer is one small packet; it need not wait for another.
        let _ = stream.set_nodelay(true);
        let stream: Box<dyn Stream> = match tls {
            None => Box::new(stream),
            Some(tls) => {
                // Boxed, so that plain connections do not hold the room for it.
                let handshake = Box::pin(time::timeout(READ_TIMEOUT, tls.accept(stream)));
                select! {
                    biased;
                    stream = handshake => match stream {
                        Ok(Ok(stream)) => Box::new(stream),
                        _ => return,
                    },
                    () = place.is_wanted() => return,
                }
            }
        };
        speak(stream, peer, place, service, is_closing).await;
    }
}

/// A connection, plain or not: HTTP is the same program on both.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

async fn speak(
    stream: Box<dyn Stream>,
    peer: IpAddr,
    place: Arc<Place>,
    service: Arc<Service>,
    mut is_closing: watch::Receiver<bool>,
) {
    let answer = service_fn(|request| {
        let (service, place) = (&service, &place);
        async move { Ok::<_, Infallible>(respond(request, peer, service, place).await) }
    });
    let mut connection = pin!(http().serve_connection(TokioIo::new(stream), answer));
    let mut told = false;
    loop {
        select! {
            biased;
            // A client that breaks off or talks nonsense has been answered as far as it can be.
            _ = connection.as_mut() => return,
            () = place.is_wanted() => return,
            _ = is_closing.wait_for(|is_closing| *is_closing), if !told => {
                connection.as_mut().graceful_shutdown();
                told = true;
            }
        }
    }
}

async fn respond(
    request: Request<Incoming>,
    peer: IpAddr,
    service: &Service,
    place: &Place,
) -> Response<Full<Bytes>> {
    let began = Instant::now();
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let answer = answer(request, service, place).await;
    service.note(&Exchange {
        peer,
        method: &method,
        path: uri.path(),
        answer: &answer,
        elapsed: began.elapsed(),
    });
    answer
}

async fn answer(
    request: Request<Incoming>,
    service: &Service,
    place: &Place,
) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, LONGEST_BODY).collect();
    match time::timeout(READ_TIMEOUT, body).await {
        Ok(Ok(body)) => {
            let _busy = place.busy();
            service
                .answer(Request::from_parts(head, body.to_bytes()))
                .await
        }
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            answer::closing(StatusCode::PAYLOAD_TOO_LARGE)
        }
        Ok(Err(_)) => answer::closing(StatusCode::BAD_REQUEST),
        Err(_) => answer::closing(StatusCode::REQUEST_TIMEOUT),
    }
}
