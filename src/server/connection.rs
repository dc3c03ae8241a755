//! One connection, plain or TLS, from its first byte to its end: HTTP/1.1 with a limit on all that a client sends.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::{select, time};

use super::places::Place;
use super::{Exchange, Server, Service, answer};

/// The request line and the header fields together, in bytes.
const LONGEST_HEAD: usize = 8 * 1024;
/// In bytes; a token request takes a few hundred.
const LONGEST_BODY: usize = 8 * 1024;
/// A head, and then a body, must have arrived within this; so a connection that says nothing ends after it too.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

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
pub fn attend(
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
        // Before the answer is begun: its caller may have left by then.
        let note = Note::of(&request, peer, &service);
        let (service, place) = (&service, &place);
        async move { Ok::<_, Infallible>(respond(request, note, service, place).await) }
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
    mut note: Note<'_>,
    service: &Service,
    place: &Place,
) -> Response<Full<Bytes>> {
    let answer = answer(request, service, place).await;
    note.make(&answer);
    answer
}

/// Of a request, whatever becomes of it: dropped before it is made, its caller has left without an answer.
struct Note<'a> {
    service: &'a Service,
    peer: IpAddr,
    method: Method,
    uri: Uri,
    began: Instant,
    is_made: bool,
}

impl<'a> Note<'a> {
    fn of(request: &Request<Incoming>, peer: IpAddr, service: &'a Service) -> Self {
        Self {
            service,
            peer,
            method: request.method().clone(),
            uri: request.uri().clone(),
            began: Instant::now(),
            is_made: false,
        }
    }

    fn make(&mut self, answer: &Response<Full<Bytes>>) {
        self.is_made = true;
        self.service.note(&Exchange {
            peer: self.peer,
            method: &self.method,
            path: self.uri.path(),
            answer,
            elapsed: self.began.elapsed(),
        });
    }
}

impl Drop for Note<'_> {
    fn drop(&mut self) {
        if !self.is_made {
            self.make(&answer::unheard());
        }
    }
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
